"""What a pool of workers does: where the items come from, how one is done, when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from kling_elements.log import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence

    from kling_elements.batch.results import RunningTasks

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@frozen
class Workload(Generic[ItemT, ResultT]):
    """Items, and what is done with each.

    Attributes:
        source: Gives what the items are made of; may take its time.
        do: Does an item; given the item and the sleep that it must use.
        workers: How many items at once.
        stops: Why no more items are begun after a result; None to continue.
        close: Called when all is over.
        total: How many items there are; None if that is not known.
        running_tasks: The tasks that are being worked on.
        prepare: Makes an item of what the source gives, one after the other; may read files and decode.
        unanswered: Returns a result for each item that was left with its create in flight.
    """

    source: Iterator[Any] | AsyncIterator[Any]
    do: Callable[[ItemT, Callable[[float], object]], Coroutine[Any, Any, ResultT]]
    workers: int
    stops: Callable[[ResultT], Exception | None]
    close: Callable[[], object]
    total: Callable[[], int | None]
    running_tasks: RunningTasks
    prepare: Callable[[Any], ItemT]
    unanswered: Callable[[], Sequence[ResultT]]

    def not_begun(self, finished: int) -> int | None:
        """Return how many items have no task yet; None if the total is not known."""
        total = self.total()
        return None if total is None else max(0, total - finished - len(self.running_tasks.running()))

    def log_running(self) -> None:
        """Log which tasks keep running."""
        if running := self.running_tasks.running():
            logger.info(
                "stopped; these tasks keep running and are billed: %s. To continue, run the same again, or: "
                "kling-elements resume",
                ", ".join(each.task_id for each in running),
            )
