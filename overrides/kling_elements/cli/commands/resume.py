"""Finish what was begun: wait for tasks, fetch their videos to where they were to go. It is free.

Creates whose outcome is unknown are shown, with the tasks that they may have made: take one
with --adopt, or give an entry up with --abandon. It is safe to run twice, and twice at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from kling_elements.cli.connection import open_client
from kling_elements.cli.console import PROGRAM, count_of, one_line
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.request_options import add_wait
from kling_elements.cli.signals import Interrupted

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from kling_elements import KlingElements, Task
    from kling_elements.batch import Batch
    from kling_elements.batch.resume import Resumed
    from kling_elements.cli.context import Context
    from kling_elements.journal import Entry, NewEntry

T = TypeVar("T")

_WORKERS = 3
_SHOWN = 50  # tasks that nobody recorded


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "-d", "--directory", metavar="DIR", help="where videos go of which no file is noted (default: left)"
    )
    parser.add_argument(
        "--workers", type=int, default=_WORKERS, metavar="N", help="tasks at once (default: %(default)s)"
    )
    group = parser.add_argument_group("creates whose outcome is unknown")
    group.add_argument("--adopt", metavar="TASK", help="take a task into the journal, and finish it too")
    group.add_argument("--entry", metavar="ENTRY", help="the entry that --adopt is for, as shown by resume")
    group.add_argument("-o", "--output", metavar="FILE", help="where the video of --adopt goes")
    group.add_argument(
        "--abandon",
        metavar="ENTRY",
        action="append",
        default=[],
        help="hear no more of an entry; a batch may then create its job again",
    )
    add_wait(parser)


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    if (args.entry or args.output) and not args.adopt:
        raise CommandError("--entry and -o go with --adopt. Nothing was done")
    with open_client(args, session) as client:
        owner = client.journal_owner
        for name in args.abandon:
            entry = _entry(client, owner, name)
            client.journal.abandon(entry.entry_id, "given up by hand")
            session.console.note(f"gave up {entry.entry_id}")
        if args.adopt:
            _adopt(args, session, client, owner)
        return _resume(args, session, client, owner)


def _read(client: KlingElements, read: Callable[[], T]) -> T:
    """Return what the journal holds.

    Raises:
        CommandError: It could not be read.
    """
    from kling_elements.journal import JournalUnread  # noqa: PLC0415 - `--help` need not pay for it

    try:
        return client.journal.whole(read)
    except JournalUnread as unread:
        raise CommandError(
            f"the journal {client.journal.path} could not be read: {unread}. What it holds is not known",
            ExitCode.OTHER,
        ) from None


def _resume(args: Namespace, session: Context, client: KlingElements, owner: NewEntry) -> int:
    from kling_elements.errors import JournalUnusable  # noqa: PLC0415 - `--help` need not pay for it

    told: list[dict[str, Any]] = []
    stopped: int | None = None
    is_whole = True
    batch = client.resume(
        directory=args.directory,
        workers=args.workers,
        timeout=args.timeout,
        poll_interval=args.poll_interval,
    )

    def take_results() -> None:
        nonlocal is_whole
        for resumed in batch:
            told.append(_record(resumed, session))
            is_whole = is_whole and (resumed.standing.is_done or resumed.standing == "busy")
            _tell(resumed, session)

    try:
        with batch:
            try:
                take_results()
            except Interrupted as interrupted:
                stopped = interrupted.exit_code
                batch.close()
                take_results()  # those that were finished by then
                _tell_interruption(interrupted, batch, args, session)
        doubtful = _read(client, lambda: client.journal.doubtful(owner.origin, owner.fingerprint))
    except (JournalUnusable, CommandError):
        if session.is_json:
            session.console.result_json({"finished": told or None, "unknown": None, "unrecorded": None})
        raise
    candidates = _candidates(client, doubtful, session) if stopped is None else None
    _tell_doubtful(doubtful, candidates, session)
    if session.is_json:
        session.console.result_json(
            {
                "finished": told,
                "unknown": [_unknown(entry) for entry in doubtful],
                "unrecorded": candidates,
            }
        )
    elif not told and not doubtful and stopped is None and not session.is_quiet:
        session.console.note("nothing is unfinished")
    if stopped is not None:
        return stopped
    if not is_whole:
        return ExitCode.PARTLY
    return ExitCode.OUTCOME_UNKNOWN if doubtful else ExitCode.DONE


def _entry(client: KlingElements, owner: NewEntry, name: str) -> Entry:
    """The unfinished entry of that id, or that task.

    Raises:
        CommandError: If there is none of this origin and key.
    """
    journal, whose = client.journal, (owner.origin, owner.fingerprint)
    mine = _read(client, lambda: [*journal.doubtful(*whose), *journal.unfinished(*whose)])
    found = next((entry for entry in mine if name in {entry.entry_id, entry.task_id}), None)
    if found is None:
        raise CommandError(
            f"the journal has no unfinished entry {name} of this origin and key. {PROGRAM} resume shows "
            "those that there are"
        )
    return found


def _doubtful_entry(client: KlingElements, owner: NewEntry, name: str) -> Entry:
    """The entry of that id, which has no task yet.

    Raises:
        CommandError: If there is none of this origin and key, or it has a task.
    """
    entry = _entry(client, owner, name)
    if not entry.is_doubtful:
        raise CommandError(
            f"the entry {entry.entry_id} is that of task {entry.task_id}: it takes no other. Nothing was done"
        )
    return entry


def _adopt(args: Namespace, session: Context, client: KlingElements, owner: NewEntry) -> None:
    """Take a task into the journal: into the entry that it belongs to, if that can be told."""
    from attrs import evolve  # noqa: PLC0415 - `--help` need not pay for it

    from kling_elements.files import absolute  # noqa: PLC0415 - as above

    task = client.get(args.adopt)  # it exists, and belongs to this key
    doubtful = _read(client, lambda: client.journal.doubtful(owner.origin, owner.fingerprint))
    entry_id = _doubtful_entry(client, owner, args.entry).entry_id if args.entry else None
    if entry_id is None and len(doubtful) == 1:
        entry_id = doubtful[0].entry_id
    target = None if args.output is None else str(absolute(args.output))
    adopted = client.journal.adopt(task, evolve(owner, target=target), entry_id)
    if adopted.target is None and args.directory is None:
        session.console.note(f"where is its video to go? Add -o FILE, or: {session.resume(task.id)}")
    session.console.note(f"took task {one_line(task.id)} into the journal")


def _candidates(
    client: KlingElements, doubtful: list[Entry], session: Context
) -> list[dict[str, str]] | None:
    """The tasks that doubtful creates may have made; None if there is none as far as could be asked."""
    from kling_elements.api.endpoints import DEFAULT_MODEL  # noqa: PLC0415
    from kling_elements.errors import KlingError  # noqa: PLC0415 - `--help` need not pay for it

    found: dict[str, Task] = {}
    is_whole = True
    for model in sorted({entry.model or DEFAULT_MODEL for entry in doubtful}):
        try:
            found |= {task.id: task for task in client.find_unrecorded(model=model)}
        except KlingError as error:  # what was finished is told all the same
            is_whole = False
            text = session.told(str(error))
            session.console.note(f"{PROGRAM}: the tasks of the model {model} could not be compared: {text}")
    told = [{"id": task.id, "status": task.status} for task in found.values()]
    return told if told or is_whole else None


def _tell(resumed: Resumed[Any], session: Context) -> None:
    entry = resumed.entry
    if session.is_json:
        return
    if resumed.file is not None:
        session.console.result_path(resumed.file)
        return
    task_id = str(entry.task_id)
    if resumed.error is not None:
        text = session.told(str(resumed.error))
        session.console.note(f"{PROGRAM}: task {one_line(task_id)}: {resumed.standing}: {text}")
    elif resumed.standing == "busy":
        session.console.note(f"task {one_line(task_id)}: another process is at it")
    elif resumed.task is not None:
        session.console.note(
            f"task {one_line(task_id)} is {one_line(resumed.task.status)}, and no file is noted for its "
            f"video. To fetch it: {session.command('download', task_id, '-o', 'FILE')}"
        )


def _tell_doubtful(doubtful: list[Entry], candidates: list[dict[str, str]] | None, session: Context) -> None:
    if not doubtful or session.is_json:
        return
    note = session.console.note
    note(f"{PROGRAM}: the outcome of {count_of(len(doubtful), 'create')} is unknown. Not sent again:")
    for entry in doubtful:
        job = f", job {one_line(entry.job.key)[:60]}" if entry.job else ""
        target = f", for {one_line(entry.target)}" if entry.target else ""
        note(f"  entry {entry.entry_id}{job}{target}: {one_line(entry.note or 'its process was ended')}")
    if candidates:
        note("tasks at the service that nobody recorded, one of which may be it:")
        for task in candidates[:_SHOWN]:
            note(f"  {one_line(task['id'])}  {one_line(task['status'])}")
        if len(candidates) > _SHOWN:
            note(f"  and {len(candidates) - _SHOWN} more: {session.command('list')}")
        note(f"to take one: {session.command('resume', '--adopt', 'TASK', '--entry', 'ENTRY')}")
    elif candidates is not None:
        note("the service has no task that nobody recorded: no task was made, as far as its list tells")
    note(f"to give an entry up: {session.command('resume', '--abandon', 'ENTRY')}")


def _tell_interruption(
    interrupted: Interrupted, batch: Batch[Any, Resumed[Any]], args: Namespace, session: Context
) -> None:
    ids = ", ".join(one_line(each.task_id) for each in batch.running)
    words = ["resume"]
    if args.directory is not None:
        words += ["-d", args.directory]
    if args.workers != _WORKERS:
        words += ["--workers", str(args.workers)]
    session.console.note(
        f"{PROGRAM}: interrupted ({interrupted.name}). {f'These tasks run on: {ids}. ' if ids else ''}"
        f"To go on: {session.command(*words)}"
    )


def _record(resumed: Resumed[Any], session: Context) -> dict[str, Any]:
    return {
        "task_id": resumed.entry.task_id,
        "entry": resumed.entry.entry_id,
        "standing": resumed.standing.value,
        "file": None if resumed.file is None else str(resumed.file),
        "error": None if resumed.error is None else session.safe(str(resumed.error)),
    }


def _unknown(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.entry_id,
        "batch": entry.job.batch if entry.job else None,
        "job": entry.job.key if entry.job else None,
        "target": entry.target,
        "why": entry.note,
    }
