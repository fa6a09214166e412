"""Fetch results and images from hosts other than the service's.

The key is never sent there, and only redirects that the caller allows are followed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from kling_elements.types import DEFAULT_PORTS, NoResponse, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kling_elements.api.io import IO
    from kling_elements.external import ExternalRequest, ResponseHead
    from kling_elements.types import Sink


_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5


class NotFollowed(NoResponse):
    """A URL or redirect that we refused to request. Not retryable."""

    __slots__ = ()


def _same_host(before: str, after: str) -> bool:
    """Allow a redirect that stays on the host, and not from https to http."""
    old, new = urlsplit(before), urlsplit(after)
    ports = [parts.port if parts.port != DEFAULT_PORTS[parts.scheme] else None for parts in (old, new)]
    return old.hostname == new.hostname and ports[0] == ports[1] and new.scheme in {"https", old.scheme}


def any_host(before: str, after: str) -> bool:
    """Allow a redirect to any host, but not from https to http."""
    return urlsplit(before).scheme == "http" or urlsplit(after).scheme == "https"


def _anything(before: str, after: str) -> bool:  # noqa: ARG001 - as the others
    """Allow any redirect to an http or https URL, even from https to http."""
    return True


REDIRECT_RULES: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {"same-host": _same_host, "any-host": any_host, "any": _anything}
)
"""The rules for redirects that a caller can choose, by name."""


async def fetch(
    io: IO,
    request: ExternalRequest,
    open_sink: Callable[[ResponseHead], Sink | None],
    *,
    may_follow: Callable[[str, str], bool],
) -> ResponseHead | NoResponse:
    """Fetch a URL, following the redirects that `may_follow` allows.

    Args:
        io: Does the I/O.
        request: The first request.
        open_sink: Called with the head of a response that is no redirect; returns the sink for its body.
        may_follow: Whether to follow a redirect from the first URL to the second.

    Returns:
        The head of the last response, or the fault that ended it.
    """
    for _ in range(_MAX_REDIRECTS + 1):
        url = request.url
        if not _is_web(url):
            return NotFollowed("it is no http or https URL", was_sent=False)
        outcome = await io.stream(
            request,
            lambda head: None if head.status in _REDIRECTS else open_sink(head),
        )
        if isinstance(outcome, NoResponse) or outcome.status not in _REDIRECTS:
            return outcome
        target = _target(url, outcome.headers.get("location", ""))
        if not _is_web(target) or not may_follow(url, target):
            return NotFollowed(
                f"a redirect to {redact_url(target) or 'nowhere'} is not followed", was_sent=True
            )
        request = request._replace(url=target)
    return NotFollowed("too many redirects", was_sent=True)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port above 65535 either
        return False


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""
