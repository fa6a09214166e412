"""The client's own limits."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_elements.errors import ValidationError
from kling_elements.policy.rate_limits import Limits, Rate, RateLimiter, rate_limiter_for

LEFT, RESET = "x-ratelimit-remaining", "x-ratelimit-reset"


def headers(remaining: object, reset: object) -> dict[str, str]:
    return {LEFT: str(remaining), RESET: str(reset)}


def sent_at(governor: RateLimiter, now: float) -> float:
    return now + governor.delay(now)


def test_the_vendors_limits() -> None:
    """By default: 250 requests in 5 s and 1,200 in 2 minutes, and three tasks."""
    governor = RateLimiter()
    moments = [sent_at(governor, 0.0) for _ in range(1201)]
    assert moments[249] == 0.0
    assert moments[250] == 5.0
    assert moments[1199] == 20.0
    assert moments[1200] == 120.0
    assert governor.free_slots(0.0) == 3


def test_an_average_is_whole_requests() -> None:
    """An average over a window is rounded down, but allows one request."""
    assert Rate.average(2.5, 3.0) == Rate(7, 3.0)
    assert Rate.average(0.1, 5.0) == Rate(1, 5.0)


rates = st.lists(
    st.builds(Rate, st.integers(1, 8), st.integers(1, 20).map(float)), min_size=1, max_size=3
).map(tuple)


# On a busy machine drawing the lists may seem slow: what is measured then is the machine.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rates, st.lists(st.integers(0, 12), max_size=80))
def test_no_window_ever_holds_more_than_its_rate(kept: tuple[Rate, ...], gaps: list[int]) -> None:
    """No window of any rate holds more than it allows, and no request is held back for nothing."""
    governor = RateLimiter(Limits(kept, None))
    now = 0.0
    moments: list[float] = []
    for gap in gaps:
        now += gap / 4
        moment = sent_at(governor, now)
        earlier = list(moments)
        moments.append(moment)
        assert moment >= now
        if moment > now and moment > max(earlier):
            assert any(
                sum(1 for other in earlier if other > moment - 0.25 - rate.seconds) >= rate.requests
                for rate in kept
            )
    assert moments == sorted(moments)
    for rate in kept:
        for first, last in zip(moments, moments[rate.requests :], strict=False):
            assert last - first >= rate.seconds - 1e-9


def test_an_exhausted_window_of_the_services_is_waited_for() -> None:
    """Nothing left until the reset means to wait for it, and not longer than the longest window."""
    governor = RateLimiter()
    governor.update_from(headers(0, 7), 10.0)
    assert governor.delay(11.0) == 6.0
    assert governor.delay(17.5) == 0.0
    governor.update_from(headers(0, 10**8), 20.0)
    assert governor.delay(20.0) == 120.0


def test_what_the_service_has_left_is_not_exceeded() -> None:
    """With two requests left, the third waits for the reset; answers that come late don't add any."""
    governor = RateLimiter()
    governor.update_from(headers(2, 5), 0.0)
    assert [governor.delay(0.0), governor.delay(0.0)] == [0.0, 0.0]
    governor.update_from(headers(2, 5), 0.5)
    assert governor.delay(1.0) == pytest.approx(4.5)
    assert governor.delay(6.0) == 0.0


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(st.sampled_from([LEFT, RESET, "x-ratelimit-limit"]), st.text(max_size=12) | st.just("-1"))
)
def test_odd_headers_are_ignored(odd: dict[str, str]) -> None:
    """No header raises, or stops a client for more than two minutes."""
    governor = RateLimiter()
    governor.update_from(odd, 0.0)
    assert 0 <= governor.delay(0.0) <= 120.0


def test_three_tasks_at_once() -> None:
    """A fourth task gets no slot until one ends; a slot becomes the task's."""
    governor = RateLimiter()
    slots = [governor.take_slot(0.0) for _ in range(4)]
    assert slots[3] is None
    for number, slot in enumerate(slots[:3]):
        governor.task_started(f"t{number}", 1.0, slot)
    assert governor.free_slots(2.0) == 0
    governor.task_ended("t1")
    governor.task_ended("never heard of")
    assert governor.free_slots(2.0) == 1


def test_a_task_that_nobody_sees_is_forgotten() -> None:
    """A task that isn't seen for 35 minutes takes no slot any more; each look keeps it."""
    governor = RateLimiter()
    for task in ("a", "b", "c", "d"):
        governor.task_started(task, 0.0)
    governor.task_started("d", 600.0)
    assert governor.slot_delay(600.0) == 1500.0
    assert governor.free_slots(2099.0) == 0
    assert governor.free_slots(2100.0) == 2
    assert governor.slot_delay(2100.0) == 0.0


def test_limits_can_be_off() -> None:
    """Without limits nothing waits, whatever the service says of its own."""
    governor = RateLimiter(Limits.off())
    governor.update_from(headers(0, 60), 0.0)
    assert [governor.delay(0.0) for _ in range(2000)] == [0.0] * 2000
    assert all(governor.take_slot(0.0) for _ in range(100))
    assert governor.slot_delay(0.0) == 0.0
    assert len(governor._sent) < 2


def test_memory_is_bounded() -> None:
    """Only the longest window's requests are remembered."""
    governor = RateLimiter()
    for number in range(5000):
        governor.delay(float(number))
    assert len(governor._sent) <= 1200


def test_usage_is_told_in_a_line() -> None:
    """The description counts requests and tasks, and tells how long the next would wait."""
    governor = RateLimiter()
    governor.delay(0.0)
    governor.task_started("t", 0.0)
    governor.update_from(headers(0, 3), 1.0)
    usage = governor.describe(1.0)
    assert str(usage) == (
        "1 of 250 requests in 5 s, 1 of 1200 requests in 120 s, 1 of 3 tasks, the next request waits 3.0 s"
    )
    exhausted = evolve(usage, requests=(), limits=Limits.off(), wait=0.0, quota_wait=9_720_000.0)
    assert str(exhausted) == "1 tasks, the day's quota is used up; it may be renewed in 2700.0 h"


def test_clients_of_one_key_and_origin_share_a_governor() -> None:
    """The limits are a key's, not a client's."""
    one = rate_limiter_for("f", "https://a.example")
    assert rate_limiter_for("f", "https://a.example") is one
    assert rate_limiter_for("f", "https://b.example") is not one
    assert rate_limiter_for("g", "https://a.example") is not one
    assert rate_limiter_for("f", "https://a.example", Limits.off()).limits == Limits.off()
    assert rate_limiter_for("f", "https://a.example").limits == Limits.off()


def test_threads_don_t_exceed_it_together() -> None:
    """Many threads that ask at once get different places."""
    governor = RateLimiter(Limits((Rate(10, 1.0),), 3))
    with ThreadPoolExecutor(8) as pool:
        delays = sorted(pool.map(lambda _: governor.delay(0.0), range(200)))
        slots = [slot for slot in pool.map(lambda _: governor.take_slot(0.0), range(50)) if slot]
    assert delays == [float(number // 10) for number in range(200)]
    assert len(slots) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_lock_does_not_survive_a_fork() -> None:
    """A child forked while a thread holds the lock is not stuck."""
    governor = rate_limiter_for("forked", "https://a.example")
    with governor._lock:
        child = os.fork()
        if child == 0:
            os._exit(
                0
                if governor.delay(0.0) == 0.0 and rate_limiter_for("forked", "https://a.example") is governor
                else 1
            )
    done = threading.Timer(10.0, os.kill, (child, 9))
    done.start()
    status = os.waitpid(child, 0)[1]
    done.cancel()
    assert status == 0


@pytest.mark.parametrize("wrong", [lambda: Rate(0, 1.0), lambda: Rate(1, 0.0), lambda: Limits((), 0)])
def test_limits_that_would_allow_nothing_are_refused(wrong: object) -> None:
    """Zero is no limit: it would stop everything. To switch one off, leave it out."""
    assert callable(wrong)
    with pytest.raises(ValidationError):
        wrong()


def test_a_place_is_taken_of_what_the_service_has_left() -> None:
    """Each request takes one of those that are left until the reset; after it they are others."""
    governor = RateLimiter()
    governor.update_from(headers(2, 10), 0.0)
    assert [governor.delay(1.0) for _ in range(3)] == [0.0, 0.0, 9.0]
    governor = RateLimiter()
    governor.update_from(headers(1, 10), 0.0)
    assert [governor.delay(now) for now in (10.0, 10.0)] == [0.0, 0.0]


def test_answers_overtake_one_another() -> None:
    """Within a window the least that was told counts, and the latest reset; in the next one it is new."""
    governor = RateLimiter()
    governor.update_from(headers(1, 10), 0.0)
    governor.update_from(headers(5, 4), 1.0)
    assert [governor.delay(1.0) for _ in range(2)] == [0.0, 9.0]
    governor = RateLimiter()
    governor.update_from(headers(1, 10), 0.0)
    governor.update_from(headers(2, 10), 10.0)
    assert [governor.delay(10.0) for _ in range(3)] == [0.0, 0.0, 10.0]


def test_a_longer_block_is_not_shortened() -> None:
    """Of two answers with nothing left the later reset counts, up to two minutes."""
    governor = RateLimiter()
    governor.update_from(headers(0, 60), 0.0)
    governor.update_from(headers(0, 5), 1.0)
    assert governor.delay(1.0) == 59.0
    governor = RateLimiter()
    governor.update_from(headers(0, 500), 0.0)
    assert governor.delay(0.0) == 120.0
    governor = RateLimiter()
    governor.update_from(headers(1, 100), 0.0)
    governor.update_from(headers(0, 5), 0.0)
    assert [governor.delay(0.0) for _ in range(2)] == [5.0, 5.0]


@pytest.mark.parametrize("odd", [{LEFT: "0"}, {RESET: "9"}, headers("0", "9.5"), headers("0x1", "9"), {}])
def test_half_a_header_says_nothing(odd: dict[str, str]) -> None:
    """Without both numbers nothing is known; spaces around them do no harm."""
    governor = RateLimiter()
    governor.update_from(odd, 0.0)
    assert governor.delay(0.0) == 0.0
    governor.update_from({LEFT: " 0 ", RESET: " 9 "}, 0.0)
    assert governor.delay(0.0) == 9.0


def test_the_least_limits() -> None:
    """One task at once is a limit; a window of no length is none, and is told by its name."""
    assert RateLimiter(Limits((), 1)).take_slot(0.0) is not None
    with pytest.raises(ValidationError, match=r"^a rate's window must be above zero seconds: got 0$"):
        Rate(1, 0)


def test_what_needs_no_wait_tells_of_none() -> None:
    """Only a wait that there is is shown, and a slot that nobody knows is no fault."""
    governor = RateLimiter()
    governor.task_started("t", 0.0, "no slot")
    assert "waits" not in str(governor.describe(0.0))
    assert governor.describe(0.0).tasks == 1


def test_what_is_used_is_counted_in_its_window() -> None:
    """Requests count from when they are sent until the window has passed; forgotten tasks don't."""
    governor = RateLimiter(Limits((Rate(2, 10.0),), None))
    for _ in range(3):
        governor.delay(0.0)
    governor.task_started("t", 0.0)
    assert governor.describe(0.0).requests == (2,)
    assert str(governor.describe(9.0)) == "2 of 2 requests in 10 s, 1 tasks, the next request waits 1.0 s"
    assert governor.describe(10.0).requests == (1,)
    assert (governor.describe(20.0).requests, governor.describe(2100.0).tasks) == ((0,), 0)
    assert governor.free_slots(0.0) == float("inf")


def test_a_slot_that_was_no_task() -> None:
    """A slot that is given back, or becomes a task's, is free for the next; slots have names of their own."""
    governor = RateLimiter(Limits((), 2))
    one, two = governor.take_slot(0.0), governor.take_slot(5.0)
    assert one != two
    assert governor.slot_delay(5.0) == 2095.0
    assert one is not None
    governor.task_ended(one)
    assert governor.free_slots(5.0) == 1
    assert governor.slot_delay(5.0) == 0.0
    governor.task_started("t", 6.0, two)
    assert governor.free_slots(6.0) == 1
    governor.task_started("u", 6.0)
    governor.task_started("v", 6.0)
    assert governor.free_slots(6.0) == 0
