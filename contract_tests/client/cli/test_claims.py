"""What a command's task leaves in the journal while the command works on it, and afterwards."""

from __future__ import annotations

import io
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from attrs import define

from contract_tests.client.cli.conftest import KEY, parsed
from kling_elements import Journal, KlingElements, Look, Task
from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.journal import Entry, NewEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE, ELSEWHERE = "http://service.localhost", "http://elsewhere.localhost"
CREATED = Task("t-1", "CREATED")


@define
class Desk:
    """A command's context, and a journal whose clock the test moves."""

    client: KlingElements
    now: list[float]

    def begin(self, origin: str, target: str | None = None) -> str:
        """Note a task t-1; return its entry's id."""
        fingerprint = self.client.journal_owner.fingerprint
        begun = self.client.journal.begin(NewEntry("std", origin, fingerprint, target=target))
        self.client.journal.created(begun.entry_id, CREATED)
        return begun.entry_id

    def entry(self, entry_id: str) -> Entry:
        found = self.client.journal.entry(entry_id)
        assert found is not None
        return found

    def until(self, entry_id: str) -> float | None:
        """Return until when an entry is claimed."""
        lease = self.entry(entry_id).lease
        return lease.until if lease else None


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    now = [1000.0]
    with (
        closing(Journal.open(tmp_path / "journal.sqlite3", clock=lambda: now[0])) as journal,
        KlingElements(KEY, HERE, journal=journal) as client,
    ):
        yield Desk(client, now)


@pytest.fixture
def context() -> Context:
    return Context(Console(None, io.StringIO(), {}), parsed("list"))


def test_a_task_is_claimed_as_long_as_the_command_works_on_it(desk: Desk, context: Context) -> None:
    """The claim holds for 15 minutes after a poll and an hour from a fetch, and ends with the command."""
    entry_id, other = desk.begin(HERE), desk.begin(ELSEWHERE)
    elsewhere = desk.entry(other)
    heard: list[object] = []
    with TaskClaim(desk.client, context) as claim:
        claim.begin_fetch()
        claim.take("t-2")  # which the journal doesn't know
        assert desk.until(entry_id) is None
        options = claim.prolonged_by({"on_update": heard.append, "on_look": heard.append, "timeout": 3.0})
        assert options.pop("timeout") == 3.0
        on_update, on_look = options.get("on_update"), options.get("on_look")
        assert on_update
        assert on_look
        on_update(CREATED)
        assert desk.until(entry_id) == 1900.0
        desk.now[0] = 1100.0
        look = Look("t-1", CREATED, None, 100.0, 700.0)
        on_look(look)  # the next poll is far: it must hold until then
        assert desk.until(entry_id) == 2700.0
        desk.now[0] = 1200.0
        claim.begin_fetch()
        assert desk.until(entry_id) == 4800.0
    assert desk.until(entry_id) is None
    assert heard == [CREATED, look]
    assert desk.entry(other) == elsewhere


def test_a_task_that_another_process_has_claimed(desk: Desk, context: Context) -> None:
    """It is worked on all the same; a note says so, and its entry stays."""
    entry_id = desk.begin(HERE)
    assert desk.client.journal.claim(entry_id, "another", 60)
    before = desk.entry(entry_id)
    context.console = Console(None, err := io.StringIO(), {})
    with TaskClaim(desk.client, context) as claim:
        claim.take("t-1")
        claim.begin_fetch()
    assert err.getvalue() == "another process has claimed this task too\n"
    assert desk.entry(entry_id) == before
