"""Deliveries that repeat and overtake each other, through the whole receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.deliveries import NOW, SECRET, body_of, headers
from contract_tests.support.examples import examples
from kling_elements.webhooks import WebhookReceiver

if TYPE_CHECKING:
    from kling_elements import Task

STATUSES = ("CREATED", "IN_PROGRESS", "COMPLETED")
TASKS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
DELIVERIES = [
    (f"msg-{task_id[-1]}-{status}", task_id, status, NOW + rank)
    for task_id in TASKS
    for rank, status in enumerate(STATUSES)
]


@examples(80)
@given(
    order=st.permutations(DELIVERIES),
    repeats=st.lists(st.tuples(st.sampled_from(DELIVERIES), st.integers(0, 9)), max_size=6),
)
def test_reordered_and_repeated_deliveries(
    order: list[tuple[str, str, str, int]], repeats: list[tuple[tuple[str, str, str, int], int]]
) -> None:
    """Whatever the order: no status goes back or is reported twice, and each COMPLETED is reported."""
    for delivery, place in repeats:
        order.insert(place, delivery)
    told: list[Task] = []
    receiver = WebhookReceiver(SECRET, on_task=told.append, now=lambda: NOW)
    for message_id, task_id, status, signed_at in order:
        body = body_of(status, task_id)
        reply = receiver.handle("POST", headers(body, message_id=message_id, timestamp=signed_at), body).reply
        receiver.notify()
        assert reply.status == 200
    for task_id in TASKS:
        ranks = [STATUSES.index(task.status) for task in told if task.id == task_id]
        assert ranks == sorted(set(ranks)), "a status went back, or came twice"
        assert ranks[-1:] == [STATUSES.index("COMPLETED")]
