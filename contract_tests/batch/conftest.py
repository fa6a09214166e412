"""What the tests of batches share: a service in memory that keeps books, and images."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import define, field
from PIL import Image

from kling_elements import KlingElements
from kling_elements.governor import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

URL = "https://example.com/a.png"
KEY = "key-of-the-batch-tests-0123456789"
_BOX = b"ftypisom\0\0\0\1isom"
VIDEO = (len(_BOX) + 4).to_bytes(4) + _BOX + (8).to_bytes(4) + b"moov"


@define
class Service:
    """A service whose tasks are done at the second look, and which counts them.

    Attributes:
        prompts: The prompt of each task, by its id.
        plan: What is answered to a create with a prompt, in place of a task.
        ends: The status that a task with a prompt ends in.
        most: The most tasks that were unfinished at once.
        keeps_books: Whether tasks that are done are remembered.
    """

    prompts: dict[str, str] = field(factory=dict)
    plan: dict[str, Callable[[], httpx.Response]] = field(factory=dict)
    ends: dict[str, str] = field(factory=dict)
    most: int = 0
    keeps_books: bool = True
    looks: Counter[str] = field(factory=Counter)
    _count: int = 0
    _open: set[str] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def made(self) -> Counter[str]:
        """How many tasks there are for each prompt."""
        return Counter(self.prompts.values())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if request.url.host == "results.example.com":
                return httpx.Response(200, content=VIDEO, headers={"content-type": "video/mp4"})
            if request.method == "POST":
                return self._create(json.loads(request.content))
            return self._show(request.url.path.rsplit("/", 1)[-1])

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        prompt = str(body.get("prompt"))
        if prompt in self.plan:
            return self.plan[prompt]()
        return self.make(prompt)

    def make(self, prompt: str) -> httpx.Response:
        """Make a task."""
        task_id = f"00000000-0000-4000-8000-{self._count:012}"
        self._count += 1
        self.prompts[task_id] = prompt
        self._open.add(task_id)
        self.most = max(self.most, len(self._open))
        return self._answer({"task_id": task_id, "status": "CREATED", "generated": []})

    def _show(self, task_id: str) -> httpx.Response:
        if task_id not in self.prompts:
            listed = [{"task_id": each, "status": "IN_PROGRESS"} for each in self.prompts]
            return (
                self._answer(listed) if listed else httpx.Response(404, json={"message": "Tasks not found"})
            )
        self.looks[task_id] += 1
        if self.looks[task_id] < 2:
            return self._answer({"task_id": task_id, "status": "IN_PROGRESS", "generated": []})
        self._open.discard(task_id)
        status = self.ends.get(self.prompts[task_id], "COMPLETED")
        if not self.keeps_books:
            del self.prompts[task_id], self.looks[task_id]
        urls = [f"https://results.example.com/{task_id}.mp4"] if status == "COMPLETED" else []
        return self._answer({"task_id": task_id, "status": status, "generated": urls})

    @staticmethod
    def _answer(data: Any) -> httpx.Response:
        return httpx.Response(200, json={"data": data})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def open_client(service: Service, tmp_path: Path) -> Iterator[Callable[..., KlingElements]]:
    """Opens a client of the service, as another process would: all share one journal."""
    opened: list[tuple[KlingElements, httpx.Client]] = []

    def open_one(**options: Any) -> KlingElements:
        http = httpx.Client(transport=httpx.MockTransport(options.pop("handler", service)))
        client = KlingElements(**{**settings(tmp_path), "http_client": http, **options})
        opened.append((client, http))
        return client

    yield open_one
    for client, http in opened:
        client.close()
        client.journal.close()
        http.close()


def settings(folder: Path) -> dict[str, Any]:
    """The arguments of a client that never waits."""
    return {
        "api_key": KEY,
        "poll_interval": 0,
        "journal": folder / "journal.sqlite3",
        "limits": Limits((), 3),
    }


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image in a folder of its own."""
    data = io.BytesIO()
    Image.new("RGB", (400, 320), (30, 60, 120)).save(data, "PNG")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.png"
    path.write_bytes(data.getvalue())
    return path


def write_jobs(path: Path, *jobs: Any) -> Path:
    """Write a file of jobs; text stays as it is."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join((job if isinstance(job, str) else json.dumps(job)) + "\n" for job in jobs))
    return path
