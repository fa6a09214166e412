"""One job of a batch: what is to be done by what the journal knows of it, and the flow that does it."""

from __future__ import annotations

import os
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve, frozen

from kling_elements.batch.jobs import BatchResult, Order
from kling_elements.effects import Flow, call, compute
from kling_elements.errors import (
    ApiError,
    AuthenticationError,
    ConnectionFailed,
    InsufficientCreditsError,
    KlingError,
    OutcomeUnknown,
    QuotaExceededError,
    RateLimitError,
    TaskFailed,
    ValidationError,
)
from kling_elements.journal import Entry, Job, State, request_digest
from kling_elements.journal.owner import is_live
from kling_elements.models import DEFAULT_MODEL, find_model
from kling_elements.requests import draft_request, finish_request
from kling_elements.resuming import Claim, Standing, Stopped, fetch, finish, standing_of
from kling_elements.task import FAILED, Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kling_elements.batch.engine import Roster
    from kling_elements.flows import Flows
    from kling_elements.options import WaitOptions

TaskT = TypeVar("TaskT", bound=Task)

_RATE_PAUSES = (
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    600.0,
)  # seconds; some other program uses the account too


class Step(Enum):
    """What is to be done for a job."""

    CREATE = auto()
    GO_ON = auto()
    """Its task exists: wait for it and fetch its video."""
    ANEW = auto()
    """What was begun is to be forgotten, as the caller asked."""
    TELL_UNKNOWN = auto()
    TELL_BUSY = auto()
    TELL_FAILED = auto()
    TELL_LOST = auto()


@frozen
class Again:
    """What is done again that was begun before, which may cost money twice.

    Attributes:
        unknown: Jobs whose create was not answered.
        failed: Jobs whose task failed, or whose video has expired.
    """

    unknown: bool = False
    failed: bool = False


def choose_step(entry: Entry | None, again: Again, *, is_under_way: bool) -> Step:
    """What is to be done for a job, by the entry that stands for it.

    Args:
        entry: The entry; None if the job was never begun.
        again: What is to be done again.
        is_under_way: Whether a create of another process holds the entry.
    """
    if entry is None or entry.state is State.REFUSED or (entry.task_id is None and not entry.is_doubtful):
        return Step.CREATE
    if entry.is_doubtful:
        if is_under_way:
            return Step.TELL_BUSY
        return Step.ANEW if again.unknown else Step.TELL_UNKNOWN
    is_lost = entry.state is State.ABANDONED
    if is_lost or entry.status == FAILED:
        if again.failed:
            return Step.ANEW
        return Step.TELL_LOST if is_lost else Step.TELL_FAILED
    return Step.GO_ON


class JournalUnusable(ValidationError):  # noqa: N818 - it says what happened
    """The journal can't be written: no job can be begun."""


def why_stop(error: BaseException | None) -> Exception | None:
    """An error that every other job would meet too; None if the next one may fare better."""
    everybodys = (
        AuthenticationError,
        InsufficientCreditsError,
        QuotaExceededError,
        ConnectionFailed,
        JournalUnusable,
    )
    return error if isinstance(error, everybodys) and error.task_id is None else None


@frozen
class JobRunner(Generic[TaskT]):
    """Does the jobs of one batch.

    Attributes:
        batch_id: What identifies the batch.
        again: What is done again.
        waiting: The options of each wait.
        roster: The tasks that are being worked on.
        on_update: Called with the job and its task at each change.
    """

    batch_id: str
    again: Again
    waiting: WaitOptions
    roster: Roster
    on_update: Callable[[Order, Task], object] | None = None

    def run(self, flows: Flows[TaskT], order: Order) -> Flow[BatchResult[TaskT]]:
        """Do a job. Whatever goes wrong with it is told in the result, but for `Stopped`."""
        result = BatchResult[TaskT](order.number, Standing.INVALID, order.key, order.job)
        try:
            if order.target is not None and (yield from compute(lambda: _exists(order.target))):
                return (yield from self._existing(flows, order, result))
            done = yield from self._run(flows, order, result)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - one job's fault is not another's; it is in the result
            done = _failed(result, error)
        self.roster.ended(order.key)
        return done

    def _existing(
        self, flows: Flows[TaskT], order: Order, result: BatchResult[TaskT]
    ) -> Flow[BatchResult[TaskT]]:
        journal, file = flows.records.journal, order.target
        entry = yield from compute(lambda: journal.job(self.batch_id, order.key))
        task_id = entry.task_id if entry else None
        if entry and file and task_id and entry.file is None:
            # Killed between the file and the note.
            yield from compute(lambda: journal.downloaded(task_id, file, entry.origin))
        return evolve(result, standing=Standing.EXISTING, task_id=task_id, file=file)

    def _run(self, flows: Flows[TaskT], order: Order, result: BatchResult[TaskT]) -> Flow[BatchResult[TaskT]]:
        journal = flows.records.journal
        entry = yield from compute(lambda: journal.job(self.batch_id, order.key))
        match choose_step(entry, self.again, is_under_way=_is_under_way(entry)):
            case Step.GO_ON if entry is not None:
                return (yield from self._go_on(flows, order, entry, result))
            case Step.TELL_UNKNOWN if entry is not None:
                return _unknown(result, entry)
            case Step.TELL_BUSY:
                return evolve(result, standing=Standing.BUSY)
            case Step.TELL_FAILED | Step.TELL_LOST if entry is not None:
                return _over(result, entry)
            case Step.ANEW if entry is not None:
                began = entry
                yield from compute(lambda: journal.abandon(began.entry_id, "done again, as was asked"))
        try:
            return (yield from self._create(flows, order, result))
        except OutcomeUnknown:
            # Another process may have begun the same job a moment ago.
            if _is_under_way((yield from compute(lambda: journal.job(self.batch_id, order.key)))):
                return evolve(result, standing=Standing.BUSY)
            raise

    def _create(
        self, flows: Flows[TaskT], order: Order, result: BatchResult[TaskT]
    ) -> Flow[BatchResult[TaskT]]:
        journal = flows.records.journal
        target = order.target
        if target is not None:
            yield from compute(lambda: _require_room(target))
        claim: Claim | None = None

        def on_update(task: Task) -> object:
            nonlocal claim
            if claim is None and (found := journal.find(task.id)):
                claim = Claim(journal, found.entry_id)
                claim.take()
            return self._saw(order, task)

        try:
            task = yield from self._generate(flows, order, on_update)
            if target is None:
                return evolve(result, standing=Standing.DONE, task=task, task_id=task.id)
            entry = (yield from compute(lambda: journal.find(task.id))) or Entry(task.id)
            claim = claim or Claim(journal, entry.entry_id)
            try:
                file, _ = yield from fetch(flows, task, entry, target, claim)
            except KlingError as error:
                return _failed(evolve(result, task=task, task_id=task.id), error)
            return evolve(result, standing=Standing.DONE, task=task, task_id=task.id, file=file)
        finally:
            if claim is not None:
                claim.release()

    def _generate(
        self, flows: Flows[TaskT], order: Order, on_update: Callable[[Task], object]
    ) -> Flow[TaskT]:
        """Create and wait; where the account is busy elsewhere, create later."""
        options: Any = {
            **order.job.options,
            **self.waiting,
            "job": Job(self.batch_id, order.key),
            "target": order.target,
            "on_update": on_update,
        }
        if options.get("model") is None:
            options.pop("model", None)
        for pause in _RATE_PAUSES:
            require_journal(flows)
            try:
                return (yield from flows.generate(order.job.images, options))
            except RateLimitError as error:
                if error.task_id is not None:
                    raise
                yield from call(flows.sender.sleep, max(pause, error.retry_after or 0.0))
        return (yield from flows.generate(order.job.images, options))

    def _go_on(
        self, flows: Flows[TaskT], order: Order, entry: Entry, result: BatchResult[TaskT]
    ) -> Flow[BatchResult[TaskT]]:
        known = evolve(result, task_id=entry.task_id)
        claim = Claim(flows.records.journal, entry.entry_id)
        if not (yield from compute(claim.take)):
            return evolve(known, standing=Standing.BUSY)
        try:
            yield from compute(lambda: _check_content(order, entry))
            if order.target is not None:
                yield from compute(
                    lambda: flows.records.journal.set_target(
                        entry.task_id or "", order.target or "", entry.origin
                    )
                )
            waiting: WaitOptions = {**self.waiting, "on_update": lambda task: self._saw(order, task)}
            task, file, _ = yield from finish(flows, entry, order.target, claim, waiting)
        except Stopped:
            raise
        except KlingError as error:
            return _failed(known, error)
        finally:
            claim.release()
        return evolve(known, standing=Standing.DONE, task=task, file=file)

    def _saw(self, order: Order, task: Task) -> object:
        self.roster.saw(order.key, task.id)
        return self.on_update(order, task) if self.on_update else None


def require_journal(flows: Flows[Any]) -> None:
    """Make sure that a create can be written down, unless the journal is off on purpose.

    Raises:
        ValidationError: If it can't.
    """
    journal = flows.records.journal
    if journal.path is not None:
        flows.records.owner()  # uses the file
        if journal.problem is not None:
            text = (
                f"the journal {journal.path} can't be written ({journal.problem}): killed now, this batch "
                "would pay twice for what it creates. Mend it, or set KLING_ELEMENTS_JOURNAL to another file "
                "(or to off, to do without)"
            )
            raise JournalUnusable([text])


def _is_under_way(entry: Entry | None) -> bool:
    """Whether a process that lives is sending the create of an entry."""
    return entry is not None and entry.is_doubtful and is_live(entry.lease, time.time())


def _require_room(target: Path) -> None:
    """Make sure that a file can be written, before money is spent.

    Raises:
        ValidationError: If it can't.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        is_taken = os.path.lexists(target)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValidationError([f"output {target} can't be written: {reason}"]) from None
    if is_taken:
        raise ValidationError([f"output {target} exists, and is no file"])
    if not os.access(target.parent, os.W_OK):
        raise ValidationError([f"output {target} can't be written: the folder is read-only"])


def _exists(target: Path | None) -> bool:
    return target is not None and target.is_file()


def _check_content(order: Order, entry: Entry) -> None:
    """Make sure that a job is still what its task was created for.

    Raises:
        ValidationError: If it isn't.
    """
    options = dict(order.job.options)
    model = find_model(options.pop("model", None) or DEFAULT_MODEL)
    try:
        digest = request_digest(finish_request(draft_request(model, order.job.images, options)))
    except ValidationError:
        return  # its images are gone, say; its task is paid and its video can still be had
    if entry.digest and digest != entry.digest:
        text = (
            f"the job {order.key!r} was changed after task {entry.task_id} was created for it. To have that "
            "video: kling-elements resume. To make another: give the job another id"
        )
        raise ValidationError([text])


def _unknown(result: BatchResult[TaskT], entry: Entry) -> BatchResult[TaskT]:
    why = entry.note or "the process that sent it was ended"
    error = OutcomeUnknown(
        f"this job was sent before ({why}), and nobody knows whether it made a task. It is not sent again. "
        f"kling-elements resume shows the tasks that it may have made"
    )
    return evolve(result, standing=Standing.UNKNOWN, error=error, entry_id=entry.entry_id)


def _over(result: BatchResult[TaskT], entry: Entry) -> BatchResult[TaskT]:
    task = Task(entry.task_id or "", entry.status or FAILED)
    why = entry.note or f"ended as {task.status}"
    error = TaskFailed(
        f"task {task.id} of this job: {why}. It is not made again unless you ask for it", task=task
    )
    return evolve(result, standing=Standing.FAILED, task_id=task.id, error=error)


def _failed(result: BatchResult[TaskT], error: Exception) -> BatchResult[TaskT]:
    task_id = result.task_id or getattr(error, "task_id", None)
    task = getattr(error, "task", None) or result.task
    if task_id is not None:
        standing = standing_of(error)
        if isinstance(error, ValidationError):
            standing = Standing.INVALID
    elif isinstance(error, OutcomeUnknown):
        standing = Standing.UNKNOWN
    elif isinstance(error, (ApiError, ConnectionFailed)):
        standing = Standing.REFUSED
    else:
        standing = Standing.INVALID if isinstance(error, ValidationError) else Standing.UNFINISHED
    return evolve(result, standing=standing, task=task, task_id=task_id, error=error)
