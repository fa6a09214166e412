"""What is asked of other hosts than the service's, and comes of it: images, stores, results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExternalRequest(NamedTuple):
    """A request to another host than the service's: sent without the key, redirects not followed.

    Attributes:
        url: The URL, sent as it is.
        headers: The headers.
        timeout: Seconds without a byte.
        method: The HTTP method.
        content: The body.
    """

    url: str
    headers: Mapping[str, str]
    timeout: float
    method: str = "GET"
    content: bytes | None = None

    def __repr__(self) -> str:
        return f"ExternalRequest(headers={self.headers!r}, timeout={self.timeout!r}, method={self.method!r})"


class ResponseHead(NamedTuple):
    """The beginning of a streamed response."""

    status: int
    headers: Mapping[str, str]
    url: str

    def __repr__(self) -> str:
        return f"ResponseHead(status={self.status!r}, headers={self.headers!r})"
