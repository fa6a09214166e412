"""Fetching from other hosts than the service's: results and images.

No key goes there, and only redirects that were agreed to are followed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from attrs import evolve, frozen

from kling_elements.types import ExternalRequest, NoResponse, ResponseHead, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kling_elements.api.io import IO
    from kling_elements.types import Sink


@frozen
class NotFollowed(NoResponse):
    """An address, or a redirect, that was not asked: to repeat it is of no use."""


_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def same_host(before: str, after: str) -> bool:
    """A redirect that stays on the host, and does not fall back from https to http."""
    old, new = urlsplit(before), urlsplit(after)
    return old.netloc == new.netloc and new.scheme in {"https", old.scheme}


def any_host(before: str, after: str) -> bool:
    """A redirect that does not fall back from https to http."""
    return urlsplit(before).scheme == "http" or urlsplit(after).scheme == "https"


def _anything(before: str, after: str) -> bool:  # noqa: ARG001 - as the others
    """Any redirect to a web address, one from https to http included."""
    return True


REDIRECT_RULES: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {"same-host": same_host, "any-host": any_host, "any": _anything}
)
"""The redirects that a caller can ask for, by name."""


async def fetch(
    io: IO,
    request: ExternalRequest,
    open_sink: Callable[[ResponseHead], Sink | None],
    *,
    may_follow: Callable[[str, str], bool],
) -> ResponseHead | NoResponse:
    """Fetch a URL, following the redirects that `may_follow` allows.

    Args:
        io: Does it.
        request: The first request; its URL is an http or https one.
        open_sink: Told the head of an answer that is no redirect; gives the sink for its body.
        may_follow: Whether to follow from the first URL to the second.

    Returns:
        The head of the last answer, or the fault that ended it.
    """
    for _ in range(MAX_REDIRECTS + 1):
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
        if not target or not may_follow(url, target):
            return NotFollowed(
                f"a redirect to {redact_url(target) or 'nowhere'} is not followed", was_sent=True
            )
        request = evolve(request, url=target)
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


MAX_REDIRECTS = 5
