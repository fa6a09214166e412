"""The effect of scenarios, as plain values that the rest of the mock acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from kling_elements_mock.tasks.life_cycle import COMPLETED

if TYPE_CHECKING:
    from kling_elements_mock.tasks.life_cycle import Pace


@frozen
class Forced:
    """A response sent instead of the real one."""

    status: int  # the status code; the body is the documented one
    hint: str = ""  # chooses among documented examples, e.g. `quota`
    headers: dict[str, str] = field(factory=dict)  # more headers
    html: bool = False  # send an HTML page, as a gateway does, instead of the documented body
    empty: bool = False  # send no body
    hint_is_asked_for: bool = False  # the test gave the hint, so that it must choose an example


@frozen
class Script:
    """The combined effect of the scenarios of one request; `scenarios.CATALOGUE` says what each does.

    `end` is None for a task that never ends. `status_faults` is how many first status responses are replaced,
    and by what status code.
    """

    forced: Forced | None = None
    delay: float = 0.0
    reset: bool = False
    truncated: bool = False
    after_create: str | None = None
    pace: Pace | None = None
    end: str | None = COMPLETED
    interlude: str | None = None
    seed: str | None = None
    no_result: bool = False
    expired: bool = False
    omit_generated: bool = False
    null_error: bool = False
    bad_id: bool = False
    status_faults: tuple[int, int] = (0, 0)
    webhook_duplicate: bool = False
    webhook_reorder: bool = False
    webhook_bad_signature: bool = False
    webhook_retries: int = 0
