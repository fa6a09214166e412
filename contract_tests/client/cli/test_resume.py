"""`resume` on the command line: what it prints, what it asks the service for, what the journal keeps."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from contract_tests.client.cli import conftest as shared
from contract_tests.client.cli.test_batch import interrupt
from contract_tests.support.locks import locked
from kling_elements import Journal
from kling_elements.journal import Job, State, fallback
from kling_elements.journal.database import Database

NOTHING = "nothing is unfinished\n"
MISSING = "00000000-0000-4000-8000-000000000000"


def test_nothing_is_unfinished(cli: shared.Cli) -> None:
    """With nothing to do it says so, but for `-q`, and asks the service for nothing."""
    assert [(ended.code, ended.out, ended.err) for ended in (cli("resume"), cli("-q", "resume"))] == [
        (0, "", NOTHING), (0, "", ""),
    ]  # fmt: skip
    assert cli("resume", "--json").json == {"finished": [], "unknown": [], "unrecorded": []}
    cli.environ(KLING_ELEMENTS_JOURNAL="off")
    ended = cli("resume")
    assert (ended.code, ended.err == NOTHING, cli.asked()) == (0, False, [])


@pytest.mark.parametrize(
    ("how", "words"), [("held", ()), ("folder", ("--abandon", "x")), ("folder", ("--adopt", "x"))]
)
def test_an_unreadable_journal_is_not_an_empty_one(cli: shared.Cli, how: str, words: tuple[str, ...]) -> None:
    """A journal that can't be read is an error, and null in the JSON; nothing is asked or changed."""
    path = Path("journal.sqlite3").absolute()
    cli.environ(KLING_ELEMENTS_JOURNAL=str(path))
    cli.patch.setattr(fallback, "Database", partial(Database, busy_seconds=0.05))
    cli.begun()
    cli.asked()
    if how == "folder":
        path.unlink()
        path.mkdir()
    with locked(path) if how == "held" else nullcontext():
        ended, as_json = cli("resume", "-q", *words), cli("resume", "--json", *words)
    assert (ended.code, as_json.code, ended.out, cli.asked()) == (1, 1, "", [])
    assert str(path) in ended.err
    assert NOTHING not in ended.err
    shown = as_json.json
    assert shown.pop("error")["exit_code"] == 1
    assert shown == {"finished": None, "unknown": None, "unrecorded": None}


def test_each_end_is_shown(cli: shared.Cli) -> None:
    """Each unfinished task is polled, unless another process has claimed it, and its end is shown."""
    tasks: dict[str, str] = {}
    for name, scenario, file in (
        ("MADE", "polls=2", ("-o", "a.mp4")), ("NO-FILE", "polls=2", ()),
        ("BUSY", "never-finish", ("-o", "b")), ("FAILED", "polls=2,fail", ("-o", "c")),
        ("LATE", "never-finish", ("-o", "d")),
    ):  # fmt: skip
        cli.next(scenario, operation="create")
        entry = cli.begun(*file) if file else None
        if entry is None:
            cli("create", shared.URL)
            cli("wait", cli.ids[-1], "--timeout", "0")
        elif name == "BUSY":
            assert Journal.open().claim(entry.entry_id, "another", 60)
        tasks[name] = cli.ids[-1]
    cli.asked()
    ended = cli("resume", "--timeout", "0", "--workers", "1")
    assert (ended.code, ended.out) == (9, f"{Path('a.mp4').absolute()}\n")
    assert shared.plain(ended.err, **tasks) == snapshot("""\
task NO-FILE is COMPLETED, and no file is noted for its video. Next: kling-elements download NO-FILE
      -o FILE
task BUSY: another process has claimed it
kling-elements: task FAILED: failed: task FAILED ended as FAILED, and the service gives no reason.
      It may be billed. Try other images
kling-elements: task LATE: unfinished: stopped waiting for task LATE after TIME; it was last seen
      IN_PROGRESS. It runs on and is billed. Next: kling-elements wait LATE
""")
    assert cli.asked() == [shared.about(task_id) for name, task_id in tasks.items() if name != "BUSY"]
    again = cli("resume", "--timeout", "0", "--json")
    assert (again.code, again.err) == (9, "")
    assert [(each["task_id"], each["standing"]) for each in again.json["finished"]] == [
        (tasks["BUSY"], "busy"), (tasks["LATE"], "unfinished"),
    ]  # fmt: skip
    assert set(again.json["finished"][0]) == {"task_id", "entry", "standing", "file", "error"}


def test_doubtful_creates_are_shown(cli: shared.Cli) -> None:
    """Each create of unknown outcome is shown with its job, its file and why, those of this key alone."""
    cli.in_doubt(key=shared.ANOTHER_KEY)
    cli.in_doubt(origin="http://other.localhost")
    assert cli("resume").err == NOTHING
    cli.in_doubt("no answer\nat all", job=Job("b", "k\t" + 70 * "x"), target="/videos/k.mp4")
    cli.in_doubt()
    ended = cli("--base-url", cli.url, "resume")
    assert (ended.code, ended.out) == (6, "")
    assert shared.plain(ended.err, **{"http://h": cli.url}) == snapshot("""\
kling-elements: the outcome of 2 creates is unknown. Not sent again:
  entry ENTRY-ID, job k xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, for
      /videos/k.mp4: no answer at all
  entry ENTRY-ID: its process was ended
the service's list has no task that nobody recorded: it seems that none was created
to forget an entry: kling-elements --base-url http://h resume --abandon ENTRY
""")
    assert cli.asked() == [shared.LIST]
    task_id = [cli.foreign() for _ in range(51)][-1]
    ended = cli("resume")
    assert ended.err.count("CREATED\n") == 50
    assert "and 1 more: kling-elements list\n" in ended.err
    assert "kling-elements resume --adopt TASK --entry ENTRY\n" in ended.err
    shown = cli("resume", "--json").json
    assert [set(each) for each in shown["unknown"]] == [{"entry", "batch", "job", "target", "why"}] * 2
    assert {"b", None} == {each["batch"] for each in shown["unknown"]}
    assert {"id": task_id, "status": "CREATED"} in shown["unrecorded"]
    cli.next("status=403", operation="list", times=2)
    assert cli("resume", "--json").json["unrecorded"] is None
    assert "the model std could not be compared" in cli("resume").err


@pytest.mark.parametrize(
    ("args", "file"),
    [
        (("--entry", "SECOND"), "/second.mp4"),
        (("--entry", "SECOND", "-o", "mine.mp4"), "mine.mp4"),
        (("-o", "mine.mp4"), "mine.mp4"),
        (("-d", "out"), "out/TASK.mp4"),
        ((), None),
    ],
)
def test_a_task_is_adopted(cli: shared.Cli, tmp_path: Path, args: tuple[str, ...], file: str | None) -> None:
    """`--adopt` takes a task, for an entry or for none; its video goes to the noted or the given file."""
    cli.next("polls=2", times=1000)
    entries = [cli.in_doubt(target=str(tmp_path / name)) for name in ("first.mp4", "second.mp4")]
    task_id = cli.foreign()
    ended = cli(
        "resume", "--adopt", task_id, *(word.replace("SECOND", entries[1]) for word in args), *shared.NOW
    )
    assert ended.code == 6
    assert ended.err.startswith(f"added task {task_id} to the journal\n")
    entry = Journal.open().find(task_id, cli.url)
    assert entry
    assert (entry.entry_id == entries[1]) == ("--entry" in args)
    if file is None:
        assert (entry.target, entry.file, ended.out) == (None, None, "")
        assert f"Next: kling-elements wait {task_id} -o {task_id}.mp4\n" in ended.err
        return
    target = tmp_path / file[1:] if file.startswith("/") else Path(file.replace("TASK", task_id)).absolute()
    assert (entry.target, entry.file, ended.out) == (str(target), str(target), f"{target}\n")


def test_what_cannot_be_adopted_or_abandoned(cli: shared.Cli) -> None:
    """Others' entries, entries that have a task, unknown tasks and bad files change nothing."""
    cli.next("never-finish", times=1000)
    mine, task_id = cli.unwaited("t-1"), cli.foreign()
    theirs = cli.in_doubt(key=shared.ANOTHER_KEY)
    elsewhere = cli.unwaited("t-1", origin="http://other.localhost").entry_id
    Path("there.mp4").write_text("mine")
    before = list(Journal.open().entries())
    for words, code in (
        (("--adopt", task_id, "--entry", mine.entry_id), 2),
        (("--adopt", task_id, "-o", "there.mp4"), 2),
        (("--adopt", MISSING), 3),
        (("--entry", "x"), 2),
        (("-o", "x"), 2),
        (("--abandon", theirs), 2),
        (("--abandon", elsewhere), 2),
        (("--abandon", mine.entry_id[:2]), 2),
        (("--abandon", mine.entry_id, "--abandon", "nothing"), 2),
    ):
        ended = cli("resume", *words)
        assert (ended.code, ended.out) == (code, "")
    assert "Next: kling-elements resume\n" in ended.err
    assert list(Journal.open().entries()) == before
    assert Path("there.mp4").read_text() == "mine"


def test_entries_are_abandoned(cli: shared.Cli) -> None:
    """`--abandon` takes entries by their id or their task, any number, and nothing more is asked."""
    entries = [cli.unwaited("t-1").entry_id, cli.in_doubt()]
    ended = cli("resume", "--abandon", "t-1", "--abandon", entries[1])
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"abandoned {entries[0]}\nabandoned {entries[1]}\n{NOTHING}"
    assert {entry.state for entry in Journal.open().entries()} == {State.ABANDONED}


@pytest.mark.parametrize("words", [(), ("-d", "out"), ("--workers", "2")])
def test_a_signal_shows_how_to_continue(cli: shared.Cli, words: tuple[str, ...]) -> None:
    """It ends with the signal's code; what is finished is shown, what continues named, nothing else asked."""
    cli.in_doubt()
    for scenario in ("polls=2", "never-finish"):
        cli.next(scenario, operation="create")
        cli.begun("-o", f"{scenario}.mp4")
    with cli.patch.context() as patch:
        interrupt(cli, patch, 1)
        ended = cli("resume", *words, "--poll-interval", "0.01")
    assert (ended.code, shared.plain(ended.out)) == (130, "HERE/polls=2.mp4\n")
    first, second, *_ = ended.err.splitlines()
    assert cli.ids[1] in first
    assert second == " ".join(("Next: kling-elements resume", *words))
    with cli.patch.context() as patch:
        interrupt(cli, patch, 0, at=1)
        shown = cli("resume", *words, "--json").json
    assert (len(shown["unknown"]), shown["unrecorded"]) == (1, None)


@pytest.mark.parametrize(
    "line", ["wait ID -o b.mp4", "wait ID", "download ID -o b.mp4", f"generate {shared.URL} -o b.mp4"]
)
def test_a_task_belongs_to_one_process(cli: shared.Cli, line: str) -> None:
    """While a command waits for a task or fetches it, nobody else can claim it; afterwards it is free."""
    cli.next("instant" if line.startswith("download") else "polls=3", times=1000)
    task_id = cli.foreign()
    cli.unwaited(task_id)
    elsewhere = cli.unwaited(task_id, origin="http://elsewhere.localhost")
    claim, held = Journal.claim, list[float]()

    def claiming(self: Journal, entry_id: str, owner: str, seconds: float) -> bool:
        held.append(seconds)
        assert claim(self, entry_id, owner, seconds)
        return not claim(Journal.open(), entry_id, "another", 60)

    cli.patch.setattr(Journal, "claim", claiming)
    interval = () if line.startswith("download") else ("--poll-interval", "0.01")
    assert cli(*line.replace("ID", task_id).split(), *interval).code == 0
    assert (min(held), held[-1]) == (900, 3600 if "-o" in line else 900)
    found = cli.find()
    assert found.file == (str(Path("b.mp4").absolute()) if "-o" in line else None)
    assert claim(Journal.open(), found.entry_id, "another", 60)
    assert Journal.open().entry(elsewhere.entry_id) == elsewhere
    cli.patch.setattr(Journal, "claim", claim)
    again = cli("wait", found.task_id or "", *shared.NOW).err
    assert again.count("another process has claimed this task too\n") == 1
    assert shared.names() == (["b.mp4"] if "-o" in line else [])
