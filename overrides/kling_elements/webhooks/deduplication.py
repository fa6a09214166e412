"""Decide which deliveries are new.

Deliveries can repeat, come out of order, and come before create's answer was stored (a third party's claim).
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import TypeVar

from attrs import field, frozen

from kling_elements.arguments import check_count, check_kind
from kling_elements.task import Task
from kling_elements.types import CREATED, TERMINAL_STATUSES
from kling_elements.webhooks.verification import Delivery

V = TypeVar("V")


class Receipt(Enum):
    """What a genuine delivery brought."""

    NEW = "new"
    """The task has changed."""
    DUPLICATE = "duplicate"
    """A delivery with that id came before."""
    REPEATED = "repeated"
    """Another delivery had the same status."""
    OUTDATED = "outdated"
    """A later status of the task is known."""


@frozen
class _Known:
    """What is known of a task: its latest delivery, and how many changes there were."""

    latest: Delivery
    changes: int = field(default=1)


class DeliveryLog:
    """Remembers deliveries, and decides which are new. No clock, no lock; the oldest is forgotten first.

    A task is remembered whether or not this process created it, so that a delivery that comes before
    create's answer is not lost.

    Args:
        max_ids: How many delivery ids are remembered.
        max_tasks: How many tasks are remembered.
    """

    def __init__(self, max_ids: int = 10_000, max_tasks: int = 10_000) -> None:
        check_count("max_ids", max_ids)
        check_count("max_tasks", max_tasks)
        self._max_ids = max_ids
        self._max_tasks = max_tasks
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._tasks: OrderedDict[str, _Known] = OrderedDict()

    def receive(self, delivery: Delivery) -> Receipt:
        """Record a genuine delivery."""
        check_kind("delivery", delivery, Delivery)
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
        """Return the task as of its latest delivery; None if none came, or it was forgotten."""
        check_kind("task_id", task_id, str)
        known = self._tasks.get(task_id)
        return known.latest.task if known else None

    def changes(self, task_id: str) -> int:
        """Return how many changes of the task are known."""
        known = self._tasks.get(task_id)
        return known.changes if known else 0


def compare(known: Delivery, delivery: Delivery) -> Receipt:
    """Compare a delivery with the latest known one of the same task.

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
    """Return the place of a status in a task's life. An unknown status counts as in progress."""
    if status in TERMINAL_STATUSES:
        return 2
    return 0 if status == CREATED else 1


def _put(memory: OrderedDict[str, V], key: str, value: V, limit: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > limit:
        memory.popitem(last=False)
