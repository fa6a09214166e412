"""What ends an asynchronous batch, under each event loop: money must not run on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from contract_tests.client.batch.conftest import KEY, job, with_client
from kling_elements import AsyncKlingElements, AuthenticationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from contract_tests.client.batch.conftest import Service

pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def test_a_fault_of_all_jobs_ends_the_batch(tmp_path: Path, backend: str) -> None:
    """A refused key is not tried a thousand times: the results of what was begun come, then the error."""
    asked: list[httpx.Request] = []
    seen: list[Any] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(401, json={"message": "Invalid API key"})

    async def work(client: AsyncKlingElements) -> None:
        async for result in client.batch((job(f"j{n}") for n in range(1000)), directory=tmp_path / "out"):
            seen.append(result)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(AuthenticationError):
        with_client(backend, refuse, tmp_path, work)
    assert 1 <= len(asked) <= 3
    assert len(seen) == len(asked)
    assert KEY not in str(seen)


@pytest.mark.parametrize("is_async", [True, False], ids=["an asynchronous source", "a source"])
def test_a_source_that_fails_ends_the_batch(
    service: Service, tmp_path: Path, backend: str, *, is_async: bool
) -> None:
    """An error of the caller's own iterator comes out as it is, after the results of what was begun."""
    seen: list[Any] = []

    def jobs() -> Iterator[dict[str, Any]]:
        yield job("a")
        raise LookupError("mine")

    async def jobs_later() -> AsyncIterator[dict[str, Any]]:
        for each in jobs():
            yield each

    async def work(client: AsyncKlingElements) -> None:
        source: Any = jobs_later() if is_async else jobs()
        async for result in client.batch(source, directory=tmp_path / "out"):
            seen.append((result.key, str(result.standing)))  # noqa: PERF401 - as above

    with pytest.raises(LookupError, match="mine"):
        with_client(backend, service, tmp_path, work)
    assert seen == [("a", "done")]


def test_a_busy_account_is_waited_for(service: Service, tmp_path: Path, backend: str) -> None:
    """A 429 that names a rate makes a job wait, by the caller's own sleep, and then it is created once."""
    answers = iter([429] * 5)
    slept: list[float] = []
    seen: list[str] = []

    def busy() -> httpx.Response:
        if next(answers, None):
            return httpx.Response(429, json={"message": "Rate limit exceeded"})
        return service.make("a")

    async def sleep(seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        slept.append(seconds)

    async def work(client: AsyncKlingElements) -> None:
        async for result in client.batch([job("a")], directory=tmp_path / "out"):
            seen.append(str(result.standing))  # noqa: PERF401 - as above

    service.plan = {"a": busy}
    with_client(backend, service, tmp_path, work, sleep=sleep)
    assert seen == ["done"]
    assert max(slept) >= 15
    assert service.made() == {"a": 1}
