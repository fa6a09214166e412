"""What the journal remembers of the day's quotas."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from contract_tests.support.locks import locked
from kling_elements.journal import Journal
from kling_elements.journal import queries as operations
from kling_elements.journal.database import Database
from kling_elements.journal.leases import Now, own_lease
from kling_elements.journal.schema import MIGRATIONS
from kling_elements.journal.tables import EntryTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.client.journal.conftest import Clock
    from kling_elements.journal import NewEntry


def test_a_quota_is_remembered_until_it_is_renewed(
    journal: Journal, open_journal: Callable[[], Journal], new: NewEntry, clock: Clock
) -> None:
    """Each process knows that a quota is used up, of its own key and origin, until the noted time."""
    assert journal.quota_wait(new) is None
    journal.quota_exhausted(new, clock() + 3600)
    clock.now += 600
    later = open_journal()
    assert later.quota_wait(new) == 3000
    assert later.quota_wait(evolve(new, fingerprint="another")) is None
    assert later.quota_wait(evolve(new, origin="https://other.example")) is None
    clock.now += 3000
    assert later.quota_wait(new) is None


def test_a_quota_that_is_not_used_up_after_all(
    journal: Journal, open_journal: Callable[[], Journal], new: NewEntry, clock: Clock
) -> None:
    """An accepted create takes back what was noted, and the newest word counts."""
    journal.quota_exhausted(new, None)
    journal.quota_exhausted(new, clock() + 10)
    journal.quota_exhausted(new, clock() + 20)
    assert open_journal().quota_wait(new) == 20
    open_journal().quota_exhausted(new, None)
    assert journal.quota_wait(new) is None


def test_quotas_of_the_past_are_forgotten(
    journal: Journal, open_journal: Callable[[], Journal], path: Path, new: NewEntry, clock: Clock
) -> None:
    """What has expired leaves the file."""
    journal.quota_exhausted(new, clock() + 10)
    clock.now += 11
    open_journal().begin(new)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT * FROM quotas").fetchall() == []
    connection.close()


def test_a_quota_where_nothing_can_be_written(new: NewEntry, path: Path, clock: Clock) -> None:
    """It is remembered for the process at least, with or without a file."""
    path.parent.mkdir()
    path.mkdir()
    for journal in (Journal(Database(path), clock), Journal.open("off", clock=clock)):
        journal.quota_exhausted(new, clock() + 10)
        assert journal.quota_wait(new) == 10
        journal.quota_exhausted(new, None)
        assert journal.quota_wait(new) is None


def test_a_journal_of_the_first_version_learns_of_quotas(path: Path, new: NewEntry, clock: Clock) -> None:
    """A journal from before quotas were noted is migrated when one is asked for."""
    first = Database(path, migrations=MIGRATIONS[:1])
    with first.writing() as connection:
        begun = operations.begin(
            EntryTable(connection), new, "e1", clock(), own_lease("e1", 600.0, Now(clock(), clock()))
        )
    first.close()
    journal = Journal(Database(path), clock)
    assert journal.quota_wait(new) is None
    journal.quota_exhausted(new, clock() + 10)
    assert journal.quota_wait(new) == 10
    assert journal.entry(begun.entry_id) is not None


@pytest.mark.parametrize("left", [3600.0, 0.5, 0.0, -0.5])
def test_the_last_moments_of_a_quota(journal: Journal, new: NewEntry, clock: Clock, left: float) -> None:
    """It is used up to the last part of a second, and no longer."""
    journal.quota_exhausted(new, clock() + left)
    assert journal.quota_wait(new) == (left if left > 0 else None)


@pytest.mark.parametrize("file", ["none", "one", "locked"])
def test_what_is_not_known(new: NewEntry, path: Path, file: str) -> None:
    """Nothing is known of a quota that was never noted, nor of one that isn't used up after all."""
    journal = Journal(Database(path, busy_seconds=0.05), lambda: 0.0, lambda: 0.0)
    if file != "none":
        journal.begin(new)
    assert journal.quota_wait(new) is None
    if file == "locked":
        with locked(path):
            journal.quota_exhausted(new, 9.0)
            assert journal.quota_wait(new) == 9.0
            journal.quota_exhausted(new, None)
    else:
        journal.quota_exhausted(new, None)
    assert journal.quota_wait(new) is None
    journal.close()
    assert path.exists() == (file != "none")


def test_no_news_of_a_quota_cost_nothing(journal: Journal, path: Path, new: NewEntry, clock: Clock) -> None:
    """A look, and what is known already, wait for nobody's write and write nothing."""
    for until in (None, clock() + 10):
        journal.begin(new)
        journal.quota_exhausted(new, until)
        before = path.read_bytes()
        with locked(path, "BEGIN IMMEDIATE"):
            journal.quota_exhausted(new, until)
            assert journal.quota_wait(new) == (None if until is None else 10)
        assert (journal.problem, path.read_bytes()) == (None, before)


def test_a_quota_that_could_not_be_noted_is_noted_later(
    journal: Journal, open_journal: Callable[[], Journal], path: Path, new: NewEntry, clock: Clock
) -> None:
    """The next create that tells of it writes it down; from then on what others learn counts."""
    journal.begin(new)
    for until in (clock() + 3600, None):
        with locked(path):
            journal.quota_exhausted(new, until)
        clock.now += 5
        journal.quota_exhausted(new, until)
        assert open_journal().quota_wait(new) == (None if until is None else 3595)
    open_journal().quota_exhausted(new, clock() + 60)
    assert journal.quota_wait(new) == 60
