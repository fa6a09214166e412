"""Which deliveries are news."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.examples import examples
from kling_elements.task import Task
from kling_elements.types import TERMINAL_STATUSES
from kling_elements.webhooks import Delivery, DeliveryLog, Receipt

NEW, DUPLICATE, REPEATED, OUTDATED = Receipt.NEW, Receipt.DUPLICATE, Receipt.REPEATED, Receipt.OUTDATED


def delivery(
    status: str, number: int, *, task_id: str = "t", at: int = 0, urls: tuple[str, ...] = ()
) -> Delivery:
    return Delivery(f"msg_{number}", at, Task(task_id, status, urls=urls))


# Deliveries in their order: status, id, when it was signed, and what each is.
SEQUENCES: dict[str, list[tuple[str, int, int, Receipt]]] = {
    "a life in order": [("CREATED", 1, 1, NEW), ("IN_PROGRESS", 2, 2, NEW), ("COMPLETED", 3, 3, NEW)],
    "an id again": [
        ("IN_PROGRESS", 1, 0, NEW),
        ("IN_PROGRESS", 1, 0, DUPLICATE),
        ("COMPLETED", 1, 0, DUPLICATE),
    ],
    "a status again": [("IN_PROGRESS", 1, 0, NEW), ("IN_PROGRESS", 2, 0, REPEATED)],
    "a terminal status is final": [
        ("COMPLETED", 1, 10, NEW),
        *((status, number, 99, OUTDATED) for number, status in enumerate(("CREATED", "QUEUED", "FAILED"), 2)),
    ],
    # A delivery that is repeated may be signed again: the time decides only between words of one rank.
    "by rank": [
        ("IN_PROGRESS", 1, 10, NEW),
        ("CREATED", 2, 20, OUTDATED),
        ("QUEUED", 3, 9, OUTDATED),
        ("QUEUED", 4, 10, NEW),
        ("COMPLETED", 5, 5, NEW),
    ],
    "the next status though signed earlier": [("CREATED", 1, 10, NEW), ("IN_PROGRESS", 2, 5, NEW)],
}


@pytest.mark.parametrize("deliveries", SEQUENCES.values(), ids=SEQUENCES)
def test_sequences(deliveries: list[tuple[str, int, int, Receipt]]) -> None:
    """Each delivery is news, or known; the log counts the news and keeps the latest."""
    log = DeliveryLog()
    for status, number, at, receipt in deliveries:
        assert log.receive(delivery(status, number, at=at)) is receipt
    news = [status for status, _, _, receipt in deliveries if receipt is NEW]
    assert (log.changes("t"), log.latest("t")) == (len(news), Task("t", news[-1]))
    assert (log.latest("another"), log.changes("another")) == (None, 0)


def test_memory_is_bounded() -> None:
    """The oldest ids and tasks are forgotten, and no more is kept than asked; a URL that follows is news."""
    log = DeliveryLog(max_ids=3, max_tasks=2)
    for number in range(10):
        log.receive(delivery("CREATED", number, task_id=f"task {number}"))
    assert [number for number in range(10) if log.latest(f"task {number}")] == [8, 9]
    assert log.receive(delivery("CREATED", 9, task_id="task 9")) is DUPLICATE
    assert log.receive(delivery("CREATED", 0, task_id="task 9")) is REPEATED
    for number, urls, receipt in (
        (11, (), NEW),
        (12, ("https://a.example/v.mp4",), NEW),
        (13, (), REPEATED),
    ):
        assert log.receive(delivery("COMPLETED", number, urls=urls)) is receipt


STATUSES = ("CREATED", "IN_PROGRESS", "QUEUED", "COMPLETED", "FAILED")


@examples(80)
@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.integers(0, 9)), max_size=12))
def test_statuses_never_go_back(deliveries: list[tuple[str, int]]) -> None:
    """Whatever comes, news never undoes a terminal status, never repeats, and is CREATED only first."""
    log = DeliveryLog()
    news = [
        status
        for place, (status, at) in enumerate(deliveries)
        if log.receive(delivery(status, place, at=at)) is NEW
    ]
    assert all(status not in TERMINAL_STATUSES for status in news[:-1])
    assert "CREATED" not in news[1:]
    assert all(one != other for one, other in pairwise(news))
