"""Which deliveries are news.

Deliveries can repeat, come out of order, and come before create's answer was stored (a third party's claim).
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from kling_elements.types import TERMINAL_STATUSES
from kling_elements.webhooks.signing import MAX_REMEMBERED_IDS, MAX_REMEMBERED_TASKS
from kling_elements_api.models import TaskStatus

if TYPE_CHECKING:
    from kling_elements.task import Task
    from kling_elements.webhooks.verification import Delivery

V = TypeVar("V")


class Receipt(Enum):
    """What a genuine delivery was worth."""

    NEW = "new"
    """The task has changed."""
    DUPLICATE = "duplicate"
    """A delivery of that id has come before."""
    REPEATED = "repeated"
    """Another delivery has told the same."""
    OUTDATED = "outdated"
    """A later status of the task is known."""


@frozen
class _Known:
    """What is known of a task: its latest delivery, and how many changes there were."""

    latest: Delivery
    changes: int = field(default=1)


class DeliveryLog:
    """Remembers deliveries, and tells which are news. No clock, no lock; the oldest is forgotten first.

    A task is remembered whether or not this process created it, so that a delivery that comes before
    create's answer is not lost.

    Args:
        max_ids: How many delivery ids are remembered.
        max_tasks: How many tasks are remembered.
    """

    def __init__(self, max_ids: int = MAX_REMEMBERED_IDS, max_tasks: int = MAX_REMEMBERED_TASKS) -> None:
        self._max_ids = max_ids
        self._max_tasks = max_tasks
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._tasks: OrderedDict[str, _Known] = OrderedDict()

    def receive(self, delivery: Delivery) -> Receipt:
        """Take a genuine delivery."""
        if delivery.id in self._ids:
            return Receipt.DUPLICATE
        _put(self._ids, delivery.id, None, self._max_ids)
        known = self._tasks.get(delivery.task.id)
        if known is None:
            _put(self._tasks, delivery.task.id, _Known(delivery), self._max_tasks)
            return Receipt.NEW
        receipt = compare(known.latest, delivery)
        if receipt is Receipt.NEW:
            _put(self._tasks, delivery.task.id, _Known(delivery, known.changes + 1), self._max_tasks)
        return receipt

    def latest(self, task_id: str) -> Task | None:
        """The task as the latest delivery shows it; None if none has come (or it is long ago)."""
        known = self._tasks.get(task_id)
        return known.latest.task if known else None

    def changes(self, task_id: str) -> int:
        """How many changes of the task are known."""
        known = self._tasks.get(task_id)
        return known.changes if known else 0


def compare(known: Delivery, delivery: Delivery) -> Receipt:
    """Whether a delivery is news to someone who knows another one of the same task.

    A terminal status is final. The time of signing decides only between statuses of one rank: a repeated
    delivery may be signed anew.
    """
    before, after = known.task, delivery.task
    if before.status == after.status:
        # COMPLETED without an address happens, and the address may follow.
        return Receipt.NEW if after.urls and not before.urls else Receipt.REPEATED
    order = (_rank(after.status), delivery.timestamp), (_rank(before.status), known.timestamp)
    is_later = order[0] >= order[1] and not before.is_terminal
    return Receipt.NEW if is_later else Receipt.OUTDATED


def _rank(status: str) -> int:
    """The place of a status in a task's life. A word that nobody knows is one on the way."""
    if status in TERMINAL_STATUSES:
        return 2
    return 0 if status == TaskStatus.CREATED.value else 1


def _put(memory: OrderedDict[str, V], key: str, value: V, limit: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > limit:
        memory.popitem(last=False)
