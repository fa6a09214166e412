"""Show what the journal knows of the tasks that were created here."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from kling_elements.cli.exit_codes import CommandError, ExitCode, UsageError
from kling_elements.cli.task_table import iso, show_tasks, shown_status
from kling_elements.journal import Journal, JournalUnread

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context
    from kling_elements.journal import Entry

_HEADERS = ("when", "id", "status", "model", "batch", "file")


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    if args.n < 0:
        raise UsageError(f"-n must be 0 or more: got {args.n}")
    most = min(args.n, sys.maxsize) or None
    journal = Journal.open()
    try:
        entries = journal.whole(lambda: deque((e for e in journal.entries() if _is_asked(e, args)), most))
    except JournalUnread as unread:
        raise CommandError(f"the journal {journal.path} can't be read: {unread}", ExitCode.OTHER) from None
    if context.is_json:
        context.console.result_json({"tasks": [entry_object(entry) for entry in entries]})
        return 0
    rows = [
        (
            entry.created_at,
            entry.task_id,
            shown_status(entry),
            entry.model,
            entry.job.batch if entry.job else None,
            entry.file,
        )
        for entry in entries
    ]
    show_tasks(context.console, _HEADERS, rows)
    if not entries and not context.is_quiet:
        context.console.note("no tasks" if journal.path else "there is no journal: nothing is known")
    return 0


def _is_asked(entry: Entry, args: Namespace) -> bool:
    if args.status and args.status.casefold() != shown_status(entry).casefold():
        return False
    return not args.batch or bool(entry.job and entry.job.batch.startswith(args.batch))


def entry_object(entry: Entry) -> dict[str, Any]:
    """Return an entry for `--json`."""
    return {
        "id": entry.task_id,
        "status": shown_status(entry),
        "created_at": iso(entry.created_at),
        "model": entry.model,
        "origin": entry.origin,
        "batch": entry.job.batch if entry.job else None,
        "job": entry.job.key if entry.job else None,
        "file": entry.file,
        "target": entry.target,
        "entry": entry.entry_id,
        "note": entry.note,
    }
