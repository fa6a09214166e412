"""Fetches images from the loopback, within limits."""

from __future__ import annotations

import httpx

from kling_elements_mock.tasks.images import FetchError

_TIMEOUT = 5.0


def fetch(url: str, most: int) -> bytes:
    """Fetch an image from this machine: no redirect is followed, no proxy used.

    Args:
        url: On the loopback; the caller has checked that.
        most: Bytes to take at most. What is larger is cut off one byte later, so that the caller sees it.

    Raises:
        FetchError: There was no answer within 5 s, or it was not 200.
    """
    data = bytearray()
    try:
        # Only the loopback is called: there is no certificate that could be checked.
        with (
            httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=False) as client,  # noqa: S501
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise FetchError(f"the server answered {answer.status_code}")
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > most:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(type(error).__name__) from error
    return bytes(data)
