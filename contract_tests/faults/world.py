"""A small world: what is asked for, what is claimed of it, and what is true."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from contract_tests.faults.caller import LOOKS, Call, Caller
from contract_tests.faults.fault import PASS, Fault, with_scenario
from contract_tests.faults.oracle import Ask, Books, Finding, Kind, Made, Tally, judge, wrong_task
from contract_tests.faults.stage import Stage, video_of
from kling_elements import DeadlineExceeded, JournalUnusable, KlingError, Task, ValidationError
from kling_elements.api.endpoints import find_model
from kling_elements.journal import Job, request_digest
from kling_elements.operations.create_request import draft_request
from kling_elements.operations.local_images import finish_request
from kling_elements.types import TERMINAL_STATUSES

_IMAGE: Final = "https://images.example/a.jpg"
_BATCH: Final = "batch-of-the-faults"


@define
class World:
    """One example: what a caller does, and a judgement on what comes of it."""

    stage: Stage
    tally: Tally
    most_faults: int
    has_odd_ids: bool = False  # the ids of tasks are no UUIDs
    caller: Caller = field(init=False)
    asks: list[Ask] = field(factory=list, init=False)
    findings: list[Finding] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.stage.served.mock.reset()
        self.stage.proxy.earlier.clear()
        self.caller = Caller(self.stage, self.tally, self.most_faults)

    def create(
        self, faults: Sequence[Fault], *, name: str = "create", job: str | None = None, **how: Any
    ) -> Task | None:
        """Ask for a new task, or again for a job's, by `create` or `generate`; `how` is a `Call`'s."""
        ask = next((ask for ask in self.asks if job is not None and ask.job == job), None)
        if ask is None:
            tag = f"ask-{len(self.asks)}"
            request = finish_request(draft_request(find_model("std"), [_IMAGE], {"prompt": tag}))
            ask = Ask(tag, request_digest(request), job)
            self.asks.append(ask)
            self.tally.asked += 1
        options: dict[str, Any] = {"prompt": ask.tag, "job": None if job is None else Job(_BATCH, job)}
        if name == "generate":
            options["timeout"] = LOOKS
        if self.has_odd_ids:
            first, *rest = faults or [PASS]
            faults = [with_scenario(first, ", ".join(filter(None, [first.scenario, "bad-id"]))), *rest]
        value = self._call(Call(name, ([_IMAGE],), options, ask, **how), faults)
        if not isinstance(value, Task):
            return None
        ask.told.add(value.id)
        self._check_task(value, tag=ask.tag)
        if name == "generate" and not value.urls:
            self._find(Kind.WRONG, f"generate returned task {value.id} without a video")
        return value

    def look(
        self, name: str, task_id: str, faults: Sequence[Fault], *, is_async: bool = False
    ) -> Task | None:
        value = self._call(Call(name, (task_id,), {"timeout": LOOKS}, is_async=is_async), faults)
        if not isinstance(value, Task):
            return None
        self._check_task(value, task_id=task_id)
        if name == "wait" and not value.is_terminal:
            self._find(Kind.WRONG, f"wait returned task {value.id} as {value.status}")
        return value

    def survey(self, name: str, faults: Sequence[Fault], *, is_async: bool = False) -> None:
        value = self._call(Call(name, (), {"timeout": LOOKS}, is_async=is_async), faults)
        made = self._made()
        if isinstance(value, list) and (strange := [task.id for task in value if task.id not in made]):
            self._find(Kind.WRONG, f"{name} shows tasks that the server does not have: {strange}")

    def download(self, task_id: str, faults: Sequence[Fault], *, is_async: bool = False) -> None:
        """Fetch a task's video; faults befall the fetch, not the question for the task."""
        task = self.look("get", task_id, [], is_async=is_async)
        if task is None:
            return
        video = video_of(task_id)
        next(task for task in self.stage.served.mock.tasks if task.id == task_id).video = video
        target = self.caller.folder / f"{len(self.caller.trace)}.mp4"
        value = self._call(Call("download", (task, target), is_async=is_async), faults)
        if target.exists() and target.read_bytes() != video:
            self._find(Kind.WRONG, f"the file of task {task_id} is not its video")
        if isinstance(value, Path) != target.exists():
            self._find(Kind.WRONG, f"download of task {task_id} gave {value!r}, and its file is not so")

    @property
    def task_ids(self) -> list[str]:
        return [task.id for task in self.stage.served.mock.tasks]

    def finish(self) -> list[Finding]:
        """Let the storm pass, judge, and count."""
        self.caller.heal()
        self.caller.reopen_journal()
        made = self._made()
        with self.caller.client() as client:
            unrecorded = frozenset(task.id for task in client.find_unrecorded())
            entries = list(client.journal.entries())
        recorded = frozenset(entry.task_id for entry in entries if entry.task_id)
        doubtful = frozenset(entry.digest for entry in entries if entry.is_doubtful)
        self.findings += judge(self.asks, made.values(), Books(recorded, doubtful, unrecorded))
        self.tally.made += len(made)
        self.tally.findings += self.findings
        self.caller.close()
        return self.findings

    def _call(self, call: Call, faults: Sequence[Fault]) -> Any:
        value, error, was_interrupted = self.caller.call(call, faults)
        ask = call.ask
        if was_interrupted != isinstance(error, KeyboardInterrupt):
            self._find(Kind.UNEXPECTED, f"{call.name} and Ctrl-C: {error!r}")
        elif not isinstance(error, (KlingError, KeyboardInterrupt, type(None))):
            self._find(Kind.UNEXPECTED, f"{call.name} raised {error!r}")
        elif ask is not None and isinstance(error, ValidationError) and not self._may_refuse(call, error):
            self._find(Kind.UNEXPECTED, f"{call.name} was in order, and raised {error!r}")
        if isinstance(error, DeadlineExceeded) and not any(fault.is_of_the_way for fault in faults):
            truth = self._made().get(error.task_id or "")
            if truth is None or truth.status in TERMINAL_STATUSES:
                self._find(Kind.WRONG, f"a wait that nothing disturbed was given up: {error}")
        if ask is not None and isinstance(error, KlingError) and error.task_id:
            ask.told.add(error.task_id)
        return value

    def _may_refuse(self, call: Call, error: ValidationError) -> bool:
        """Whether a valid request may be refused before it is sent. If it was sent, `judge` shows it."""
        is_inherited = call.forks and not call.is_own
        return is_inherited or (isinstance(error, JournalUnusable) and self.caller.had_disk_trouble)

    def _check_task(self, task: Task, *, tag: str = "", task_id: str = "") -> None:
        if text := wrong_task(task, self._made(), tag=tag, task_id=task_id):
            self._find(Kind.WRONG, text)

    def _made(self) -> dict[str, Made]:
        mock, made = self.stage.served.mock, dict[str, Made]()
        for task in mock.tasks:
            shown = mock.detail(task, task.status(mock.clock.monotonic()))
            urls = tuple(shown.get("generated", ()))
            made[task.id] = Made(task.id, str(task.body.get("prompt")), shown["status"], urls)
        return made

    def _find(self, kind: Kind, text: str) -> None:
        self.findings.append(Finding(kind, text))
