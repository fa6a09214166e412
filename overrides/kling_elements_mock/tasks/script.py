"""What scenarios come to: plain values that the rest of the mock acts on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_elements_mock.tasks.life_cycle import COMPLETED

if TYPE_CHECKING:
    from kling_elements_mock.tasks.life_cycle import Pace


@dataclass(frozen=True, slots=True)
class Forced:
    """An answer given instead of the real one.

    Attributes:
        status: The status code; the body is the documented one.
        hint: Chooses among documented examples, e.g. `quota`.
        headers: More headers.
        html: An edge's HTML page instead of the documented body.
        empty: No body at all.
    """

    status: int
    hint: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    html: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What all the scenarios of one request come to.

    The first five act on the request itself, the others on the task that it creates.

    Attributes:
        forced: Answer this instead.
        delay: Wait so many seconds first.
        reset: Reset the connection instead of answering.
        truncated: Send half of the body, then close.
        after_create: Create the task, then lose the answer: `500` or `reset`.
        pace: How long the task takes; None for the server's own.
        end: COMPLETED, FAILED, or None for never.
        interlude: A status word that the document does not know.
        seed: The task's id comes from this.
        no_result: COMPLETED with an empty `generated`.
        expired: The result's address has expired from the start.
        omit_generated: Answers about the task lack `generated`.
        null_error: Status answers have `error: null`.
        bad_id: The task's id is no UUID.
        status_faults: How many first status answers are replaced, and by what code.
        webhook_duplicate: Each delivery is sent twice.
        webhook_reorder: The last change is delivered first.
        webhook_bad_signature: Deliveries are signed with another secret.
        webhook_retries: Tries after a failed delivery.
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
