"""What an engine does, whichever engine it is: where the items come from, and what is done with each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import field, frozen

from kling_elements.roster import Roster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from kling_elements.effects import Flow

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

logger = logging.getLogger("kling_elements")

GRACE = 5.0  # seconds that a create under way gets to tell its task's id


def _nothing() -> None:
    pass


@frozen
class Work(Generic[ItemT, ResultT]):
    """What an engine does.

    Attributes:
        source: Gives the items; may take its time.
        do: The flow that does an item; given the item and the sleep that it must use.
        workers: How many items at once.
        stops: Why no more items are begun after a result; None to go on.
        close: Called when all is over.
        roster: The tasks that are being worked on.
    """

    source: Iterator[ItemT] | AsyncIterator[ItemT]
    do: Callable[[ItemT, Callable[[float], object]], Flow[ResultT]]
    workers: int
    stops: Callable[[ResultT], Exception | None]
    close: Callable[[], object] = _nothing
    roster: Roster = field(factory=Roster)

    def tell(self) -> None:
        """Say on the log which tasks run on."""
        if running := self.roster.running():
            logger.info(
                "stopped; these tasks run on and are billed: %s. To go on, run the same again, or: "
                "kling-elements resume",
                ", ".join(each.task_id for each in running),
            )
