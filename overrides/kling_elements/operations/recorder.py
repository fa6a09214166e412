"""Record in the journal: each create before and after it is sent, each change of a task, each video."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from kling_elements import journal as journals
from kling_elements.errors import (
    JournalUnusable,
    KlingError,
    OutcomeUnknown,
    QuotaExceededError,
    ValidationError,
)
from kling_elements.files import is_absent
from kling_elements.journal.location import JOURNAL_VARIABLE, journal_path
from kling_elements.types import UNKNOWN_STATUS, TaskData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kling_elements.api.auth import Settings
    from kling_elements.api.io import IO
    from kling_elements.journal import Begun, Entry, Job, Journal, NewEntry
    from kling_elements.types import Request

T = TypeVar("T")


class Recorder:
    """Records what one client does, with its origin and its key. Every call may touch the disk.

    Attributes:
        settings: The client's settings.
        is_own: Whether the journal is this client's, to be closed with it.
    """

    _opened: Journal | None = None

    def __init__(
        self, settings: Settings, locate: Callable[[], Path | None], given: Journal | None = None
    ) -> None:
        self.settings = settings
        self.is_own = given is None
        self._locate = locate
        if given is not None:
            self._opened = given

    @classmethod
    def of(cls, setting: Journal | str | Path | Literal[False] | None, settings: Settings) -> Recorder:
        """Return the recorder for the journal that a client's argument names."""
        if setting is None or setting is False or isinstance(setting, (str, Path)):
            environ = {JOURNAL_VARIABLE: os.environ.get(JOURNAL_VARIABLE, "")}
            locate = cache(lambda: journal_path(setting, environ))
            if setting or environ[JOURNAL_VARIABLE]:
                try:
                    locate()  # a relative path is of this moment; the usual place takes 4 ms to look up
                except FileNotFoundError:
                    gone = "the journal's path is relative, and the current folder is gone: give a whole one"
                    raise JournalUnusable([gone]) from None
            return cls(settings, locate)
        if isinstance(setting, journals.Journal):
            return cls(settings, lambda: setting.path, setting)
        raise ValidationError(
            [f"journal must be a path, a Journal, False or None: got {type(setting).__name__}"]
        )

    @property
    def journal(self) -> Journal:
        """The journal; it is opened when it is first needed."""
        # Of two threads that open it at once, both get the first one: a job is in one journal, or paid twice.
        opened: Journal = self._opened or vars(self).setdefault(
            "_opened", journals.journal_at(self._locate())
        )
        return opened

    async def run(self, io: IO, function: Callable[[], T]) -> T:
        """Call the journal where it can't hold up an event loop; one that is open in memory can't anyway."""
        if self._opened is not None and self._opened.path is None:
            return function()
        return await io.run(function)

    async def record(self, io: IO, function: Callable[[], T]) -> T:
        """Write to the journal, even if the caller is cancelled at this very moment."""
        try:
            return await self.run(io, function)
        except BaseException:
            function()  # in the event loop's thread, as nothing can be awaited any more; twice does no harm
            raise

    def whole(self, read: Callable[[], T]) -> T:
        """Return what a call of the journal gives that reads.

        Raises:
            JournalUnusable: The file could not be read: what is unread is not nothing.
        """
        try:
            return self.journal.whole(read)
        except journals.JournalUnread as unread:
            raise JournalUnusable(
                [f"the journal {self.journal.path} could not be read: {unread}. What it holds is not known"]
            ) from None

    def close(self) -> None:
        """Write what is left, and close the file. A later call opens it again."""
        if self.is_own and self._opened is not None:
            self._opened.close()

    def owner(self, model: str = "", **create: Any) -> NewEntry:
        """Return what all entries of this client have in common, and what else is known of a create."""
        fingerprint = self.journal.fingerprint(self.settings.key.reveal)
        return journals.NewEntry(model, self.settings.base_url, fingerprint, **create)

    def begin(
        self,
        entry_id: str,
        model: str,
        request: Request,
        job: Job | None,
        target: Path | None,
    ) -> Begun:
        """Record a create that is about to be sent, and return whether its job was sent before.

        If this is interrupted, call `unsent`.

        Raises:
            JournalUnusable: A job's create can't be recorded: after a crash it would be paid twice.
        """
        new = self.owner(
            model,
            digest=journals.request_digest(request),
            job=job,
            target=None if target is None else str(target),
        )
        begun = self.journal.begin(new, entry_id)
        if job and not (begun.is_recorded or begun.earlier) and (path := self.journal.path):
            self.journal.refused(begun.entry_id, "not sent, as the journal could not be written")
            raise journal_unusable(path, self.journal.problem)
        return begun

    def failed(self, begun: Begun, error: BaseException) -> None:
        """Record a create that returned no task: refused, or unknown.

        A response that names a task may have created it, even an error response.
        """
        if isinstance(error, QuotaExceededError):
            self.journal.quota_exhausted(self.owner(), next_midnight(self.journal.now()).timestamp())
        if isinstance(error, KlingError) and error.task_id:
            request_id = getattr(error, "request_id", None)
            self.journal.created(
                begun.entry_id, TaskData(error.task_id, UNKNOWN_STATUS, request_id=request_id)
            )
        elif isinstance(error, KlingError) and not isinstance(error, OutcomeUnknown):
            self.journal.refused(begun.entry_id, str(error.args[0]))
        else:
            text = str(error.args[0]) if isinstance(error, KlingError) else str(error)
            self.journal.unknown(begun.entry_id, text or type(error).__name__)

    def unsent(self, entry_id: str, error: BaseException) -> None:
        """Record that a create was given up before it was sent, or between two attempts."""
        entry = self.journal.entry(entry_id)
        if entry and entry.state is journals.State.PENDING:
            self.journal.refused(entry_id, f"interrupted before it was sent ({type(error).__name__})")

    def created(self, begun: Begun, task: TaskData) -> None:
        """Record the task that a create made, and so that there is some quota left."""
        self.journal.created(begun.entry_id, task)

    def quota_wait(self) -> float | None:
        """Return the seconds until the daily quota may be renewed; None unless it is believed exhausted."""
        return self.journal.quota_wait(self.owner())

    def seen(self, task: TaskData) -> None:
        """Record a task's status, if a journal may know the task: most looks need not load it."""
        if self._opened is None and ((path := self._locate()) is None or is_absent(path)):
            return
        self.journal.seen(task, self.settings.base_url)

    def downloaded(self, task: TaskData, path: Path) -> None:
        """Record the file that holds a task's video."""
        self.journal.downloaded(task.id, path, self.settings.base_url)

    def unrecorded(self, tasks: Iterable[TaskData]) -> list[TaskData]:
        """Return the tasks that are in no entry."""
        listed = list(tasks)
        known = self.whole(lambda: self.journal.knows((task.id for task in listed), self.settings.base_url))
        return [task for task in listed if task.id not in known]


def journal_unusable(path: Path, problem: str | None) -> JournalUnusable:
    """The error for jobs that rely on a journal that can't be written."""
    text = (
        f"the journal {path} can't be written ({problem}): a killed batch would pay twice for what it "
        f"creates. Fix it, or set {JOURNAL_VARIABLE} to another file (or to off, to do without)"
    )
    return JournalUnusable([text])


def next_midnight(now: datetime) -> datetime:
    """Return when a daily quota is renewed. That is undocumented: the end of the day in UTC is a guess."""
    return (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def task_of(entry: Entry) -> TaskData | None:
    """Return the task that an earlier create of the same job made; None if it is unknown."""
    if entry.state is not journals.State.CREATED or entry.task_id is None:
        return None
    return TaskData(entry.task_id, entry.status or UNKNOWN_STATUS, entry.urls, request_id=entry.request_id)
