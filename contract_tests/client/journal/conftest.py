"""A journal on a file of its own, with clocks that only the test moves."""

from __future__ import annotations

import time as process_time
from typing import TYPE_CHECKING

import pytest
from attrs import define

from kling_elements.journal import Journal, NewEntry
from kling_elements.journal import database as stores
from kling_elements.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ORIGIN = "https://api.example.com"


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
def open_journal(path: Path, clock: Clock) -> Iterator[Callable[[], Journal]]:
    """Opens the same file once more, as another process would; a short patience keeps the suite fast."""
    journals: list[Journal] = []

    def open_one() -> Journal:
        journal = Journal(Database(path, busy_seconds=0.05), clock, clock)
        journals.append(journal)
        return journal

    yield open_one
    for journal in journals:
        journal.close()


@pytest.fixture
def journal(open_journal: Callable[[], Journal]) -> Journal:
    return open_journal()


@pytest.fixture
def new() -> NewEntry:
    return NewEntry(model="kling-elements-std", origin=ORIGIN, fingerprint="f" * 16, digest="d" * 64)


@pytest.fixture
def store(path: Path) -> Iterator[Database]:
    """A file of its own, that waits for others for 50 ms."""
    found = Database(path, busy_seconds=0.05)
    yield found
    found.close()


@define
class Time:
    """What the module has of `time`, standing still; who sleeps on it has something done meanwhile.

    Attributes:
        now: Seconds since the epoch.
        meanwhile: Done in each sleep.
        sleeps: How often somebody slept.
    """

    now: float = 1_800_000_000.0
    meanwhile: Callable[[], object] = lambda: None
    sleeps: int = 0
    strftime = staticmethod(process_time.strftime)

    def time(self) -> float:
        """Seconds since the epoch."""
        return self.now

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self.sleeps * 0.0125

    def gmtime(self) -> process_time.struct_time:
        """The same, by the calendar."""
        return process_time.gmtime(self.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert 0.001 <= seconds <= 0.005
        self.sleeps += 1
        self.meanwhile()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time that the store goes by."""
    found = Time()
    monkeypatch.setattr(stores, "time", found)
    return found
