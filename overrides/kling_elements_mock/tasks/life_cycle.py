"""Compute a task's statuses from time and polls: CREATED, IN_PROGRESS, then COMPLETED or FAILED."""

from __future__ import annotations

from typing import Final

from attrs import frozen

CREATED: Final = "CREATED"
IN_PROGRESS: Final = "IN_PROGRESS"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
TERMINAL: Final = frozenset({COMPLETED, FAILED})


@frozen
class Seconds:
    """A task ends so many seconds after its creation. It is CREATED for a quarter of them, at most 1 s."""

    seconds: float = 8.0

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.seconds < float("inf"):
            raise ValueError(f"a task takes 0 seconds or more: got {self.seconds}")


@frozen
class Polls:
    """A task ends at the Nth poll. `Polls(1)` is `INSTANT`."""

    polls: int = 1

    def __attrs_post_init__(self) -> None:
        if self.polls < 1:
            raise ValueError(f"a task takes 1 poll or more: got {self.polls}")


Pace = Seconds | Polls
INSTANT: Final = Polls(1)
_POLLS_TO_SEE_CREATED: Final = 3


@frozen
class Plan:
    """How a task will go."""

    pace: Pace  # how long it takes
    end: str | None = COMPLETED  # COMPLETED, FAILED, or None for a task that never ends
    interlude: str | None = None  # an undocumented status between CREATED and IN_PROGRESS, e.g. QUEUED


def milestones(plan: Plan) -> tuple[tuple[str, float], ...]:
    """Return each status with its moment, in seconds since creation or in polls."""
    start: float
    work: float
    end: float
    if isinstance(plan.pace, Seconds):
        end = plan.pace.seconds
        start = min(1.0, end / 4)
        work = (start + end) / 2 if plan.interlude else start
    else:
        # With three polls or more, the first one still sees CREATED, as a real client sometimes does.
        start, work = 1, 2 if plan.interlude or plan.pace.polls >= _POLLS_TO_SEE_CREATED else 1
        end = max(plan.pace.polls, work)
    reached = ((CREATED, 0), (plan.interlude, start), (IN_PROGRESS, work), (plan.end, end))
    return tuple((status, moment) for status, moment in reached if status is not None)


def history(plan: Plan, elapsed: float, polls: int) -> tuple[str, ...]:
    """Return the statuses after `elapsed` seconds and so many polls, the present one last."""
    now = elapsed if isinstance(plan.pace, Seconds) else polls
    return tuple(status for status, moment in milestones(plan) if moment <= now)


def next_change(plan: Plan, elapsed: float) -> float | None:
    """Return the seconds since creation of the next change; None if time changes nothing more."""
    if not isinstance(plan.pace, Seconds):
        return None
    return min((moment for _, moment in milestones(plan) if moment > elapsed), default=None)
