"""`resume` on the command line: what it prints, what it asks the service for, what the journal keeps."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from inline_snapshot import snapshot

from contract_tests.client.cli.test_batch import Interrupting
from contract_tests.client.cli.unfinished import (
    ANOTHER_KEY,
    LIST,
    NOW,
    URL,
    about,
    asked,
    begun,
    foreign,
    in_doubt,
    plain,
    unwaited,
)
from kling_elements import Journal, KlingElements
from kling_elements.batch.results import JobStatus, Running
from kling_elements.batch.resume import Resumed
from kling_elements.journal import Entry, Job, State, journal
from kling_elements.journal.database import Database
from kling_elements_mock import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

NOTHING = "nothing is unfinished\n"


def test_nothing_is_unfinished(run: Run, serve_mock: Serve) -> None:
    """With nothing to do it says so, but for `-q`, and asks the service for nothing."""
    served = serve_mock()
    ended = run("resume")
    assert (ended.code, ended.out, ended.err) == (0, "", NOTHING)
    ended = run("-q", "resume")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert run("resume", "--json").json == {"finished": [], "unknown": [], "unrecorded": []}
    assert asked(served) == []


@pytest.mark.parametrize(
    ("how", "words"),
    [("held", ()), ("folder", ()), ("folder", ("--abandon", "x")), ("folder", ("--adopt", "x"))],
)
def test_an_unreadable_journal_is_not_an_empty_one(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, how: str, words: tuple[str, ...]
) -> None:
    """A journal that can't be read is an error, and null in the JSON; nothing is asked or changed."""
    served = serve_mock()
    path = Path("journal.sqlite3").absolute()
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", str(path))
    monkeypatch.setattr(journal, "Database", partial(Database, busy_seconds=0.5))
    begun(run, served)
    asked(served)
    if how == "folder":
        path.unlink()
        path.mkdir()
    with closing(sqlite3.connect(":memory:" if how == "folder" else path, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN EXCLUSIVE")
        connect: Any = sqlite3.connect
        waits: list[object] = []

        def connecting(*args: Any, **options: Any) -> Any:
            waits.append(options.get("timeout"))
            opened: sqlite3.Connection = connect(*args, **options)
            return opened

        monkeypatch.setattr(sqlite3, "connect", connecting)
        ended = run("resume", "-q", *words)
        assert waits.count(0.5) == (how == "held")  # the patience is spent once
        as_json = run("resume", "--json", *words)
    assert (ended.code, as_json.code, ended.out) == (1, 1, "")
    assert f"the journal {path} can't be read" in ended.err
    assert "nothing is unfinished" not in ended.err
    assert {name: as_json.json[name] for name in ("finished", "unknown", "unrecorded")} == {
        "finished": None, "unknown": None, "unrecorded": None,
    }  # fmt: skip
    assert as_json.json["error"]["exit_code"] == 1
    assert asked(served) == []


def test_each_end_is_shown(run: Run, serve_mock: Serve) -> None:
    """Each unfinished task is polled, unless another process has claimed it, and its end is shown."""
    served = serve_mock(pace=Polls(2))
    ids = [str(begun(run, served, "-o", "a.mp4").task_id)]
    run("create", URL)
    ids.append(served.mock.tasks[-1].id)
    run("wait", ids[1], "--timeout", "0")
    busy = begun(run, served, "-o", "b.mp4")
    assert Journal.open().claim(busy.entry_id, "another", 60)
    for scenario in ("fail", "never-finish"):
        served.mock.next_scenario(scenario)
        ids.append(str(begun(run, served, "-o", f"{scenario}.mp4").task_id))
    names = ["MADE", "NO-FILE", "FAILED", "LATE", "BUSY"]
    known = dict(zip([*ids, str(busy.task_id)], names, strict=True))
    asked(served)
    ended = run("resume", "--timeout", "0", "--workers", "1")
    assert (ended.code, ended.out) == (9, f"{Path('a.mp4').absolute()}\n")
    assert plain(ended.err, known=known) == snapshot("""\
task NO-FILE is COMPLETED, and no file is noted for its video. Next: kling-elements download NO-FILE
      -o FILE
task BUSY: another process has claimed it
kling-elements: task FAILED: failed: task FAILED ended as FAILED, and the service gives no reason.
      It may be billed. Try other images
kling-elements: task LATE: unfinished: stopped waiting for task LATE after TIME; it was last seen
      IN_PROGRESS. It runs on and is billed. Next: kling-elements wait LATE
""")
    assert asked(served) == [about(each) for each in ids]
    again = run("resume", "--timeout", "0", "--json")
    assert (again.code, again.err) == (9, "")
    assert [(known[each["task_id"]], each["standing"]) for each in again.json["finished"]] == [
        ("BUSY", "busy"), ("LATE", "unfinished"),
    ]  # fmt: skip
    assert set(again.json["finished"][0]) == {"task_id", "entry", "standing", "file", "error"}


def test_doubtful_creates_are_shown(run: Run, serve_mock: Serve) -> None:
    """Each create of unknown outcome is shown with its job, its file and why, those of this key alone."""
    served = serve_mock()
    in_doubt(served.url, key=ANOTHER_KEY)
    in_doubt("http://other.localhost")
    assert run("resume").err == NOTHING
    in_doubt(served.url, "no answer\nat all", job=Job("b", "k\t" + 70 * "x"), target="/videos/k.mp4")
    in_doubt(served.url)
    ended = run("--base-url", served.url, "resume")
    assert (ended.code, ended.out) == (6, "")
    assert plain(ended.err, known={served.url: "http://h"}) == snapshot("""\
kling-elements: the outcome of 2 creates is unknown. Not sent again:
  entry ENTRY-ID, job k xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, for
      /videos/k.mp4: no answer at all
  entry ENTRY-ID: its process was ended
the service's list has no task that nobody recorded: it seems that none was created
to forget an entry: kling-elements --base-url http://h resume --abandon ENTRY
""")
    assert asked(served) == [LIST]
    foreign(served)
    ended = run("resume")
    assert "one of which may belong to it:\n  " in ended.err
    assert "kling-elements resume --adopt TASK --entry ENTRY\n" in ended.err
    shown = run("resume", "--json").json
    assert [set(each) for each in shown["unknown"]] == [{"entry", "batch", "job", "target", "why"}] * 2
    assert {"b", None} == {each["batch"] for each in shown["unknown"]}
    assert shown["unrecorded"] == [{"id": served.mock.tasks[0].id, "status": "CREATED"}]


@pytest.mark.parametrize(
    ("args", "file"),
    [
        (("--entry", "SECOND"), "/second.mp4"),
        (("--entry", "SECOND", "-o", "mine.mp4"), "mine.mp4"),
        (("-o", "mine.mp4"), "mine.mp4"),
        (("-d", "out"), "out/TASK.mp4"),
    ],
)
def test_a_task_is_adopted(
    run: Run, serve_mock: Serve, tmp_path: Path, args: tuple[str, ...], file: str
) -> None:
    """`--adopt` takes a task, for an entry or for none; its video goes to the noted or the given file."""
    served = serve_mock(pace=Polls(2))
    entries = [in_doubt(served.url, target=str(tmp_path / name)) for name in ("first.mp4", "second.mp4")]
    task_id = foreign(served)
    words = [word.replace("SECOND", entries[1]) for word in args]
    ended = run("resume", "--adopt", task_id, *words, *NOW)
    target = tmp_path / file[1:] if file.startswith("/") else Path(file.replace("TASK", task_id)).absolute()
    assert (ended.code, ended.out) == (6, f"{target}\n")
    assert ended.err.startswith(f"added task {task_id} to the journal\n")
    entry = Journal.open().find(task_id, served.url)
    assert entry
    assert (entry.entry_id == entries[1]) == ("--entry" in args)
    assert (entry.target, entry.file) == (str(target), str(target))


def test_what_cannot_be_adopted_or_abandoned(run: Run, serve_mock: Serve) -> None:
    """Others' entries, entries that have a task, unknown tasks and bad files change nothing."""
    served = serve_mock(pace=Polls(9))
    mine, task_id = unwaited(served.url, "t-1"), foreign(served)
    theirs = in_doubt(served.url, key=ANOTHER_KEY)
    elsewhere = unwaited("http://other.localhost", "t-1").entry_id
    missing = "00000000-0000-4000-8000-000000000000"
    Path("there.mp4").write_text("mine")
    for words, code in (
        (("--adopt", task_id, "--entry", mine.entry_id), 2),
        (("--adopt", task_id, "-o", "there.mp4"), 2),
        (("--adopt", missing), 3),
        (("--entry", "x"), 2),
        (("-o", "x"), 2),
        (("--abandon", theirs), 2),
        (("--abandon", elsewhere), 2),
        (("--abandon", "nothing"), 2),
    ):
        ended = run("resume", *words)
        assert (ended.code, ended.out) == (code, "")
    assert "Next: kling-elements resume\n" in ended.err
    assert Journal.open().entry(mine.entry_id) == mine
    assert [Journal.open().find(each, served.url) for each in (task_id, missing)] == [None, None]
    assert Journal.open().entry(theirs) == Journal.open().entry(theirs)
    assert Path("there.mp4").read_text() == "mine"


def test_entries_are_abandoned(run: Run, nowhere: str) -> None:
    """`--abandon` takes entries by their id or their task, any number, and nothing more is asked."""
    unfinished, doubtful = unwaited(nowhere, "t-1"), in_doubt(nowhere)
    ended = run("resume", "--abandon", str(unfinished.task_id), "--abandon", doubtful)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"abandoned {unfinished.entry_id}\nabandoned {doubtful}\n{NOTHING}"
    for entry_id in (unfinished.entry_id, doubtful):
        entry = Journal.open().entry(entry_id)
        assert entry
        assert entry.state == State.ABANDONED


@pytest.mark.parametrize(("words", "tasks"), [((), 0), (("-d", "out"), 1), (("--workers", "2"), 2)])
def test_what_was_finished_is_shown_after_a_signal(
    run: Run, nowhere: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], tasks: int
) -> None:
    """A signal ends it with its code; what is finished is shown, what continues named, nothing polled."""
    in_doubt(nowhere)
    running = tuple(Running(f"e-{n}", f"task-{n}") for n in range(tasks))

    def interrupted(*_: object, **__: object) -> Interrupting:
        done: Any = Resumed(Entry("e", task_id="t"), JobStatus.DONE, None, Path("/videos/a.mp4"))
        return Interrupting(done, running=running)

    monkeypatch.setattr(KlingElements, "resume", interrupted)
    ended = run("resume", *words)
    assert (ended.code, ended.out) == (128 + signal.SIGINT, "/videos/a.mp4\n")
    left = f" These tasks continue: {', '.join(each.task_id for each in running)}." if tasks else ""
    first, second, *_ = ended.err.splitlines()
    assert first == f"kling-elements: interrupted (Ctrl-C).{left}"
    assert second == " ".join(("Next: kling-elements resume", *words))
    shown = run("resume", *words, "--json").json
    assert (len(shown["finished"]), len(shown["unknown"]), shown["unrecorded"]) == (1, 1, None)


@pytest.mark.parametrize("line", [("wait", "-o", "b.mp4", *NOW), ("wait", *NOW), ("download", "-o", "b.mp4")])
def test_a_task_belongs_to_one_process(
    run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    """While a command works on a task, a `resume` leaves it alone; afterwards it doesn't."""
    served = serve_mock()
    entry = begun(run, served, "-o", "a.mp4")
    at = "_download" if "-o" in line else "wait"
    work, claimable = getattr(KlingElements, at), []

    def meanwhile(self: KlingElements, *args: Any, **options: Any) -> Any:
        claimable.append(Journal.open().claim(entry.entry_id, "another", 60))
        return work(self, *args, **options)

    monkeypatch.setattr(KlingElements, at, meanwhile)
    assert run(line[0], served.mock.tasks[0].id, *line[1:]).code == 0
    assert claimable == [False]
    assert Journal.open().claim(entry.entry_id, "another", 60)
    assert "another process has claimed this task too" in run("wait", served.mock.tasks[0].id, *NOW).err
