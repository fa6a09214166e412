"""What the tests of `resume` and `batch` begin with: jobs, tasks that nobody waited for, creates in doubt."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract_tests.client.cli.conftest import KEY
from kling_elements import Journal, KlingElements, Task
from kling_elements.batch import Batch
from kling_elements.cli.signals import Interrupted
from kling_elements.journal import NewEntry

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

    import pytest

    from contract_tests.client.cli.conftest import Ended
    from kling_elements.cli.batch_progress import BatchReport
    from kling_elements.journal import Entry
    from kling_elements_mock import ServedMock

NOW = ("--poll-interval", "0")
LIST = ("GET", "/v1/ai/image-to-video/kling-elements-std")
LIST_PRO = ("GET", "/v1/ai/image-to-video/kling-elements-pro")
ANOTHER_KEY = "fpk-9876543210-another"
URL = "https://example.com/a.png"


def write(*jobs: Any) -> None:
    """Write a file of jobs; text stays as it is."""
    lines = (job if isinstance(job, str) else json.dumps(job) for job in jobs)
    Path("jobs.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def report() -> dict[int, dict[str, Any]]:
    """The last line of the report about each job."""
    lines = map(json.loads, Path("out/report.jsonl").read_text(encoding="utf-8").splitlines())
    return {line["line"]: line for line in lines}


def untimed(text: str) -> str:
    """Text without how long it took."""
    return re.sub(r"after (\d+:\d\d|\d+ s)", "after TIME", text)


def begun(run: Callable[..., Ended], served: ServedMock, *more: str) -> Entry:
    """The entry of a task that was created, and not waited for."""
    run("generate", URL, *more, "--timeout", "0")
    entry = Journal.open().find(served.mock.tasks[-1].id, served.url)
    assert entry is not None
    return entry


def asked(served: ServedMock) -> list[tuple[str, str]]:
    """The requests since the last time that this was asked, in their order."""
    requests = [(request.method, request.path) for request in served.mock.requests]
    served.mock.requests.clear()
    return requests


def about(task_id: str) -> tuple[str, str]:
    """The request that asks about a task."""
    return "GET", f"/v1/ai/image-to-video/kling-elements/{task_id}"


def in_doubt(origin: str, why: str | None = None, *, model: str = "std", key: str = KEY, **known: Any) -> str:
    """The entry of a create that was sent an hour ago, and never answered."""
    with KlingElements(key, origin) as client:
        owner = client.journal_owner
    journal = Journal.open(clock=lambda: time.time() - 3600)
    entry_id = journal.begin(NewEntry(model, owner.origin, owner.fingerprint, **known)).entry_id
    if why is not None:
        journal.unknown(entry_id, why)
    return entry_id


def unrecorded(monkeypatch: pytest.MonkeyPatch, found: dict[str, list[Task] | Exception]) -> list[str]:
    """Let the service have tasks that nobody recorded, by model; gives the models that are asked for."""
    models: list[str] = []

    def find(_: KlingElements, *, model: str) -> list[Task]:
        models.append(model)
        told = found[model]
        if isinstance(told, Exception):
            raise told
        return told

    monkeypatch.setattr(KlingElements, "find_unrecorded", find)
    return models


def foreign(served: ServedMock) -> str:
    """A task of another machine, done at the next look."""
    with KlingElements(KEY, served.url, journal=False) as client:
        task_id = client.create(URL).id
    asked(served)
    return task_id


def unwaited(origin: str, task_id: str, *, key: str = KEY) -> Entry:
    """The entry of a task that was created an hour ago."""
    return Journal.open().created(in_doubt(origin, key=key), Task(task_id, "CREATED"))


def unwritable(report: BatchReport) -> BatchReport:
    """The report, as if its disk took no more."""
    reading = os.open(report.path, os.O_RDONLY)
    os.dup2(reading, report._file)
    os.close(reading)
    return report


def interrupted_with(monkeypatch: pytest.MonkeyPatch, tasks: int, number: signal.Signals) -> None:
    """Let a signal end a batch or a resumption, which learns of so many tasks while it closes."""
    close = Batch.close

    def interrupt(_: Batch[Any, Any]) -> Any:
        raise Interrupted(number)

    def last_words(batch: Batch[Any, Any]) -> None:
        for count in range(tasks):
            batch._pool.workload.running_tasks.add(f"job {count}", f"task-{count}")
        close(batch)

    monkeypatch.setattr(Batch, "__next__", interrupt)
    monkeypatch.setattr(Batch, "close", last_words)


def that_gives(monkeypatch: pytest.MonkeyPatch, *results: Any) -> None:
    """Let each batch and each resumption have these results."""
    monkeypatch.setattr(Batch, "__iter__", lambda _: iter(results))
