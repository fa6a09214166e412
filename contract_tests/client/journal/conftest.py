"""A journal on a file of its own, with clocks that only the test moves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import define

from kling_elements.journal import Journal, NewEntry
from kling_elements.journal.database import Database
from kling_elements.journal.fallback import Fallback

Open: TypeAlias = Callable[[], Journal]

NEW = NewEntry("kling-elements-std", "https://api.example.com", "f" * 16, "d" * 64)


@define
class Clock:
    """A clock that stands still."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"


@pytest.fixture
def open_journal(path: Path, clock: Clock) -> Iterator[Open]:
    """Opens the same file once more, as another process would; a short patience keeps the suite fast."""
    journals: list[Journal] = []

    def open_one() -> Journal:
        journals.append(Journal(Fallback(Database(path, busy_seconds=0.05), clock, clock)))
        return journals[-1]

    yield open_one
    for journal in journals:
        journal.close()


@pytest.fixture
def journal(open_journal: Open) -> Journal:
    return open_journal()
