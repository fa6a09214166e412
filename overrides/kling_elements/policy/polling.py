"""Decide when to poll a task: a pure schedule, jittered.

Sibling models took 73 to 530 s, with claims up to 30 minutes; this one is unmeasured. So the polls are
frequent at first, and then less so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from kling_elements.arguments import check_kind, check_seconds
from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value


@dataclass(frozen=True, slots=True)
class Stage:
    """Until the wait is `until` seconds old, poll every `shortest` to `longest` seconds.

    Raises:
        ValidationError: If one of them is no number of seconds.
    """

    until: float
    shortest: float
    longest: float

    def __post_init__(self) -> None:
        for name in ("until", "shortest", "longest"):
            check_seconds(f"a stage's `{name}`", getattr(self, name))


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """How long to sleep before each poll of a task.

    Attributes:
        first: Seconds from the start to the first poll.
        stages: The stages that follow, each up to an age of the wait in seconds.
        jitter: The share of a delay by which it is lengthened or shortened at random, where a stage has no
            range of its own; from 0 to 1.

    Raises:
        ValidationError: If one of them can't be used.
    """

    first: float = 10.0
    stages: tuple[Stage, ...] = field(
        default=(Stage(120.0, 5.0, 5.0), Stage(600.0, 10.0, 10.0), Stage(math.inf, 20.0, 30.0))
    )
    jitter: float = 0.1

    def __post_init__(self) -> None:
        check_seconds("first", self.first)
        check_kind("stages", self.stages, tuple)
        if not self.stages:
            raise ValidationError(["stages must hold one or more"])
        for stage in self.stages:
            check_kind("each stage", stage, Stage)
        if check_seconds("jitter", self.jitter) > 1:
            raise ValidationError([f"jitter must be from 0 to 1: got {shown_value(self.jitter)}"])

    @classmethod
    def fixed(cls, seconds: float) -> PollSchedule:
        """Return a schedule that polls every `seconds` seconds, without jitter."""
        return cls(first=seconds, stages=(Stage(math.inf, seconds, seconds),), jitter=0.0)

    def delay(self, *, looks: int, elapsed: float, random: float) -> float:
        """Return the seconds to sleep before the next poll.

        Args:
            looks: How many scheduled polls there were.
            elapsed: The age of the wait in seconds.
            random: A number from 0 to 1, evenly distributed.
        """
        if looks == 0:
            return self._spread(self.first, self.first, random)
        for stage in self.stages:
            if elapsed < stage.until:
                break
        else:
            stage = self.stages[-1]
        return self._spread(stage.shortest, stage.longest, random)

    def _spread(self, shortest: float, longest: float, random: float) -> float:
        if shortest == longest:
            return shortest * (1 + self.jitter * (2 * random - 1))
        return shortest + (longest - shortest) * random


def choose_schedule(schedule: PollSchedule | None, poll_interval: float | None) -> PollSchedule:
    """Return the schedule that a client's arguments ask for.

    Raises:
        ValidationError: If one of them is of the wrong kind.
    """
    if schedule is not None:
        check_kind("schedule", schedule, PollSchedule)
    if poll_interval is not None:
        return PollSchedule.fixed(check_seconds("poll_interval", poll_interval))
    return schedule or PollSchedule()
