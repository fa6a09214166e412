"""What a resumption is asked for, with either client: its folder, its pauses, its listener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.batch.conftest import VIDEO, with_client
from contract_tests.client.batch.test_resume import begin
from kling_elements import ValidationError
from kling_elements.batch.results import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.client.batch.conftest import Service
    from kling_elements import AsyncKlingElements, KlingElements, Task
    from kling_elements.journal import Entry

    Open = Callable[..., KlingElements]


def resume(
    backend: str | None,
    service: Service,
    open_client: Open,
    folder: Path,
    slept: list[float],
    **options: Any,
) -> list[Any]:
    """Resume with the synchronous client, or with the other one under an event loop."""
    if backend is None:
        return list(open_client(sleep=slept.append).resume(**options))
    results: list[Any] = []

    async def work(client: AsyncKlingElements) -> None:
        results.extend([result async for result in client.resume(**options)])

    with_client(backend, service, folder, work, sleep=slept.append)
    return results


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_a_resumption_is_as_it_was_asked_for(
    service: Service, open_client: Open, tmp_path: Path, backend: str | None
) -> None:
    """Videos go to the given folder, and the client's own sleep is slept by the given interval."""
    task_id = begin(open_client(), service, None)
    service.looks.clear()  # so that it is done at the second look from here
    seen: list[tuple[str | None, str]] = []

    def listen(entry: Entry, task: Task) -> None:
        seen.append((entry.task_id, task.status))

    slept: list[float] = []
    [resumed] = resume(
        backend,
        service,
        open_client,
        tmp_path,
        slept,
        directory=tmp_path / "rescued",
        workers=1,
        poll_interval=3.0,
        on_update=listen,
    )
    assert (resumed.error, resumed.standing, resumed.entry.task_id) == (None, JobStatus.DONE, task_id)
    assert resumed.file == tmp_path / "rescued" / f"{task_id}.mp4"
    assert resumed.file.read_bytes() == VIDEO
    assert slept == [3.0]
    assert seen == [(task_id, "IN_PROGRESS"), (task_id, "COMPLETED")]
    assert resume(backend, service, open_client, tmp_path, slept) == []


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
def test_an_option_that_cant_be_used_is_told_at_once(
    service: Service, open_client: Open, tmp_path: Path, backend: str | None
) -> None:
    """A bad option ends a resumption before it asks for anything."""
    begin(open_client(), service, None)
    service.looks.clear()
    with pytest.raises(ValidationError, match="workers"):
        resume(backend, service, open_client, tmp_path, [], workers=0)
    assert not service.looks
