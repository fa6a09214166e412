"""The settings of a mock. By default it serves the shipped document to any key."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, ge, gt, instance_of, le, optional

from kling_elements_mock.tasks.life_cycle import Pace, Seconds
from kling_elements_mock.tasks.limits import RateLimit

WEBHOOK_SECRET: Final = "mock-webhook-secret"  # noqa: S105 - not a secret: everybody knows it
REFUSED_KEY_PREFIX: Final = "invalid"
_YEAR: Final = 366 * 86_400
_TEXT: Final = instance_of(str)
_COUNT: Final = optional(and_(instance_of(int), gt(0)))


@frozen
class MockSettings:
    """How a mock behaves.

    Attributes:
        pace: How long a task takes: `Seconds(8)`, `Polls(3)` or `INSTANT`.
        seed: Ids, request ids and result tokens are derived from it.
        keys: The keys that it accepts; by default, any that is not empty and does not begin with `invalid`.
        scenario: Acts on every request that has no scenario header of its own.
        webhook_secret: Its UTF-8 bytes sign the deliveries.
        webhook_timeout: Seconds that a receiver has to answer.
        rate_limits: Enforced by client address; none by default.
        concurrency: Unfinished tasks that one key may have; None for any number.
        daily_quota: Tasks that one key may create in a UTC day; None for any number.
        result_lifetime: Seconds from completion until the result's URL expires; 3600 on siblings.
        max_body_bytes: A larger request body is refused. Four images of 10 MB are 54 MB in base64.
        document: The OpenAPI document to serve; the shipped one by default.
    """

    pace: Pace = field(factory=Seconds)
    seed: str = field(default="kling-elements", validator=_TEXT)
    keys: tuple[str, ...] = field(default=(), validator=deep_iterable(_TEXT, instance_of(tuple)))
    scenario: str = field(default="", validator=_TEXT)
    webhook_secret: str = field(default=WEBHOOK_SECRET, validator=_TEXT)
    webhook_timeout: float = field(default=5.0, validator=and_(gt(0), le(_YEAR)))
    rate_limits: tuple[RateLimit, ...] = ()
    concurrency: int | None = field(default=None, validator=_COUNT)
    daily_quota: int | None = field(default=None, validator=_COUNT)
    result_lifetime: float = field(default=3600.0, validator=and_(ge(0), le(_YEAR)))
    max_body_bytes: int = field(default=64 * 1024 * 1024, validator=gt(0))
    document: Path | None = None
