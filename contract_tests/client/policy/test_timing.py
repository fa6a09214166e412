"""When: pauses, the polling schedule, deadlines, and the client's own limits of requests and tasks."""

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract_tests.support.examples import examples
from contract_tests.support.reentry import cut_into
from kling_elements import Limits, PollSchedule, RetryPolicy, Stage, ValidationError
from kling_elements.arguments import check_seconds
from kling_elements.policy.polling import choose_schedule
from kling_elements.policy.rate_limits import TASK_FORGOTTEN, Rate, RateLimiter, rate_limiter_for
from kling_elements.policy.retries import Deadline, backoff

DEFAULT = RetryPolicy()


ENDLESS = RetryPolicy(attempts=None)
# A policy, the attempt, the service's hint, a random share, the time left, and the pause.
PAUSES: list[tuple[RetryPolicy, int, float | None, float, float, float | None]] = [
    (DEFAULT, 1, None, 1.0, math.inf, 0.5),
    (DEFAULT, 1, None, 0.25, math.inf, 0.125),
    (DEFAULT, 2, None, 1.0, math.inf, 1.0),
    (DEFAULT, 2, None, 0.0, math.inf, 0.0),
    (DEFAULT, 3, None, 1.0, math.inf, None),
    (DEFAULT, 1, 20.0, 0.5, math.inf, 20.0),
    (DEFAULT, 1, 20.1, 1.0, math.inf, None),
    (DEFAULT, 1, 5.0, 1.0, 5.0, None),
    (DEFAULT, 1, -5.0, 1.0, math.inf, 0.0),
    (DEFAULT, 1, math.nan, 1.0, math.inf, None),
    (DEFAULT, 1, None, 1.0, 0.001, 0.001),
    (DEFAULT, 1, None, 1.0, 0.00099, None),
    (ENDLESS, 9, None, 1.0, 3.0, 3.0),
    (ENDLESS, 9, None, 1.0, 0.0, None),
    (ENDLESS, 100_000, None, 0.5, math.inf, ENDLESS.cap / 2),
    (RetryPolicy(attempts=None, base=3.0, cap=7.0), 2, None, 1.0, math.inf, 6.0),
    (RetryPolicy(attempts=None, base=3.0, cap=7.0), 3, None, 1.0, math.inf, 7.0),
]


def test_pauses() -> None:
    """A pause is what the service asks for, else a share of a bound that doubles; it ends in time."""
    for policy, attempt, hint, share, remaining, pause in PAUSES:
        assert backoff(policy, attempt, hint, share, remaining) == pause, (attempt, hint, share, remaining)


# --- the schedule and the deadline

SCHEDULE = PollSchedule()
# Jitter is a tenth either way, but none in an interval or a stage of its own.
LAST = PollSchedule(stages=(Stage(5.0, 9.0, 9.0), Stage(10.0, 1.0, 1.0), Stage(20.0, 2.0, 3.0)))


def test_delays() -> None:
    """After 10 s, every 5 s up to 2 minutes, every 10 s up to 10 minutes, then every 20 to 30 s."""
    for schedule, looks, elapsed, shortest, longest in (
        (SCHEDULE, 0, 0.0, 9.0, 11.0),
        (SCHEDULE, 0, 1e6, 9.0, 11.0),
        (SCHEDULE, 1, 0.0, 4.5, 5.5),
        (SCHEDULE, 1, 119.9, 4.5, 5.5),
        (SCHEDULE, 1, 120.0, 9.0, 11.0),
        (SCHEDULE, 1, 599.9, 9.0, 11.0),
        (SCHEDULE, 1, 600.0, 20.0, 30.0),
        (SCHEDULE, 1000, 1e9, 20.0, 30.0),
        (LAST, 1, 99.0, 2.0, 3.0),
        (PollSchedule.fixed(7.5), 0, 0.0, 7.5, 7.5),
        (PollSchedule.fixed(0.0), 3, 1e6, 0.0, 0.0),
    ):
        delays = [schedule.delay(looks=looks, elapsed=elapsed, random=share) for share in (0.0, 0.5, 1.0)]
        assert delays == pytest.approx([shortest, (shortest + longest) / 2, longest])


# A timeout from 1000 on, the moment, what is to be slept, and what is slept.
CLAMPED = ((60.0, 1000.0, 30.0, 30.0), (60.0, 1050.0, 30.0, 10.0), (60.0, 1060.0, 30.0, 0.0),
           (60.0, 2000.0, 30.0, 0.0), (0.0, 1000.0, 30.0, 0.0), (math.inf, 1e12, 30.0, 30.0))  # fmt: skip


def test_deadlines_and_schedules() -> None:
    """An interval goes before a schedule, and a schedule before the default. No sleep passes a deadline.

    A clock that steps back does not lengthen a wait.
    """
    own = PollSchedule(first=1.0)
    assert choose_schedule(None, None) == SCHEDULE
    assert choose_schedule(own, None) is own
    assert choose_schedule(own, 3) == PollSchedule.fixed(3.0)
    assert choose_schedule(own, 0) == PollSchedule.fixed(0.0)
    for timeout, now, asked, slept in CLAMPED:
        assert Deadline(1000.0, timeout).clamp(asked, now) == slept
    deadline = Deadline(1000.0, 60.0)
    assert (deadline.elapsed(900.0), deadline.remaining(900.0)) == (0.0, 60.0)


# --- arguments

# Values that each policy may have. A schedule has a stage, jitter is a share, and no limit is zero.
GOOD: list[tuple[Callable[..., object], dict[str, Any]]] = [
    (Rate, {"requests": 1, "seconds": 1.0}),
    (Limits, {"rates": (Rate(1, 1.0),), "tasks": 1}),
    (RetryPolicy, {"attempts": 1, "base": 1.0, "cap": 1.0, "max_hint": 1.0}),
    (Stage, {"until": 1.0, "shortest": 1.0}),
    (PollSchedule, {"first": 1.0, "stages": (Stage(1.0, 1.0, 1.0),), "jitter": 1.0}),
    (choose_schedule, {"poll_interval": 1.0}),
]
BAD: dict[str, tuple[object, ...]] = {
    **dict.fromkeys(("requests", "seconds", "tasks", "attempts"), (0,)),
    "stages": ((), ([1],), (5,)),
    "rates": ((5,), ("off",)),
    "jitter": (1.5,),
}


def test_values_of_a_policy() -> None:
    """Each value of each policy is checked."""
    for kind, values in GOOD:
        more = {"schedule": None} if kind is choose_schedule else {"longest": 1.0} if kind is Stage else {}
        assert kind(**values, **more)
        for name in values:
            for wrong in ("off", -1, math.nan, True, [1], *BAD.get(name, ())):
                with pytest.raises(ValidationError):
                    kind(**{**values, **more, name: wrong})


def test_seconds() -> None:
    """Any number that is not below zero is seconds, as a float; the error names the option."""
    assert [check_seconds("x", value) for value in (0, 2, 0.5, math.inf)] == [0.0, 2.0, 0.5, math.inf]
    assert check_seconds("x", 10**400) == math.inf
    assert check_seconds("x", 1e-9, above_zero=True) == 1e-9
    for value in (-(3**999), -1, math.nan, -math.inf, True, "1", None):
        with pytest.raises(ValidationError, match=r"^x must be"):
            check_seconds("x", value)
    for value in (0, 0.0, -1):
        with pytest.raises(ValidationError, match=r"^x must be above zero"):
            check_seconds("x", value, above_zero=True)


# --- limits

LEFT, RESET = "x-ratelimit-remaining", "x-ratelimit-reset"


def headers(remaining: object, reset: object) -> dict[str, str]:
    return {LEFT: str(remaining), RESET: str(reset)}


def test_the_vendors_limits() -> None:
    """By default: 250 requests in 5 s and 1,200 in 2 minutes, and three tasks."""
    limiter = RateLimiter()
    moments = [limiter.delay(0.0) for _ in range(1201)]
    assert (moments[249], moments[250], moments[1199], moments[1200]) == (0.0, 5.0, 20.0, 120.0)
    assert limiter.free_slots(0.0) == 3
    assert [Rate.average(2.5, 3.0), Rate.average(0.1, 5.0)] == [Rate(7, 3.0), Rate(1, 5.0)]


rates = st.lists(
    st.builds(Rate, st.integers(1, 8), st.integers(1, 20).map(float)), min_size=1, max_size=3
).map(tuple)


@examples(60)
@given(rates, st.lists(st.integers(0, 12), max_size=80))
def test_no_window_ever_holds_more_than_its_rate(kept: tuple[Rate, ...], gaps: list[int]) -> None:
    """No window of any rate holds more than it allows, and no request is held back for nothing."""
    limiter = RateLimiter(Limits(kept, None))
    now = 0.0
    moments: list[float] = []
    for gap in gaps:
        now += gap / 4
        moment = now + limiter.delay(now)
        if moment > now and moment > max(moments):
            assert any(
                sum(1 for other in moments if other > moment - 0.25 - rate.seconds) >= rate.requests
                for rate in kept
            )
        moments.append(moment)
    assert moments == sorted(moments)
    for rate in kept:
        for first, last in zip(moments, moments[rate.requests :], strict=False):
            assert last - first >= rate.seconds - 1e-9


# Answers that came (remaining, reset, when), a moment, and the delays of requests made at that moment.
ANSWERS: dict[str, tuple[list[tuple[int, int, float]], float, list[float]]] = {
    "nothing left": ([(0, 7, 10.0)], 11.0, [6.0]),
    "the reset has passed": ([(0, 7, 10.0)], 17.5, [0.0]),
    "never longer than the longest window": ([(0, 10**8, 20.0)], 20.0, [120.0]),
    "two left": ([(2, 10, 0.0)], 1.0, [0.0, 0.0, 9.0]),
    "others after the reset": ([(1, 10, 0.0)], 10.0, [0.0, 0.0]),
    "the least of late answers counts": ([(1, 10, 0.0), (5, 4, 1.0)], 1.0, [0.0, 9.0]),
    "a late answer gives no place back": ([(2, 5, 0.0), (1, 5, 0.5)], 1.0, [0.0, 4.5]),
    "a new window is new": ([(1, 10, 0.0), (2, 10, 10.0)], 10.0, [0.0, 0.0, 10.0]),
    "a longer block is not shortened": ([(0, 60, 0.0), (0, 5, 1.0)], 1.0, [59.0]),
    "nothing left after some": ([(1, 100, 0.0), (0, 5, 0.0)], 0.0, [5.0, 5.0]),
}


def test_what_the_service_has_left() -> None:
    """The service's own count is kept to, until its reset, unless limits are off."""
    off = RateLimiter(Limits.off())
    for name, (answers, now, delays) in ANSWERS.items():
        limiter = RateLimiter()
        for remaining, reset, moment in answers:
            limiter.update_from(headers(remaining, reset), moment)
            off.update_from(headers(remaining, reset), moment)
        assert [limiter.delay(now) for _ in delays] == delays, name
        assert [off.delay(now) for _ in range(2000)] == [0.0] * 2000
    assert all(off.take_slot(0.0) for _ in range(100))
    assert (off.slot_delay(0.0), off.free_slots(0.0)) == (0.0, float("inf"))


@examples(60)
@given(st.dictionaries(st.sampled_from([LEFT, RESET]), st.text(max_size=12) | st.just("-1")))
@example({LEFT: "0"})
@example({RESET: "9"})
@example(headers("0", "9.5"))
@example(headers("0x1", "9"))
def test_no_header_stops_a_client(odd: dict[str, str]) -> None:
    """No header raises, or stops a client for more than two minutes; spaces around numbers do no harm."""
    limiter = RateLimiter()
    limiter.update_from(odd, 0.0)
    assert 0 <= limiter.delay(0.0) <= 120.0
    limiter = RateLimiter()
    limiter.update_from(headers(" 0 ", " 9 "), 0.0)
    assert limiter.delay(0.0) == 9.0


def test_tasks_at_once() -> None:
    """A fourth task gets no slot until one ends; a slot becomes the task's, or is given back."""
    limiter = RateLimiter()
    slots = [limiter.take_slot(0.0) for _ in range(4)]
    assert len(set(slots)) == 4
    assert slots[3] is None
    for number, slot in enumerate(slots[:2]):
        limiter.task_started(f"t{number}", 1.0, slot)
    assert (limiter.free_slots(2.0), limiter.slot_delay(2.0)) == (0, 2098.0)
    limiter.task_ended("never heard of")
    assert limiter.free_slots(2.0) == 0
    assert slots[2] is not None
    for ended in ("t1", slots[2]):
        limiter.task_ended(ended)
    assert (limiter.free_slots(2.0), limiter.slot_delay(2.0)) == (2, 0.0)
    assert RateLimiter(Limits((), 1)).take_slot(0.0) is not None
    # A task that isn't seen for 35 minutes takes no slot any more; each poll keeps it.
    limiter = RateLimiter()
    for task in ("a", "b", "c", "d"):
        limiter.task_started(task, 0.0)
    limiter.task_started("d", 600.0)
    assert (limiter.slot_delay(600.0), limiter.free_slots(2099.0)) == (1500.0, 0)
    assert (limiter.free_slots(2100.0), limiter.slot_delay(2100.0)) == (2, 0.0)


def test_usage() -> None:
    """Requests count until their window has passed; a wait is shown if there is one."""
    limiter = RateLimiter(Limits((Rate(2, 10.0),), None))
    for _ in range(3):
        limiter.delay(0.0)
    limiter.task_started("t", 0.0, "no slot")
    assert [limiter.describe(now).requests for now in (0.0, 10.0, 20.0)] == [(2,), (1,), (0,)]
    assert str(limiter.describe(9.0)) == "2 of 2 requests in 10 s, 1 tasks, the next request waits 1.0 s"
    assert "waits" not in str(limiter.describe(20.0))
    assert limiter.describe(2100.0).tasks == 0
    assert "of 3 tasks" in str(RateLimiter().describe(0.0))
    exhausted = limiter.describe(20.0)._replace(quota_wait=9_720_000.0)
    assert "may be renewed in 2700.0 h" in str(exhausted)


def test_clients_of_one_key_and_origin_share_a_limiter() -> None:
    """The limits are a key's, not a client's."""
    one = rate_limiter_for("f", "https://a.example")
    assert rate_limiter_for("f", "https://a.example") is one
    assert rate_limiter_for("f", "https://b.example") is not one
    assert rate_limiter_for("g", "https://a.example") is not one
    assert rate_limiter_for("f", "https://a.example", Limits.off()).limits == Limits.off()
    assert rate_limiter_for("f", "https://a.example").limits == Limits.off()


def test_threads_do_not_exceed_it_together() -> None:
    """Many threads that ask at once get different places."""
    limiter = RateLimiter(Limits((Rate(10, 1.0),), 3))
    with ThreadPoolExecutor(8) as pool:
        delays = sorted(pool.map(lambda _: limiter.delay(0.0), range(200)))
        slots = [slot for slot in pool.map(lambda _: limiter.take_slot(0.0), range(50)) if slot]
    assert (delays, len(slots)) == ([float(number // 10) for number in range(200)], 3)


CALLS: list[Callable[[RateLimiter], object]] = [
    lambda limiter: limiter.delay(1.0),
    lambda limiter: limiter.update_from(headers(5, 9), 1.0),
    lambda limiter: limiter.describe(1.0),
    lambda limiter: limiter.slot_delay(1.0),
    lambda limiter: limiter.take_slot(TASK_FORGOTTEN),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_signal_handler_may_use_it_at_any_moment(call: Callable[[RateLimiter], object]) -> None:
    """It does not wait for what it cuts into, and that is content with whatever was forgotten meanwhile."""
    step = 0
    for step in count(1):
        limiter = RateLimiter(Limits((Rate(2, 1.0), Rate(3, 5.0)), 1))
        for task in ("a", "b"):
            limiter.delay(0.0)
            limiter.task_started(task, 0.0)
        limiter.update_from(headers(1, 60), 0.0)

        def handler(limiter: RateLimiter = limiter) -> None:
            limiter.delay(2 * TASK_FORGOTTEN)
            limiter.update_from(headers(0, 7), 2 * TASK_FORGOTTEN)
            assert limiter.describe(2 * TASK_FORGOTTEN).tasks == 0

        if not cut_into(partial(call, limiter), handler, step, RateLimiter.__module__):
            break
    assert step > 3


class Forking(float):
    """A time that forks when it is compared: within a call, while the lock is held."""

    child: int | None = None

    def __lt__(self, other: float) -> bool:
        if self.child is None:
            self.child = os.fork()
        if self.child == 0:
            limiter = rate_limiter_for("forked", "https://a.example")
            os._exit(0 if limiter.delay(0.0) == 0.0 else 1)
        return float(self) < other


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_lock_does_not_survive_a_fork() -> None:
    """A child forked while the parent holds the lock is not stuck."""
    now = Forking(0.0)
    rate_limiter_for("forked", "https://a.example").delay(now)
    assert now.child
    done = threading.Timer(10.0, os.kill, (now.child, 9))
    done.start()
    status = os.waitpid(now.child, 0)[1]
    done.cancel()
    assert status == 0
