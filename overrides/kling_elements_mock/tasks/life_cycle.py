"""The life of a task as a pure function of time and polls: CREATED, IN_PROGRESS, COMPLETED or FAILED."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CREATED: Final = "CREATED"
IN_PROGRESS: Final = "IN_PROGRESS"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
TERMINAL: Final = frozenset({COMPLETED, FAILED})


@dataclass(frozen=True, slots=True)
class Seconds:
    """A task ends so many seconds after it was created. It is CREATED for a quarter, one second at most."""

    seconds: float = 8.0

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < float("inf"):
            raise ValueError(f"a task takes 0 seconds or more: got {self.seconds}")


@dataclass(frozen=True, slots=True)
class Polls:
    """A task ends when its status is asked for the Nth time.

    `Polls(1)` is `INSTANT`: done at the first look.
    """

    polls: int = 1

    def __post_init__(self) -> None:
        if self.polls < 1:
            raise ValueError(f"a task takes 1 poll or more: got {self.polls}")


Pace = Seconds | Polls
INSTANT: Final = Polls(1)
_POLLS_TO_SEE_CREATED: Final = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """How a task will go.

    Attributes:
        pace: How long it takes.
        end: COMPLETED, FAILED, or None for a task that never ends.
        interlude: A status between CREATED and IN_PROGRESS that the document does not know, e.g. QUEUED.
    """

    pace: Pace
    end: str | None = COMPLETED
    interlude: str | None = None


def milestones(plan: Plan) -> tuple[tuple[str, float], ...]:
    """Give each status with the moment it is reached, in seconds since creation or in polls."""
    word: float
    work: float
    end: float
    if isinstance(plan.pace, Seconds):
        total = plan.pace.seconds
        begin = min(1.0, total / 4)
        word, work = begin, (begin + total) / 2 if plan.interlude else begin
        end = total
    else:
        # With three polls or more, the first one still sees CREATED, as a real client does now and then.
        word, work = 1, 2 if plan.interlude or plan.pace.polls >= _POLLS_TO_SEE_CREATED else 1
        end = max(plan.pace.polls, work)
    reached: list[tuple[str, float]] = [(CREATED, 0)]
    if plan.interlude is not None:
        reached.append((plan.interlude, word))
    reached.append((IN_PROGRESS, work))
    if plan.end is not None:
        reached.append((plan.end, end))
    return tuple(reached)


def history(plan: Plan, elapsed: float, polls: int) -> tuple[str, ...]:
    """Give the statuses a task has gone through, the present one last.

    Args:
        plan: How it goes.
        elapsed: Seconds since it was created.
        polls: How often its status was asked for.
    """
    now = elapsed if isinstance(plan.pace, Seconds) else polls
    return tuple(status for status, moment in milestones(plan) if moment <= now)


def next_change(plan: Plan, elapsed: float) -> float | None:
    """Give the seconds since creation at which the status changes next; None if time changes nothing more."""
    if not isinstance(plan.pace, Seconds):
        return None
    return min((moment for _, moment in milestones(plan) if moment > elapsed), default=None)
