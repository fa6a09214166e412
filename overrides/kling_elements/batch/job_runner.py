"""Run one job of a batch: create its task or find it, wait, download."""

from __future__ import annotations

import math
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic

from attrs import evolve, field, frozen

from kling_elements.batch.next_step import Step, choose_step
from kling_elements.batch.preflight import (
    require_room,
    require_same_content,
    require_same_service,
    require_usable_request,
)
from kling_elements.batch.results import (
    BatchClosed,
    BatchResult,
    JobStatus,
    TaskT,
    ended_result,
    failed_result,
    unanswered_result,
    unknown_result,
)
from kling_elements.batch.resume import Claim, fetch, finish
from kling_elements.downloads.target import target_problem
from kling_elements.errors import KlingError, OutcomeUnknown, RateLimitError, ValidationError
from kling_elements.files import os_error_reason
from kling_elements.images.paths import shown_path
from kling_elements.journal import Entry, Job
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kling_elements.batch.jobs import Order
    from kling_elements.batch.next_step import RetryRules
    from kling_elements.batch.results import RunningTasks
    from kling_elements.journal import Journal
    from kling_elements.operations.service import TaskService
    from kling_elements.operations.wait import Look, OnPoll, WaitSettings

# Seconds between creates that are refused by a rate: some other program uses the account too.
_RATE_PAUSES = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 600.0)


@frozen
class JobRunner(Generic[TaskT]):
    """Runs the jobs of one batch; in a dry run, says what would be done, and does nothing."""

    batch_id: str
    again: RetryRules
    waiting: WaitSettings
    running_tasks: RunningTasks
    on_update: Callable[[Order, Task], object] | None = None
    is_dry: bool = False
    _creating: dict[str, BatchResult[TaskT]] = field(factory=dict, init=False)

    def unanswered(self, journal: Journal) -> list[BatchResult[TaskT]]:
        """Return a result for each job that was left with its create in flight, as the journal has it."""
        left = ((each, journal.job(self.batch_id, each.key or "")) for each in self._creating.copy().values())
        return [unanswered_result(each, entry) for each, entry in left if entry and entry.is_doubtful]

    async def run(self, service: TaskService[TaskT], order: Order) -> BatchResult[TaskT]:
        """Run a job. What goes wrong with it is in the result, but for `BatchClosed`."""
        result = BatchResult[TaskT](order.number, JobStatus.INVALID, order.key, order.job)
        try:
            if await service.io.run(lambda: _exists(order.target)):
                return await self._existing(service, order, result)
            done = await self._run(service, order, result)
        except BatchClosed:
            raise
        except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
            # What a caller's function raised names no task, though one runs.
            known = evolve(result, task_id=self.running_tasks.task_id(order.key))
            done = failed_result(known, error)
        self._creating.pop(order.key, None)
        self.running_tasks.discard(order.key)
        return done

    async def _existing(
        self, service: TaskService[TaskT], order: Order, result: BatchResult[TaskT]
    ) -> BatchResult[TaskT]:
        journal, file = service.recorder.journal, order.target
        entry = await service.io.run(lambda: journal.job(self.batch_id, order.key))
        task_id = entry.task_id if entry else None
        if entry and file and task_id and entry.file is None and not self.is_dry:
            # Killed between the file and the note.
            await service.io.run(lambda: journal.downloaded(task_id, file, entry.origin))
        return evolve(result, standing=JobStatus.EXISTING, task_id=task_id, file=file)

    async def _run(
        self, service: TaskService[TaskT], order: Order, result: BatchResult[TaskT]
    ) -> BatchResult[TaskT]:
        recorder, journal = service.recorder, service.recorder.journal
        entry = await service.io.run(lambda: recorder.whole(lambda: journal.job(self.batch_id, order.key)))
        step = choose_step(entry, self.again, is_under_way=journal.is_in_flight(entry))
        if entry is not None and step is not Step.CREATE:
            require_same_service(order, entry, service.recorder.settings.base_url)
        if self.is_dry and step in {Step.CREATE, Step.CONTINUE, Step.RECREATE}:
            begun = entry if step is Step.CONTINUE else None
            return await service.io.run(lambda: _plan(order, begun, result))
        match step:
            case Step.CONTINUE if entry is not None:
                return await self._continue(service, order, entry, result)
            case Step.REPORT_UNKNOWN if entry is not None:
                return unknown_result(result, entry)
            case Step.REPORT_BUSY:
                return evolve(result, standing=JobStatus.BUSY)
            case Step.REPORT_ENDED if entry is not None:
                return ended_result(result, entry)
            case Step.RECREATE if entry is not None:
                began = entry
                await service.io.run(lambda: journal.abandon(began.entry_id, "done again, as was asked"))
        return await self._begin(service, order, result)

    async def _begin(
        self, service: TaskService[TaskT], order: Order, result: BatchResult[TaskT]
    ) -> BatchResult[TaskT]:
        journal = service.recorder.journal
        try:
            return await self._create(service, order, result)
        except OutcomeUnknown as error:
            entry = await service.io.run(lambda: journal.job(self.batch_id, order.key))
            if journal.is_in_flight(entry):
                # Another process began the same job a moment ago.
                return evolve(result, standing=JobStatus.BUSY)
            if entry is None or not entry.is_doubtful:
                raise
            return failed_result(evolve(result, entry_id=entry.entry_id), error)

    async def _create(
        self, service: TaskService[TaskT], order: Order, result: BatchResult[TaskT]
    ) -> BatchResult[TaskT]:
        journal = service.recorder.journal
        target = order.target
        if target is not None:
            await service.io.run(lambda: require_room(target))
        order = evolve(order, job=await service.io.run(order.job.read))  # it may have to be sent twice
        claim: Claim | None = None

        async def keep(look: Look) -> None:
            nonlocal claim
            if claim is None and (found := (await service.io.run(lambda: journal.find(look.task_id)))):
                claim = Claim(journal, found.entry_id)
            if claim is not None:
                await claim.keep(service.io, look)

        self._creating[order.key] = result  # kept when it is cut off: see `unanswered`
        try:
            task = await self._generate(service, order, keep)
            if target is None:
                return evolve(result, standing=JobStatus.DONE, task=task, task_id=task.id)
            entry = (await service.io.run(lambda: journal.find(task.id))) or Entry(task.id)
            claim = claim or Claim(journal, entry.entry_id)
            try:
                file, _ = await fetch(service, task, entry, target, claim)
            except KlingError as error:
                return failed_result(evolve(result, task=task), error)
            return evolve(result, standing=JobStatus.DONE, task=task, task_id=task.id, file=file)
        finally:
            if claim is not None:
                claim.release()

    async def _generate(self, service: TaskService[TaskT], order: Order, keep: OnPoll) -> TaskT:
        """Create and wait; where the account is busy elsewhere, create later."""
        options: Any = {**order.job.options, "job": Job(self.batch_id, order.key), "target": order.target}
        waiting = replace(self.waiting, on_update=lambda task: self._updated(order, task))
        if options.get("model") is None:
            options.pop("model", None)
        pauses = iter(_RATE_PAUSES)
        while True:
            try:
                return await service.generate(order.job.images, options, waiting, keep, slot_timeout=math.inf)
            except RateLimitError as error:
                pause = next(pauses, None)
                if pause is None or error.task_id is not None:
                    raise
                await service.io.sleep(max(pause, error.retry_after or 0.0))

    async def _continue(
        self, service: TaskService[TaskT], order: Order, entry: Entry, result: BatchResult[TaskT]
    ) -> BatchResult[TaskT]:
        journal, target = service.recorder.journal, order.target
        known = evolve(result, task_id=entry.task_id)
        claim = Claim(journal, entry.entry_id)
        if not (await service.io.run(claim.take)):
            return evolve(known, standing=JobStatus.BUSY)
        try:
            await service.io.run(lambda: require_same_content(order, entry))
            if target is not None:
                await service.io.run(lambda: journal.set_target(entry.task_id or "", target, entry.origin))
            waiting = replace(self.waiting, on_update=lambda task: self._updated(order, task))
            task, file, _ = await finish(service, entry, target, claim, waiting)
        except BatchClosed:
            raise
        except KlingError as error:
            return failed_result(known, error)
        finally:
            claim.release()
        return evolve(known, standing=JobStatus.DONE, task=task, file=file)

    def _updated(self, order: Order, task: Task) -> object:
        self.running_tasks.add(order.key, task.id)
        self._creating.pop(order.key, None)
        return self.on_update(order, task) if self.on_update else None


def _plan(order: Order, begun: Entry | None, result: BatchResult[TaskT]) -> BatchResult[TaskT]:
    """Return what would be done, after all checks that need no service."""
    if begun is not None:
        require_same_content(order, begun)
        return evolve(result, standing=JobStatus.UNFINISHED, task_id=begun.task_id)
    require_usable_request(order.job)
    target = order.target
    if target is not None and target.parent.is_dir() and (problem := target_problem(target)):
        raise ValidationError([f"output {problem}"])
    return evolve(result, standing=JobStatus.PLANNED)


def _exists(target: Path | None) -> bool:
    """Return whether the file for a job's video is there.

    Raises:
        ValidationError: If that can't be seen: this user may not look there, the path is too long, …
    """
    try:
        return target is not None and stat.S_ISREG(target.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise ValidationError(
            [f"output {shown_path(str(target))} can't be used: {os_error_reason(error)}"]
        ) from None
