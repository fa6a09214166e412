"""What the tests of `resume`, `batch` and `doctor` begin with: jobs, unfinished tasks, creates in doubt."""

from __future__ import annotations

import json
import os
import re
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract_tests.client.cli.conftest import KEY
from kling_elements import Journal, KlingElements, Task
from kling_elements.journal import NewEntry, journal_path
from kling_elements.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from contract_tests.client.cli.conftest import Ended
    from kling_elements.journal import Entry
    from kling_elements_mock import ServedMock

NOW = ("--poll-interval", "0")
CREATE = ("POST", "/v1/ai/image-to-video/kling-elements-std")
LIST = ("GET", "/v1/ai/image-to-video/kling-elements-std")
ANOTHER_KEY = "fpk-9876543210-another"
URL = "https://example.com/a.png"
_WRAPPER = textwrap.TextWrapper(
    100, subsequent_indent="      ", break_long_words=False, break_on_hyphens=False, drop_whitespace=True
)


def write(*jobs: Any) -> None:
    """Write a file of jobs; text stays as it is."""
    lines = (job if isinstance(job, str) else json.dumps(job) for job in jobs)
    Path("jobs.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def job(name: str) -> dict[str, str]:
    """Return a job with an id."""
    return {"images": URL, "id": name}


def report() -> dict[int, dict[str, Any]]:
    """Return the last line of the report about each job."""
    lines = map(json.loads, Path("out/report.jsonl").read_text(encoding="utf-8").splitlines())
    return {line["line"]: line for line in lines}


def plain(text: str, *, known: dict[str, str] | None = None) -> str:
    """Return text, wrapped, without what differs from run to run: times, folders, ids."""
    for value, name in (known or {}).items():
        text = text.replace(value, name)
    text = text.replace(str(Path.cwd()), "HERE")
    text = re.sub(r"after (\d+:\d\d|\d+ s)", "after TIME", text)
    text = re.sub(r"\[request [^]]+\]", "[request R]", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "TASK", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "ENTRY-ID", text)
    text = re.sub(r"\b[0-9a-f]{16}\b", "BATCH", text)
    return "".join(f"{_WRAPPER.fill(line)}\n" for line in text.splitlines())


def begun(run: Callable[..., Ended], served: ServedMock, *more: str) -> Entry:
    """Return the entry of a task that was created, and not waited for."""
    run("generate", URL, *more, "--timeout", "0")
    entry = Journal.open().find(served.mock.tasks[-1].id, served.url)
    assert entry is not None
    return entry


def asked(served: ServedMock) -> list[tuple[str, str]]:
    """Return the requests since the last time that this was asked, in their order."""
    requests = [(request.method, request.path) for request in served.mock.requests]
    served.mock.requests.clear()
    return requests


def about(task_id: str) -> tuple[str, str]:
    """Return the request that asks about a task."""
    return "GET", f"/v1/ai/image-to-video/kling-elements/{task_id}"


def in_doubt(origin: str, why: str | None = None, *, model: str = "std", key: str = KEY, **known: Any) -> str:
    """Return the entry of a create that was sent an hour ago, and never answered."""
    with KlingElements(key, origin) as client:
        owner = client.journal_owner
    path = journal_path(None, os.environ)
    assert path
    journal = Journal(Database(path), lambda: time.time() - 3600, lambda: time.monotonic() - 3600)
    entry_id = journal.begin(NewEntry(model, owner.origin, owner.fingerprint, **known)).entry_id
    if why is not None:
        journal.unknown(entry_id, why)
    return entry_id


def unrecorded(monkeypatch: pytest.MonkeyPatch, found: dict[str, list[Task] | Exception]) -> list[str]:
    """Let the service have tasks that nobody recorded, by model; return the models that are asked for."""
    models: list[str] = []

    def find(_: KlingElements, *, model: str) -> list[Task]:
        models.append(model)
        tasks = found[model]
        if isinstance(tasks, Exception):
            raise tasks
        return tasks

    monkeypatch.setattr(KlingElements, "find_unrecorded", find)
    return models


def foreign(served: ServedMock) -> str:
    """Return a task of another machine, done at the next poll."""
    with KlingElements(KEY, served.url, journal=False) as client:
        task_id = client.create(URL).id
    asked(served)
    return task_id


def unwaited(origin: str, task_id: str, *, key: str = KEY) -> Entry:
    """Return the entry of a task that was created an hour ago."""
    return Journal.open().created(in_doubt(origin, key=key), Task(task_id, "CREATED"))
