"""`resume` with `--adopt` and `--abandon`: what it prints, asks for, and leaves in the journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import KEY
from contract_tests.client.cli.unfinished import (
    ANOTHER_KEY,
    LIST,
    NOW,
    about,
    asked,
    foreign,
    in_doubt,
    unwaited,
)
from kling_elements import Journal
from kling_elements.journal import State
from kling_elements_mock import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

P = "kling-elements: "


def test_entries_are_given_up(run: Run, nowhere: str) -> None:
    """`--abandon` takes entries by their id or their task, any number, and nothing more is asked."""
    unfinished, doubtful = unwaited(nowhere, "t-1"), in_doubt(nowhere)
    ended = run("resume", "--abandon", str(unfinished.task_id), "--abandon", doubtful)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"gave up {unfinished.entry_id}\ngave up {doubtful}\nnothing is unfinished\n"
    for entry_id in (unfinished.entry_id, doubtful):
        entry = Journal.open().entry(entry_id)
        assert entry
        assert (entry.state, entry.note) == (State.ABANDONED, "given up by hand")


@pytest.mark.parametrize("owner", ["key", "origin"])
def test_only_ones_own_entries_are_given_up(run: Run, nowhere: str, owner: str) -> None:
    """An entry of another key or another origin can't be given up, nor one that there isn't."""
    key, origin = (ANOTHER_KEY, nowhere) if owner == "key" else (KEY, f"{nowhere}9")
    for entry_id in (in_doubt(origin, key=key), unwaited(origin, "t-1", key=key).entry_id):
        before = Journal.open().entry(entry_id)
        ended = run("resume", "--abandon", entry_id)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == (
            f"{P}the journal has no unfinished entry {entry_id} of this origin and key. "
            "kling-elements resume shows those that there are\n"
        )
        assert Journal.open().entry(entry_id) == before


@pytest.mark.parametrize("option", ["--entry", "-o"])
def test_what_goes_with_bind(run: Run, option: str) -> None:
    """`--entry` and `-o` say nothing without `--adopt`."""
    ended = run("resume", option, "x")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{P}--entry and -o go with --adopt. Nothing was done\n"


@pytest.mark.parametrize(
    ("args", "file"),
    [
        (("--entry", "SECOND"), "/second.mp4"),
        (("--entry", "SECOND", "-o", "mine.mp4"), "mine.mp4"),
        (("-o", "mine.mp4"), "mine.mp4"),
        (("-d", "out"), "out/TASK.mp4"),
    ],
    ids=["its entry's file", "another file than its entry's", "a file", "the folder"],
)
def test_a_task_is_taken(
    run: Run, serve_mock: Serve, tmp_path: Path, args: tuple[str, ...], file: str
) -> None:
    """`--adopt` takes a task, for an entry or for none; its video goes to the file that is noted or given."""
    served = serve_mock(pace=Polls(2))
    entries = [in_doubt(served.url, target=str(tmp_path / name)) for name in ("first.mp4", "second.mp4")]
    task_id = foreign(served)
    words = [word.replace("SECOND", entries[1]) for word in args]
    ended = run("resume", "--adopt", task_id, *words, *NOW)
    target = tmp_path / file[1:] if file.startswith("/") else Path(file.replace("TASK", task_id)).absolute()
    told, _, rest = ended.err.partition("\n")
    assert (ended.code, ended.out, told) == (6, f"{target}\n", f"took task {task_id} into the journal")
    left = entries[:1] if "--entry" in args else entries
    assert rest.startswith(f"{P}the outcome of {len(left)} create")
    assert asked(served) == [about(task_id), about(task_id), LIST]
    entry = Journal.open().find(task_id, served.url)
    assert entry
    assert (entry.entry_id == entries[1]) == ("--entry" in args)
    assert (entry.target, entry.file) == (str(target), str(target))


def test_the_only_doubtful_entry_takes_the_task(run: Run, serve_mock: Serve, tmp_path: Path) -> None:
    """With one doubtful create `--adopt` needs no `--entry`, and the video goes where it was to go."""
    served = serve_mock()
    entry_id, task_id = in_doubt(served.url, target=str(tmp_path / "a.mp4")), foreign(served)
    ended = run("resume", "--adopt", task_id, *NOW)
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'a.mp4'}\n")
    assert ended.err == f"took task {task_id} into the journal\n"
    entry = Journal.open().find(task_id, served.url)
    assert entry
    assert entry.entry_id == entry_id


@pytest.mark.parametrize("owner", ["key", "origin"])
def test_others_doubtful_entries_take_no_task(run: Run, nowhere: str, serve_mock: Serve, owner: str) -> None:
    """A doubtful create of another key, or at another origin, is not taken for the task's."""
    here = serve_mock()
    entry_id = in_doubt(here.url, key=ANOTHER_KEY) if owner == "key" else in_doubt(nowhere)
    before = Journal.open().entry(entry_id)
    task_id = foreign(here)
    assert run("resume", "--adopt", task_id, "-o", "a.mp4", *NOW).code == 0
    assert Journal.open().entry(entry_id) == before
    entry = Journal.open().find(task_id, here.url)
    assert entry
    assert entry.file == str(Path("a.mp4").absolute())


def test_a_taken_task_without_a_file(run: Run, serve_mock: Serve) -> None:
    """A task that is taken without a file is asked for one, with the command that fetches it."""
    served = serve_mock()
    task_id = foreign(served)
    ended = run("resume", "--adopt", task_id, *NOW)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        f"where is its video to go? Add -o FILE, or: kling-elements wait {task_id} -o {task_id}.mp4\n"
        f"took task {task_id} into the journal\n"
        "nothing is unfinished\n"
    )


def test_an_entry_that_has_a_task_takes_no_other(run: Run, serve_mock: Serve) -> None:
    """`--entry` of a create that was answered is refused: two tasks would be mixed."""
    served = serve_mock(pace=Polls(9))
    entry, task_id = unwaited(served.url, "t-1"), foreign(served)
    ended = run("resume", "--adopt", task_id, "--entry", entry.entry_id, *NOW)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"{P}the entry {entry.entry_id} is that of task {entry.task_id}: it takes no other. "
        "Nothing was done\n"
    )
    assert Journal.open().entry(entry.entry_id) == entry
    assert Journal.open().find(task_id, served.url) is None


def test_a_task_that_there_is_not(run: Run, serve_mock: Serve) -> None:
    """`--adopt` of a task that the service doesn't know for this key takes nothing."""
    served = serve_mock()
    unknown = "00000000-0000-4000-8000-000000000000"
    ended = run("resume", "--adopt", unknown)
    assert (ended.code, ended.out) == (3, "")
    assert Journal.open().find(unknown, served.url) is None
    assert asked(served) == [about(unknown)]
