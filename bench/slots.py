"""Simulate a batch over three slots: how soon is it done, and with how many looks, by each schedule of looks.

    python -m bench.slots

Between a task's end and the look that sees it, its slot is idle. Durations are log-normal (sigma 0.4). The same
seeds serve every schedule. A schedule is a function from a task's age at one look to the age at the next one.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Schedule = Callable[[float], float]

MEDIANS = (60.0, 180.0, 300.0)
SIGMA, JOBS, SLOTS, RUNS = 0.4, 100, 3, 60


def today(age: float) -> float:
    """First after 10 s, each 5 s up to 2 minutes, each 10 s up to 10 minutes, then each 25 s."""
    if not age:
        return 10.0
    return age + (5.0 if age < 120 else 10.0 if age < 600 else 25.0)  # noqa: PLR2004


def fixed(seconds: float) -> Schedule:
    """Each so many seconds."""
    return lambda age: age + seconds


def exponential(first: float, factor: float, longest: float) -> Schedule:
    """Gaps that grow with the age."""
    return lambda age: age + min(longest, max(first, age * (factor - 1)))


def hazard(median: float, scale: float) -> Schedule:
    """Gaps that shrink as a task's end becomes likely: proportional to the hazard's power of minus one half.

    Args:
        median: Of the durations, as the journal has them.
        scale: Makes the number of looks; a larger one means fewer.
    """

    def following(age: float) -> float:
        z = math.log(max(age, 1.0) / median) / SIGMA
        density = math.exp(-z * z / 2) / (max(age, 1.0) * SIGMA * math.sqrt(2 * math.pi))
        survival = max(math.erfc(z / math.sqrt(2)) / 2, 1e-9)
        gap = scale / math.sqrt(max(density / survival, 1e-9))
        # Nothing is gained by looking long before the first tasks end.
        return max(age + min(gap, 60.0), median * math.exp(-2.5 * SIGMA)) if not age else age + min(gap, 30.0)

    return following


def run(schedule: Schedule, median: float, seed: int) -> tuple[float, int]:
    """Return the seconds that a batch takes, and its looks."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    slots = [0.0] * SLOTS
    heapq.heapify(slots)
    looks = 0
    for _ in range(JOBS):
        duration = chance.lognormvariate(math.log(median), SIGMA)
        age = 0.0
        while age < duration:
            age = schedule(age) or duration  # no age: it is seen when it ends
            looks += 1
        heapq.heappush(slots, heapq.heappop(slots) + age)
    return max(slots), looks


def compare(median: float) -> list[tuple[str, float, float]]:
    """Return each schedule's name, time over the ideal one, and looks a task; medians over the seeds."""
    schedules: dict[str, Schedule] = {"today": today}
    schedules |= {f"fixed {gap:g} s": fixed(gap) for gap in (2.5, 5, 10, 20)}
    schedules |= {f"exponential {factor:g}": exponential(2, factor, 30) for factor in (1.03, 1.05, 1.1)}
    schedules |= {f"hazard {scale:g}": hazard(median, scale) for scale in (0.4, 0.6, 0.8, 1.0, 1.5)}
    rows = []
    ideal = [run(lambda _: 0.0, median, seed)[0] for seed in range(RUNS)]
    for name, schedule in schedules.items():
        found = [run(schedule, median, seed) for seed in range(RUNS)]
        seconds = statistics.median(seconds / best for (seconds, _), best in zip(found, ideal, strict=True))
        rows.append((name, seconds, statistics.median(looks for _, looks in found) / JOBS))
    return rows


if __name__ == "__main__":
    for each in MEDIANS:
        print(f"median {each:g} s")
        for row in compare(each):
            print(f"  {row[0]:18} {100 * (row[1] - 1):6.1f} % over the ideal   {row[2]:6.1f} looks a task")
