"""Which deliveries are news."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_elements.task import Task
from kling_elements.types import TERMINAL_STATUSES
from kling_elements.webhooks import Delivery, DeliveryLog, Receipt


def delivery(
    status: str, number: int, *, task_id: str = "t", at: int = 0, urls: tuple[str, ...] = ()
) -> Delivery:
    return Delivery(f"msg_{number}", at, Task(task_id, status, urls=urls))


def test_a_life_in_order_is_all_news() -> None:
    """CREATED, IN_PROGRESS, COMPLETED: three changes."""
    inbox = DeliveryLog()
    for number, status in enumerate(("CREATED", "IN_PROGRESS", "COMPLETED"), 1):
        assert inbox.receive(delivery(status, number)) is Receipt.NEW
        assert inbox.changes("t") == number
    assert inbox.latest("t") == Task("t", "COMPLETED")


def test_a_repeated_delivery_is_none() -> None:
    """The same id again is a duplicate, whatever it says."""
    inbox = DeliveryLog()
    inbox.receive(delivery("IN_PROGRESS", 1))
    assert inbox.receive(delivery("IN_PROGRESS", 1)) is Receipt.DUPLICATE
    assert inbox.receive(delivery("COMPLETED", 1)) is Receipt.DUPLICATE
    assert inbox.receive(delivery("IN_PROGRESS", 2)) is Receipt.REPEATED
    assert inbox.changes("t") == 1


@pytest.mark.parametrize("later", ["CREATED", "IN_PROGRESS", "QUEUED", "FAILED"])
def test_a_terminal_status_is_final(later: str) -> None:
    """After COMPLETED nothing is news, however late it was signed."""
    inbox = DeliveryLog()
    inbox.receive(delivery("COMPLETED", 1, at=10))
    assert inbox.receive(delivery(later, 2, at=99)) is Receipt.OUTDATED
    assert inbox.latest("t") == Task("t", "COMPLETED")


def test_a_later_status_is_known_by_its_rank_not_by_its_time() -> None:
    """A delivery that is repeated may be signed anew, so the time decides only between words of one rank."""
    inbox = DeliveryLog()
    inbox.receive(delivery("IN_PROGRESS", 1, at=10))
    assert inbox.receive(delivery("CREATED", 2, at=20)) is Receipt.OUTDATED
    assert inbox.receive(delivery("QUEUED", 3, at=9)) is Receipt.OUTDATED
    assert inbox.receive(delivery("QUEUED", 4, at=10)) is Receipt.NEW
    assert inbox.receive(delivery("COMPLETED", 5, at=5)) is Receipt.NEW


def test_the_next_status_is_news_though_it_was_signed_earlier() -> None:
    """CREATED that was repeated, and so signed anew, does not hide what came after it."""
    inbox = DeliveryLog()
    inbox.receive(delivery("CREATED", 1, at=10))
    assert inbox.receive(delivery("IN_PROGRESS", 2, at=5)) is Receipt.NEW


def test_an_address_that_follows_is_news() -> None:
    """COMPLETED without an address happens; the address is not lost when it comes."""
    inbox = DeliveryLog()
    inbox.receive(delivery("COMPLETED", 1))
    assert inbox.receive(delivery("COMPLETED", 2, urls=("https://cdn.example/v.mp4",))) is Receipt.NEW
    assert inbox.receive(delivery("COMPLETED", 3)) is Receipt.REPEATED


def test_tasks_are_apart() -> None:
    """What is known of one task says nothing of another."""
    inbox = DeliveryLog()
    inbox.receive(delivery("COMPLETED", 1, task_id="a"))
    assert inbox.receive(delivery("CREATED", 2, task_id="b")) is Receipt.NEW
    assert (inbox.latest("c"), inbox.changes("c")) == (None, 0)


@pytest.mark.parametrize("order", list(permutations(("CREATED", "IN_PROGRESS", "COMPLETED"))))
def test_any_order_ends_alike(order: tuple[str, ...]) -> None:
    """However a task's deliveries are shuffled, the last status stays."""
    inbox = DeliveryLog()
    for number, status in enumerate(order):
        inbox.receive(delivery(status, number, at=number))
    latest = inbox.latest("t")
    assert latest
    assert latest.status == "COMPLETED"


def test_memory_is_bounded() -> None:
    """The oldest ids and tasks are forgotten, and no more is kept than asked."""
    inbox = DeliveryLog(max_ids=3, max_tasks=2)
    for number in range(10):
        inbox.receive(delivery("CREATED", number, task_id=f"task {number}"))
    assert [number for number in range(10) if inbox.latest(f"task {number}")] == [8, 9]
    assert inbox.receive(delivery("CREATED", 9, task_id="task 9")) is Receipt.DUPLICATE
    assert inbox.receive(delivery("CREATED", 0, task_id="task 9")) is Receipt.REPEATED


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CREATED", "IN_PROGRESS", "QUEUED", "COMPLETED", "FAILED"]), st.integers(0, 9)
        ),
        max_size=12,
    )
)
def test_statuses_never_go_back(deliveries: list[tuple[str, int]]) -> None:
    """Whatever comes, news never undoes a terminal status, never repeats, and is CREATED only first."""
    inbox = DeliveryLog()
    told = [
        status
        for place, (status, at) in enumerate(deliveries)
        if inbox.receive(delivery(status, place, at=at)) is Receipt.NEW
    ]
    assert all(status not in TERMINAL_STATUSES for status in told[:-1])
    assert "CREATED" not in told[1:]
    assert all(one != other for one, other in pairwise(told))
