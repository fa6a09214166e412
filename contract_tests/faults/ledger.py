"""Judges what a receiver of webhooks answered and told, against what was carried to it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import define, field

from kling_elements.types import TERMINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contract_tests.faults.letter import Letter, Passage
    from kling_elements import Task

_TOLERANCE: Final = 300.0  # seconds, docs/webhooks.md
_ACCEPTED: Final = 200
_UNAUTHORIZED: Final = 401
_TOO_LARGE: Final = 413
_REFUSED: Final = frozenset({400, 401})
_UNREADABLE: Final = frozenset({None, 400, 401, 405, 408, _TOO_LARGE, 414, 431, 501, 505})


@define
class Ledger:
    """What was accepted and told, of one receiver.

    Attributes:
        faults: What must not be, and is.
    """

    faults: list[str] = field(factory=list)
    _known: dict[str, Letter] = field(factory=dict, init=False)
    _ids: set[str] = field(factory=set, init=False)

    def must_tell(self, letter: Letter) -> bool | None:
        """Whether a letter must be told if it is accepted; None if it may be or not."""
        if letter.id in self._ids:
            return False
        known = self._known.get(letter.task_id)
        if known is None:
            return True
        if known.status == letter.status:
            return bool(letter.urls) and not known.urls
        before, after = _rank(known.status), _rank(letter.status)
        # Which of two words on the way is the later one, nobody knows.
        return None if before == after == 1 else after > before

    def enter(
        self, letter: Letter, passage: Passage, now: float, status: int | None, told: Sequence[Task]
    ) -> None:
        """Judge one delivery.

        Args:
            letter: What was carried.
            passage: How.
            now: The receiver's clock, in Unix seconds.
            status: The answer's status; None if there was none.
            told: What the receiver told then.
        """
        what = f"a webhook of task {letter.task_id} as {letter.status} ({passage.name or 'unharmed'})"
        is_good = passage.is_whole and is_fresh(letter, now)
        if status not in _answers(passage, is_good=is_good):
            self.faults.append(f"{what} was answered {status}")
        shown = [(task.id, task.status, task.urls) for task in told]
        must = self.must_tell(letter) if is_good else False
        if shown not in {None: ([], [_shown(letter)]), True: ([_shown(letter)],), False: ([],)}[must]:
            self.faults.append(f"after {what} the receiver told {shown}")
        if is_good:
            self._ids.add(letter.id)
            if must or shown:
                self._known[letter.task_id] = letter


def is_fresh(letter: Letter, now: float) -> bool:
    """Whether a letter is so young that it is no replay."""
    return abs(now - letter.signed_at) <= _TOLERANCE


def _answers(passage: Passage, *, is_good: bool) -> frozenset[int | None]:
    """The answers that make sense."""
    if is_good:
        return frozenset({_ACCEPTED})
    if passage.is_whole:
        return frozenset({_UNAUTHORIZED})
    return _REFUSED if passage.alteration is not None else _UNREADABLE


def _shown(letter: Letter) -> tuple[str, str, tuple[str, ...]]:
    return letter.task_id, letter.status, letter.urls


def _rank(status: str) -> int:
    if status in TERMINAL_STATUSES:
        return 2
    return 0 if status == "CREATED" else 1
