"""What is asked of other hosts than the service's, and comes of it: images, stores, results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ExternalRequest:
    """A request to another host than the service's: sent without the key, redirects not followed.

    Attributes:
        url: The URL, sent as it is.
        headers: The headers.
        timeout: Seconds without a byte.
        method: The HTTP method.
        content: The body.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str]
    timeout: float
    method: str = "GET"
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The beginning of a streamed response."""

    status: int
    headers: Mapping[str, str]
    url: str = field(repr=False)
