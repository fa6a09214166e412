"""One way to call both clients, so that one table of cases proves both."""

import os
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import anyio
import httpx
from attrs import define, field, frozen

from contract_tests.support.answers import ID, IMAGE, RESULT, shown
from kling_elements import AsyncKlingElements, KlingElements, Task

Step = Callable[[httpx.Request], httpx.Response]
KEY = "key-of-the-tests-0123456789"


@define
class Script:
    """A server that answers in turn and remembers what it was asked; the last answer is repeated.

    An exception is raised in place of an answer.
    """

    steps: deque[Step | Exception]
    requests: list[httpx.Request] = field(factory=list)

    @classmethod
    def of(cls, *steps: Step | Exception) -> Self:
        return cls(deque(steps))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps[0] if len(self.steps) == 1 else self.steps.popleft()
        if isinstance(step, Exception):
            raise step
        response = step(request)
        response.request = request
        return response


@define
class FakeTime:
    """A clock that moves only when somebody sleeps on it, and what was slept."""

    now: float = 1000.0
    sleeps: list[float] = field(factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert len(self.sleeps) < 2000, "the wait never ends"
        self.sleeps.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@frozen
class Driver:
    """The asynchronous client under this event loop; None: the synchronous one."""

    backend: str | None

    def open(self, handler: Step | None = None, **options: Any) -> "Opened":
        """A client that talks to a handler, or over the network if there is none."""
        options = {"api_key": KEY, "journal": "off", **options}
        return Opened(self, options, None if handler is None else self.make(handler, options))

    def make(self, handler: Step | None, options: dict[str, Any]) -> KlingElements | AsyncKlingElements:
        transport = httpx.MockTransport(handler) if handler else None
        if self.backend is None:
            http = httpx.Client(transport=transport) if transport else None
            return KlingElements(**{"http_client": http, **options})
        async_http = httpx.AsyncClient(transport=transport) if transport else None
        return AsyncKlingElements(**{"http_client": async_http, **options})

    def run(self, call: Callable[[], Any]) -> Any:
        return call_under(self.backend, call)


def call_under(backend: str | None, call: Callable[[], Any]) -> Any:
    """Call something, and await what it gives under an event loop, if there is one."""
    return call() if backend is None else anyio.run(call, backend=backend)


@frozen
class Opened:
    """A client at work; without one, each call is made by a client of its own, closed afterwards."""

    driver: Driver
    options: dict[str, Any]
    client: KlingElements | AsyncKlingElements | None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A method of the client, whose result is awaited where it must be."""
        return partial(self.call, name)

    def watch(self, seen: list[Task], task_id: Any, **options: Any) -> None:
        """Call `watch`, and append to a list what it yields."""
        updates: Any = getattr(self.client, "watch")(task_id, **options)  # noqa: B009 - of either client

        async def take() -> None:
            async for task in updates:
                seen.append(task)  # noqa: PERF401 - what came before an error counts

        if self.driver.backend is None:
            seen.extend(updates)
        else:
            self.driver.run(take)

    def operations(self) -> list[Callable[[], object]]:
        return [lambda: self.create([IMAGE]), lambda: self.get(ID), self.list]

    def download(self, task: Task, target: str | os.PathLike[str], **options: Any) -> Path:
        return cast("Path", self.driver.run(lambda: task.download(target, **options)))

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        if self.client is not None:
            return self.driver.run(lambda: getattr(self.client, name)(*args, **options))
        if self.driver.backend is None:
            with KlingElements(**self.options) as client:
                return getattr(client, name)(*args, **options)

        async def call_and_close() -> Any:
            async with AsyncKlingElements(**self.options) as client:
                return await getattr(client, name)(*args, **options)

        return self.driver.run(call_and_close)


SYNC = Driver(None)
ASYNC = Driver("asyncio")
TRIO = Driver("trio")


def finished(
    driver: Driver, *steps: Step | Exception, url: str = RESULT, **options: Any
) -> tuple[Opened, Task, Script]:
    """A client with a finished task; its server answers further requests by the steps."""
    server = Script.of(shown("COMPLETED", (url,)), *steps)
    client = driver.open(server, **{"sleep": lambda _: None, **options})
    return client, client.get(ID), server
