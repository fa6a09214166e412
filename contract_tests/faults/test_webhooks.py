"""Deliveries that repeat and overtake each other, through the whole receiver."""

from itertools import product

from contract_tests.support.deliveries import NOW, SECRET, body_of, headers
from kling_elements import Task
from kling_elements.webhooks import WebhookReceiver

STATUSES = ("CREATED", "IN_PROGRESS", "COMPLETED")
ONE, OTHER = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(2))


def test_reordered_and_repeated_deliveries() -> None:
    """In each order of five: no status goes back or is reported twice, and each COMPLETED is reported."""
    for order in product(range(3), repeat=5):
        told = list[Task]()
        receiver = WebhookReceiver(SECRET, on_task=told.append, now=lambda: NOW)
        for task_id, rank in (pair for r in order for pair in ((ONE, r), (OTHER, 2 - r))):
            body = body_of(STATUSES[rank], task_id)
            given = headers(body, message_id=f"msg-{task_id}-{rank}", timestamp=NOW + rank)
            assert receiver.handle("POST", given, body).reply.status == 200
            receiver.notify()
        for task_id, best in ((ONE, max(order)), (OTHER, 2 - min(order))):
            ranks = [STATUSES.index(task.status) for task in told if task.id == task_id]
            assert ranks == sorted(set(ranks)), f"a status went back, or came twice: {order}"
            assert ranks[-1] == best
