"""Finish what was begun: wait for the journal's tasks, and fetch their videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.batch.results import JobStatus
from kling_elements.cli.arguments import WORKERS
from kling_elements.cli.batch_progress import BatchProgress, take_all
from kling_elements.cli.connection import open_client
from kling_elements.cli.console import PROGRAM, count_of, one_line
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.output_file import check_output
from kling_elements.cli.task_ids import only_one, whole_id
from kling_elements.errors import KlingError
from kling_elements.files import absolute
from kling_elements.journal import JournalUnread

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements import KlingElements, Model, Task
    from kling_elements.batch import Batch
    from kling_elements.batch.resume import Resumed
    from kling_elements.cli.context import Context
    from kling_elements.cli.signals import Interrupted
    from kling_elements.journal import Entry

_SHOWN = 50  # tasks that nobody recorded


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    if (args.entry or args.output) and args.adopt is None:
        raise CommandError("--entry and -o go with --adopt. Nothing was done")
    if args.output is not None:
        context.output = args.output
        check_output(context)
    with open_client(context) as client:
        try:
            _doubtful(client)
            for entry in [_entry(client, name) for name in args.abandon]:  # all of them, or none
                client.journal.abandon(entry.entry_id, "abandoned by hand")
                context.console.note(f"abandoned {entry.entry_id}")
            if args.adopt is not None:
                _adopt(args, context, client)
        except JournalUnread as unread:
            return _report_unread(client, unread, None, context)
        return _resume(args, context, client)


def _resume(args: Namespace, context: Context, client: KlingElements) -> int:
    finished: list[dict[str, Any]] = []

    def take(resumed: Resumed[Any]) -> None:
        progress.add(resumed.standing)
        finished.append(_record(resumed, context))
        _show(resumed, context)

    batch = client.resume(
        directory=args.directory, workers=args.workers, timeout=args.timeout, poll_interval=args.poll_interval
    )
    progress = BatchProgress(context.console, batch, is_quiet=context.is_quiet)
    with batch, progress:
        stopped = take_all(batch, take, context.interruptions)
        if stopped is not None:
            _note_interruption(stopped, batch, args, context)
    try:
        doubtful = _doubtful(client)
    except JournalUnread as unread:
        code = _report_unread(client, unread, finished, context)
        return code if stopped is None else stopped.exit_code
    candidates = _candidates(client, doubtful, context) if stopped is None else None
    _show_doubtful(doubtful, candidates, context)
    if context.is_json:
        unknown = [_unknown(entry) for entry in doubtful]
        context.console.result_json({"finished": finished, "unknown": unknown, "unrecorded": candidates})
    elif not finished and not doubtful and stopped is None and not context.is_quiet:
        is_off = client.journal.path is None
        context.console.note("there is no journal: nothing is known" if is_off else "nothing is unfinished")
    if stopped is not None:
        return stopped.exit_code
    if not all(status.is_done or status is JobStatus.BUSY for status in progress.counts):
        return ExitCode.PARTLY
    return ExitCode.OUTCOME_UNKNOWN if doubtful else ExitCode.DONE


def _report_unread(
    client: KlingElements, unread: JournalUnread, finished: list[dict[str, Any]] | None, context: Context
) -> int:
    """Report that the journal could not be read: what is unfinished is not known, which isn't "nothing"."""
    text = f"the journal {client.journal.path} can't be read, so what is unfinished is not known: "
    text = one_line(context.redact(f"{text}{unread}"))
    context.console.note(f"{PROGRAM}: {text}")
    context.console.note(f"Next: {context.command('resume')}, once it can be read")
    if context.is_json:
        code = int(ExitCode.OTHER)
        error = {"type": "JournalUnreadable", "message": text, "task_id": None, "exit_code": code}
        body = {"finished": finished, "unknown": None, "unrecorded": None, "error": error}
        context.console.result_json(body)
    return ExitCode.OTHER


def _doubtful(client: KlingElements) -> list[Entry]:
    """Return the creates of this origin and key whose outcome is unknown.

    Raises:
        JournalUnread: If the journal can't be read.
    """
    journal, owner = client.journal, client.journal_owner
    return journal.whole(lambda: journal.doubtful(owner.origin, owner.fingerprint))


def _entry(client: KlingElements, name: str) -> Entry:
    """Return the unfinished entry of that id, or that task, whole or by its first characters.

    Raises:
        CommandError: If there is none of this origin and key.
    """
    owner = client.journal_owner
    mine = [*_doubtful(client), *client.journal.unfinished(owner.origin, owner.fingerprint)]
    names = {each: entry for entry in mine for each in (entry.entry_id, entry.task_id) if each}
    whole = only_one(name, names, "entry")
    if whole is None:
        raise CommandError(
            f"the journal has no unfinished entry {name} of this origin and key", hint=f"{PROGRAM} resume"
        )
    return names[whole]


def _adopt(args: Namespace, context: Context, client: KlingElements) -> None:
    """Add a task to the journal: to the entry that it belongs to, if that is known."""
    entry = None if args.entry is None else _entry(client, args.entry)
    if entry is not None and not entry.is_doubtful:
        raise CommandError(
            f"the entry {entry.entry_id} has task {entry.task_id}, and can't take another. Nothing was done"
        )
    task = client.get(whole_id(client, args.adopt))  # it exists, and belongs to this key
    known = client.journal.knows([task.id], client.journal_owner.origin)
    if entry is None and not known and len(doubtful := _doubtful(client)) == 1:
        [entry] = doubtful
    target = None if args.output is None else str(absolute(args.output))
    new = client.journal_owner._replace(target=target)
    adopted = client.journal.adopt(task, new, entry.entry_id if entry else None)
    context.console.note(f"added task {one_line(task.id)} to the journal")
    if adopted.target is None and args.directory is None:
        context.console.note(f"its video has no file yet. Next: {context.resume(task.id)}")


def _candidates(
    client: KlingElements, doubtful: list[Entry], context: Context
) -> list[dict[str, str]] | None:
    """Return the tasks that doubtful creates may have made; None if not all could be asked for."""
    found: dict[str, Task] = {}
    is_whole = True
    for model in sorted({entry.model or DEFAULT_MODEL for entry in doubtful}):
        try:
            found |= {task.id: task for task in client.find_unrecorded(model=cast("Model", model))}
        except KlingError as error:  # what was finished is reported all the same
            is_whole = False
            text = context.format_error(error)
            context.console.note(f"{PROGRAM}: the tasks of the model {model} could not be compared: {text}")
    candidates = [{"id": task.id, "status": task.status} for task in found.values()]
    return candidates if candidates or is_whole else None


def _show(resumed: Resumed[Any], context: Context) -> None:
    if context.is_json:
        return
    if resumed.file is not None:
        context.console.result_path(resumed.file)
        return
    task_id = str(resumed.entry.task_id)
    label = f"task {one_line(task_id)}"
    if resumed.error is not None:
        text = context.format_error(resumed.error)
        context.console.note(f"{PROGRAM}: {label}: {resumed.standing}: {text}")
    elif resumed.standing is JobStatus.BUSY:
        context.console.note(f"{label}: another process has claimed it")
    elif resumed.task is not None:
        fetch = context.command("download", task_id, "-o", "FILE")
        status = one_line(resumed.task.status)
        context.console.note(f"{label} is {status}, and no file is noted for its video. Next: {fetch}")


def _show_doubtful(doubtful: list[Entry], candidates: list[dict[str, str]] | None, context: Context) -> None:
    if not doubtful or context.is_json:
        return
    note = context.console.note
    note(f"{PROGRAM}: the outcome of {count_of(len(doubtful), 'create')} is unknown. Not sent again:")
    for entry in doubtful:
        job = f", job {one_line(entry.job.key)[:60]}" if entry.job else ""
        target = f", for {one_line(entry.target)}" if entry.target else ""
        note(f"  entry {entry.entry_id}{job}{target}: {one_line(entry.note or 'its process was ended')}")
    if candidates:
        note("tasks at the service that nobody recorded, one of which may belong to it:")
        for task in candidates[:_SHOWN]:
            note(f"  {one_line(task['id'])}  {one_line(task['status'])}")
        if len(candidates) > _SHOWN:
            note(f"  and {len(candidates) - _SHOWN} more: {context.command('list')}")
        note(f"to take one: {context.command('resume', '--adopt', 'TASK', '--entry', 'ENTRY')}")
    elif candidates is not None:
        note("the service's list has no task that nobody recorded: it seems that none was created")
    note(f"to forget an entry: {context.command('resume', '--abandon', 'ENTRY')}")


def _note_interruption(
    interrupted: Interrupted, batch: Batch[Any, Resumed[Any]], args: Namespace, context: Context
) -> None:
    ids = ", ".join(one_line(each.task_id) for each in batch.running)
    words = ["resume"]
    if args.directory is not None:
        words += ["-d", args.directory]
    if args.workers != WORKERS:
        words += ["--workers", str(args.workers)]
    left = f" These tasks continue: {ids}." if ids else ""
    context.console.note(f"{PROGRAM}: {interrupted}.{left}")
    context.console.note(f"Next: {context.command(*words)}")


def _record(resumed: Resumed[Any], context: Context) -> dict[str, Any]:
    return {
        "task_id": resumed.entry.task_id,
        "entry": resumed.entry.entry_id,
        "standing": resumed.standing.value,
        "file": None if resumed.file is None else str(resumed.file),
        "error": None if resumed.error is None else context.format_error(resumed.error),
    }


def _unknown(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.entry_id,
        "batch": entry.job.batch if entry.job else None,
        "job": entry.job.key if entry.job else None,
        "target": entry.target,
        "why": entry.note,
    }
