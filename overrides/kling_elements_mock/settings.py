"""What a mock can be told when it is made.

The defaults serve the shipped document to anybody with any key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kling_elements_mock.tasks.life_cycle import Pace, Seconds

if TYPE_CHECKING:
    from pathlib import Path

WEBHOOK_SECRET: Final = "mock-webhook-secret"  # noqa: S105 - a stand-in's secret, known to all
REFUSED_KEY_PREFIX: Final = "invalid"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many requests from one client address in any window of so many seconds."""

    requests: int
    seconds: float

    def __post_init__(self) -> None:
        if self.requests < 1 or self.seconds <= 0:
            raise ValueError(
                f"a rate limit is 1 request or more in some seconds: got {self.requests} in {self.seconds}"
            )


VENDOR_RATE_LIMITS: Final = (RateLimit(250, 5), RateLimit(1200, 120))
"""50 requests/s over 5 s and 10/s averaged over 2 minutes, by address: the vendor's page on rate limits."""

VENDOR_CONCURRENCY: Final = 3
"""Concurrent tasks of one user: the vendor's page on rate limits. What a fourth one gets is not known."""


@dataclass(frozen=True, slots=True)
class MockSettings:
    """How a mock behaves.

    Attributes:
        pace: How long a task takes: `Seconds(8)`, `Polls(3)` or `INSTANT`.
        seed: Ids, request ids and result tokens come from it.
        keys: The keys it accepts. None given: any key that is not empty and does not begin with `invalid`.
        scenario: Acts on every request that has no scenario header of its own.
        webhook_secret: Deliveries are signed with its UTF-8 bytes.
        webhook_timeout: Seconds that a receiver has.
        rate_limits: Enforced by client address; none by default.
        concurrency: Unfinished tasks that one key may have; None for any number.
        daily_quota: Tasks that one key may create in a UTC day; None for any number.
        result_lifetime: Seconds from completion until the result's address expires; 3600 on siblings.
        max_body_bytes: A larger request body is refused. Four images of 10 MB are 54 MB in base64.
        document: The OpenAPI document to serve; the shipped one by default.
    """

    pace: Pace = field(default_factory=Seconds)
    seed: str = "kling-elements"
    keys: tuple[str, ...] = ()
    scenario: str = ""
    webhook_secret: str = WEBHOOK_SECRET
    webhook_timeout: float = 5.0
    rate_limits: tuple[RateLimit, ...] = ()
    concurrency: int | None = None
    daily_quota: int | None = None
    result_lifetime: float = 3600.0
    max_body_bytes: int = 64 * 1024 * 1024
    document: Path | None = None
