"""What is measured, each in a process of its own that prints JSON. Imported names are part of what is measured.

python measures.py NAME URL [ARGUMENT]
"""

# ruff: noqa: PLC0415 - a process imports what it measures

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import resource
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "a-key-of-no-account"
TASK = "5f9f4e8c-0000-4000-8000-000000000001"
STATUS = f"/v1/ai/image-to-video/kling-elements/{TASK}"
CREATE = "/v1/ai/image-to-video/kling-elements-std"
IMAGES = ["https://example.com/a.png"]
ROUNDS = 9
_numbers = itertools.count(1)


def _handler(request: Any) -> Any:
    """Answer as the service does, without a socket."""
    import httpx

    task_id, status = request.url.path.rpartition("/")[2], "IN_PROGRESS"
    if request.method == "POST":
        task_id, status = f"5f9f4e8c-0000-4000-8000-{next(_numbers):012}", "CREATED"
    return httpx.Response(200, json={"data": {"task_id": task_id, "status": status, "generated": []}})


def pairs(raw: Callable[[], object], ours: Callable[[], object], times: int) -> dict[str, list[float]]:
    """Return the CPU time of one call of each, in microseconds, in turn."""

    def cost(call: Callable[[], object]) -> float:
        began = time.process_time()
        for _ in range(times):
            call()
        return (time.process_time() - began) / times * 1e6

    for warm in (raw, ours):
        cost(warm)
    found: dict[str, list[float]] = {"raw": [], "ours": []}
    for _ in range(ROUNDS):
        found["raw"].append(cost(raw))
        found["ours"].append(cost(ours))
    return found


def _clients(url: str, kind: str = "") -> tuple[Any, Any]:
    """Return raw httpx and our client, both `Async` or not; without a URL, over a transport without sockets."""
    import httpx

    import kling_elements

    more = {} if url else {"transport": httpx.MockTransport(_handler)}
    origin, client = url or "https://api.example.com", getattr(httpx, f"{kind}Client")
    raw = client(base_url=origin, headers={"x-freepik-api-key": KEY}, **more)
    ours: Any = getattr(kling_elements, f"{kind}KlingElements")
    given = None if url else client(**more)
    return raw, ours(KEY, origin, journal=False, limits=kling_elements.Limits.off(), http_client=given)


def look(url: str = "") -> object:
    """A look over kept connections."""
    raw, ours = _clients(url)
    return pairs(lambda: raw.get(STATUS).json()["data"]["status"], lambda: ours.get(TASK).status, 150)


def look_async(url: str = "") -> dict[str, list[float]]:
    """A look under asyncio, over kept connections."""
    raw, ours = _clients(url, "Async")
    with asyncio.Runner() as runner:

        async def status() -> object:
            return (await raw.get(STATUS)).json()["data"]["status"]

        async def many(call: Callable[[], Awaitable[object]]) -> None:
            for _ in range(100):
                await call()

        found = pairs(
            lambda: runner.run(many(status)),
            lambda: runner.run(many(lambda: ours.get(TASK))),
            1,
        )
        runner.run(raw.aclose())
        runner.run(ours.aclose())
    return {name: [each / 100 for each in values] for name, values in found.items()}


def create(url: str) -> object:
    """A create, the journal off. Ours opens a connection for it, so raw httpx does too."""
    import httpx

    _, ours = _clients(url)
    body = {"images": IMAGES, "prompt": "x"}
    headers = {"x-freepik-api-key": KEY}
    context = httpx.create_ssl_context()

    def raw() -> str:
        with httpx.Client(base_url=url, headers=headers, verify=context) as client:
            return str(client.post(CREATE, json=body).json()["data"]["task_id"])

    return pairs(raw, lambda: ours.create(IMAGES, prompt="x").id, 60)


def create_in_process() -> object:
    """A create, without sockets and journal."""
    raw, ours = _clients("")
    body = {"images": IMAGES, "prompt": "x"}
    return pairs(
        lambda: raw.post(CREATE, json=body).json()["data"]["task_id"],
        lambda: ours.create(IMAGES, prompt="x").id,
        200,
    )


def batch(count: str) -> object:
    """A batch of that many jobs whose tasks are done at the first look, without sockets and journal."""
    import httpx

    from kling_elements import KlingElements, Limits

    def answer(request: httpx.Request) -> httpx.Response:
        response: httpx.Response = _handler(request)
        if request.method == "POST":
            return response
        task = {**response.json()["data"], "status": "COMPLETED", "generated": ["https://example.com/v.mp4"]}
        return httpx.Response(200, json={"data": task})

    jobs = ({"id": str(number), "images": IMAGES, "prompt": f"job {number}"} for number in range(int(count)))
    given = httpx.Client(transport=httpx.MockTransport(answer))
    client = KlingElements(
        KEY,
        "https://api.example.com",
        journal=False,
        limits=Limits.off(),
        http_client=given,
        sleep=lambda _: None,
    )
    began = time.process_time()
    with client.batch(jobs) as results:
        done = sum(1 for result in results if result.task_id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"done": done, "seconds": time.process_time() - began, "mebibytes": peak}


def validators() -> object:
    """One check of a create's body: the validator in Rust, and the one in Python that the mock uses."""
    import jsonschema_rs

    schema = {
        "type": "object",
        "required": ["images"],
        "properties": {
            "images": {"type": "array", "minItems": 1, "maxItems": 4, "items": {"type": "string"}},
            "prompt": {"type": "string", "maxLength": 2500},
            "duration": {"type": "string", "enum": ["5", "10"]},
        },
    }
    body = {"images": IMAGES, "prompt": "x", "duration": "5"}
    in_rust, in_python = (
        jsonschema_rs.Draft4Validator(schema),
        import_module("jsonschema").Draft4Validator(schema),
    )
    return pairs(lambda: in_python.is_valid(body), lambda: in_rust.is_valid(body), 300)


def journal(url: str) -> object:
    """What the journal adds to a create, over two bare commits to SQLite on the same disk; wall time."""
    import sqlite3

    from kling_elements import KlingElements, Limits

    with tempfile.TemporaryDirectory() as folder:
        bare = sqlite3.connect(Path(folder, "bare.sqlite3"), isolation_level=None)
        bare.execute("PRAGMA synchronous = EXTRA")
        bare.execute("CREATE TABLE entries (name)")
        off = KlingElements(KEY, url, journal=False, limits=Limits.off())
        on = KlingElements(KEY, url, journal=Path(folder, "journal.sqlite3"), limits=Limits.off())

        def commits() -> None:
            for name in "ab":
                bare.execute("BEGIN IMMEDIATE")
                bare.execute("INSERT INTO entries VALUES (?)", (name,))
                bare.execute("COMMIT")

        calls: list[Callable[[], object]] = [commits, lambda: off.create(IMAGES), lambda: on.create(IMAGES)]
        on.create(IMAGES)
        found: dict[str, list[float]] = {"raw": [], "ours": []}
        for _ in range(100):
            times = []
            for call in calls:
                began = time.perf_counter()
                call()
                times.append((time.perf_counter() - began) * 1e6)
            found["raw"].append(times[0])
            found["ours"].append(max(times[2] - times[1], 0.0))
        on.close()
    return found


def waits(url: str, count: str) -> object:
    """Many waits at once, four looks each, 5 s apart: errors, CPU seconds, and those of raw httpx for as many."""
    import httpx

    from kling_elements import AsyncKlingElements, DeadlineExceeded, Limits

    number, looks, errors = int(count), [0], [0]

    def on_look(seen: Any) -> None:
        looks[0] += 1
        errors[0] += seen.error is not None

    async def ours() -> None:
        async with AsyncKlingElements(KEY, url, journal=False, limits=Limits.off()) as client:

            async def wait(place: int) -> None:
                await asyncio.sleep(5 * place / number)
                with contextlib.suppress(DeadlineExceeded):
                    await client.wait(f"{TASK[:-6]}{place:06}", timeout=15, poll_interval=5, on_look=on_look)

            await asyncio.gather(*(wait(place) for place in range(number)))

    async def raw() -> None:
        gate = asyncio.Semaphore(32)
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=30)
        async with httpx.AsyncClient(base_url=url, limits=limits) as client:

            async def ask() -> None:
                async with gate:
                    (await client.get(STATUS)).json()

            await asyncio.gather(*(ask() for _ in range(looks[0])))

    began = time.process_time()
    asyncio.run(ours())
    spent = time.process_time() - began
    began = time.process_time()
    asyncio.run(raw())
    return {"looks": looks[0], "errors": errors[0], "ours": spent, "raw": time.process_time() - began}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
