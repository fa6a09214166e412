"""What a command's task leaves in the journal while the command is at it, and afterwards."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import KEY, parsed
from kling_elements import Journal, KlingElements, Look, Task
from kling_elements.cli.claims import TaskClaim
from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.journal import NewEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kling_elements.journal import Entry
    from kling_elements.options import WaitOptions

HERE, ELSEWHERE = "http://service.localhost", "http://elsewhere.localhost"
CREATED = Task("t-1", "CREATED")


class Kept:
    """A command's session, and a journal that learns of the task t-1 when its clock stands at 1000."""

    def __init__(self, folder: Path) -> None:
        self.now = 999.0
        self.told = io.StringIO()
        self.session = Context(Console(None, self.told, {}), parsed("list"))
        self.journal = Journal.open(folder / "journal.sqlite3", clock=lambda: self.now)
        self.client = KlingElements(KEY, HERE, journal=self.journal)
        self.entry_id = self.begin(HERE)

    def begin(self, origin: str, target: str | None = None) -> str:
        """The entry of a task t-1."""
        self.now += 1
        fingerprint = self.client.journal_owner.fingerprint
        begun = self.journal.begin(NewEntry("std", origin, fingerprint, target=target))
        self.journal.created(begun.entry_id, CREATED)
        return begun.entry_id

    def entry(self, entry_id: str = "") -> Entry:
        """How an entry stands."""
        found = self.journal.entry(entry_id or self.entry_id)
        assert found is not None
        return found

    @property
    def until(self) -> float | None:
        """Until when the entry is claimed."""
        lease = self.entry().lease
        return lease.until if lease else None

    def keeping(self, **options: Any) -> TaskClaim:
        return TaskClaim(self.client, self.session, **options)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    with made.client:
        yield made
    made.journal.close()


def test_a_task_is_claimed_as_long_as_the_command_is_at_it(kept: Kept) -> None:
    """The claim holds for 15 minutes after a look and an hour from a fetch, and ends with the command."""
    with kept.keeping() as keeping:
        keeping.begin_fetch()
        assert kept.until is None
        keeping.take("t-1")
        assert kept.until == 1900.0
        assert not kept.journal.claim(kept.entry_id, "another", 60)
        kept.now = 1100.0
        keeping.take("t-1")
        assert kept.until == 1900.0
        on_look = keeping.prolonged_by({}).get("on_look")
        assert on_look
        on_look(Look("t-1", CREATED, None, 100.0, 700.0))  # the next poll is far: it must hold until then
        assert kept.until == 2700.0
        kept.now = 1200.0
        keeping.begin_fetch()
        assert kept.until == 4800.0
    assert kept.until is None
    assert kept.told.getvalue() == ""


def test_a_look_before_there_is_a_task(kept: Kept) -> None:
    """A look at a task that the journal doesn't have claims nothing."""
    with kept.keeping() as keeping:
        on_look = keeping.prolonged_by({}).get("on_look")
        assert on_look
        assert on_look(Look("t-2", None, None, 0.0, None)) is None
        keeping.take("t-2")
        keeping.begin_fetch()
        assert kept.until is None


@pytest.mark.parametrize("with_listeners", [True, False])
def test_the_journal_is_told_before_the_listeners(kept: Kept, *, with_listeners: bool) -> None:
    """The task is claimed before the wait's listeners hear of it; they hear of each change and look."""
    heard: list[tuple[object, float | None]] = []
    given: WaitOptions = {"timeout": 3.0, "poll_interval": 0.5}

    def listener(word: str) -> Callable[[object], str]:
        def hear(news: object) -> str:
            heard.append((news, kept.until))
            return word

        return hear

    if with_listeners:
        given |= {"on_update": listener("updated"), "on_look": listener("looked")}
    look = Look("t-1", CREATED, None, 5.0, 700.0)
    with kept.keeping() as keeping:
        options = keeping.prolonged_by(given)
        on_update, on_look = options.pop("on_update"), options.pop("on_look")
        assert options == {"timeout": 3.0, "poll_interval": 0.5}
        assert on_update
        assert on_look
        said = [on_update(CREATED), on_look(look)]
        assert kept.until == 2600.0
    assert said == (["updated", "looked"] if with_listeners else [None, None])
    assert heard == ([(CREATED, 1900.0), (look, 2600.0)] if with_listeners else [])


@pytest.mark.parametrize(
    ("noted", "options", "target"),
    [
        (None, {}, "b.mp4"),
        (None, {"fetches": True}, "b.mp4"),
        (None, {"fetches": False}, None),
        ("/videos/a.mp4", {}, "a.mp4"),
    ],
    ids=["fetches", "fetches it says", "fetches nothing", "noted before"],
)
def test_where_the_video_goes_is_noted(
    kept: Kept, noted: str | None, options: dict[str, bool], target: str | None
) -> None:
    """The file that the video goes to is noted, if it is to be fetched, and none is noted yet."""
    entry_id = kept.begin(HERE, noted)
    kept.session.output = "b.mp4"
    with kept.keeping(**options) as keeping:
        keeping.take("t-1")
        assert kept.entry(entry_id).lease
    found = kept.entry(entry_id).target
    assert (found and Path(found).name) == target
    assert found is None or Path(found).is_absolute()


def test_the_same_id_at_another_origin_is_another_task(kept: Kept) -> None:
    """A task of another service that has the same id is left alone."""
    other = kept.begin(ELSEWHERE)
    before = kept.entry(other)
    with kept.keeping() as keeping:
        keeping.take("t-1")
        assert kept.until == 1901.0
        assert kept.entry(other) == before
    assert Path(str(kept.entry().target)) == Path("t-1.mp4").absolute()
    assert kept.entry(other) == before


def test_another_process_is_at_it(kept: Kept) -> None:
    """A task that another process is at is worked on all the same; that is told, and its entry stays."""
    assert kept.journal.claim(kept.entry_id, "another", 60)
    before = kept.entry()
    with kept.keeping() as keeping:
        keeping.take("t-1")
        keeping.begin_fetch()
    assert kept.told.getvalue() == "another process has claimed this task too\n"
    assert kept.entry() == before
