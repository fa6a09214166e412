"""The post between the mock and a receiver of webhooks: a bag of letters, and what becomes of each."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Final

from attrs import define, evolve, field, frozen

from contract_tests.faults.courier import Courier
from contract_tests.faults.ledger import Ledger, is_fresh
from contract_tests.faults.letter import WHOLE, Door, Letter, Passage
from kling_elements.webhooks import WebhookReceiver
from kling_elements_mock import WEBHOOK_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.faults.doors import Doors
    from kling_elements import Task
    from kling_elements_mock import ManualClock

_ACCEPTED: Final = 200


@frozen
class Errand:
    """A letter that was taken out of the bag, and how it will travel.

    Attributes:
        letter: The letter.
        passage: How.
        is_overtaking: Whether an earlier one is still in the bag.
    """

    letter: Letter
    passage: Passage
    is_overtaking: bool


@define
class Post:
    """Holds what the mock sends until it is told to deliver.

    Attributes:
        waiting: What is on its way.
        receiver: To whom.
    """

    _clock: ManualClock
    _doors: Doors
    waiting: list[Letter] = field(factory=list)
    receiver: WebhookReceiver = field(init=False)
    _ledger: Ledger = field(factory=Ledger, init=False)
    _courier: Courier = field(factory=Courier, init=False)
    _told: list[Task] = field(factory=list, init=False)
    _judged: int = field(default=0, init=False)
    _carried: int = field(default=0, init=False)
    _wall_offset: Callable[[], float] = field(default=lambda: 0.0, init=False)

    def start(self, wall_offset: Callable[[], float]) -> None:
        """Begin with an empty bag and a receiver of its own, whose clock is the mock's and that offset."""
        self.waiting.clear()
        self._ledger, self._told, self._judged = Ledger(), [], 0
        self._wall_offset = wall_offset
        self.receiver = WebhookReceiver(WEBHOOK_SECRET, on_task=self._told.append, now=self._now)
        self._doors.open(self.receiver)

    def take(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """Take a delivery from the mock, and answer for the receiver."""
        del url
        self.waiting.append(Letter(headers, body))
        return _ACCEPTED

    def take_out(self, place: int, passage: Passage) -> Errand | None:
        """Take out of the bag what is at this place; None if it is empty."""
        if not self.waiting:
            return None
        place %= len(self.waiting)
        return Errand(self.waiting.pop(place), passage, is_overtaking=place > 0)

    def will_tell(self, errand: Errand) -> bool:
        """Whether this letter will be news to the receiver."""
        is_good = errand.passage.is_whole and is_fresh(errand.letter, self._now())
        return is_good and self._ledger.must_tell(errand.letter) is True

    def run(self, errand: Errand) -> list[str]:
        """Carry a letter, and judge what comes of it.

        Returns:
            The names of the faults that this was.
        """
        passage = errand.passage
        if passage.is_dropped:
            return [passage.name]
        for _ in range(passage.times):
            self._carry(errand.letter, passage)
        names = ["webhook out of order"] * errand.is_overtaking
        return names + [passage.name] * (max(1, passage.times - 1) if passage.name else 0)

    def finish(self) -> None:
        """Deliver what is left, unharmed, by one door after the other: the receiver is alive."""
        self._courier.close()
        for letter, door in zip(self.waiting, cycle(Door), strict=False):
            self._carry(letter, evolve(WHOLE, door=door))
        self.waiting.clear()
        self._doors.close()

    def wrong(self) -> list[str]:
        """What the receiver answered or told that is not so."""
        late = [f"the receiver told of {task} later" for task in self._told[self._judged :]]
        return self._ledger.faults + late

    @property
    def unexpected(self) -> list[str]:
        """Exceptions that were let through."""
        return self._doors.unexpected

    def _carry(self, letter: Letter, passage: Passage) -> None:
        self._carried += 1
        path = f"/hook/{self._carried}"
        status = self._courier.carry(letter, passage, self._doors.address(passage.door), path)
        if status == _ACCEPTED:
            self._doors.await_told(passage.door, path)
        told = self._told[self._judged :]
        self._judged += len(told)
        self._ledger.enter(letter, passage, self._now(), status, told)

    def _now(self) -> float:
        return self._clock.time() + self._wall_offset()
