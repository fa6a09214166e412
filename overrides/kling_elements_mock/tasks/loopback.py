"""Call this machine, and no other: fetch an image, post a webhook."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

_FETCH_SECONDS = 5.0

Fetch = Callable[[str, int], bytes]
"""Fetches a loopback URL, at most so many bytes; raises FetchError."""

Sender = Callable[[str, dict[str, str], bytes], int]
"""Posts a body with headers to a URL and returns the response's status; raises OSError without one."""


class FetchError(Exception):
    """An image could not be fetched; the message says why."""


def is_loopback(url: str) -> bool:
    """Return whether a URL is `http(s)` and its host is this machine's loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"}:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fetch(url: str, most: int) -> bytes:
    """Fetch a loopback URL; FetchError unless the response is a 200 within 5 s.

    A body that is larger than `most` bytes is cut off one chunk later, so that the caller sees its size.
    """
    data = bytearray()
    try:
        with _client(_FETCH_SECONDS) as client, client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise FetchError(f"the server answered {response.status_code}")
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > most:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(type(error).__name__) from error
    return bytes(data)


def http_sender(timeout: float) -> Sender:
    """Return a sender over HTTP that waits `timeout` seconds for a response."""

    def send(url: str, headers: dict[str, str], body: bytes) -> int:
        try:
            with _client(timeout) as client:
                return client.post(url, headers=headers, content=body).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(str(error)) from error

    return send


def _client(timeout: float) -> httpx.Client:
    # No redirect is followed and no proxy used. On the loopback there is no certificate to check.
    return httpx.Client(timeout=timeout, trust_env=False, verify=False)  # noqa: S501
