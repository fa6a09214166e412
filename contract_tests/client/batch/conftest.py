"""What the tests of batches share: a service in memory that keeps books, and images."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpx
import pytest
from attrs import define, evolve, field
from PIL import Image

from kling_elements import AsyncKlingElements, KlingElements, Task
from kling_elements.batch import BatchJob, BatchResult
from kling_elements.batch.results import JobStatus
from kling_elements.journal import Entry, Job, Journal, NewEntry
from kling_elements.policy.rate_limits import Limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    Open = Callable[..., KlingElements]

T = TypeVar("T")
URL = "https://example.com/a.png"
KEY = "key-of-the-batch-tests-0123456789"
TASK_ID = "00000000-0000-4000-8000-000000000000"
DONE = Task(TASK_ID, "COMPLETED", (f"https://results.example.com/{TASK_ID}.mp4",))
JOB = BatchJob((URL,), {"prompt": "a"}, "a")
TOLD = BatchResult[Task](1, JobStatus.INVALID, "a", JOB)
CREATE, LOOK, FETCH = "POST kling-elements-std", f"GET {TASK_ID}", f"GET {TASK_ID}.mp4"
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
        keeps_books: Whether tasks that are done, and requests, are remembered.
        asked: What was asked, in order: the method and the end of the path.
    """

    prompts: dict[str, str] = field(factory=dict)
    plan: dict[str, Callable[[], httpx.Response]] = field(factory=dict)
    ends: dict[str, str] = field(factory=dict)
    most: int = 0
    keeps_books: bool = True
    asked: list[str] = field(factory=list)
    looks: Counter[str] = field(factory=Counter)
    _count: int = 0
    _open: set[str] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def made(self) -> Counter[str]:
        """How many tasks there are for each prompt."""
        return Counter(self.prompts.values())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if self.keeps_books:
                self.asked.append(f"{request.method} {request.url.path.rsplit('/', 1)[-1]}")
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
def open_client(service: Service, tmp_path: Path) -> Iterator[Open]:
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


def with_client(
    backend: str,
    handler: Callable[[httpx.Request], httpx.Response],
    folder: Path,
    work: Callable[[AsyncKlingElements], Awaitable[T]],
    **options: Any,
) -> T:
    """Do some work with an asynchronous client, and close it."""

    async def run() -> T:
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http,
            AsyncKlingElements(**{**settings(folder), **options}, http_client=http) as client,
        ):
            return await work(client)

    return anyio.run(run, backend=backend)


def job(name: str, **fields: Any) -> dict[str, Any]:
    """A job of that name, as a line of a file has it."""
    return {"images": [URL], "prompt": name, "id": name, **fields}


@define
class Bench:
    """Runs the one job of a batch, which other processes know as well.

    Attributes:
        open_client: Opens a client of the service.
        service: The service.
        journal: The journal, as another process has it open.
        target: The file for the video.
    """

    open_client: Open
    service: Service
    journal: Journal
    target: Path

    def run(
        self, job: Any = JOB, *, client: KlingElements | None = None, **options: Any
    ) -> BatchResult[Task]:
        """The result of the job, without its error."""
        return evolve(self.run_whole(job, client=client, **options), error=None)

    def run_whole(
        self, job: Any = JOB, *, client: KlingElements | None = None, **options: Any
    ) -> BatchResult[Task]:
        """The result of the job."""
        options = {"directory": self.target.parent, "batch_id": "b", "workers": 1, **options}
        (result,) = (client or self.open_client()).batch([job], **options)
        return result

    def begin(self, digest: str = "") -> str:
        """Note a create of the job that is under way; gives the entry's id."""
        owner = self.open_client().journal_owner
        new = NewEntry("std", owner.origin, owner.fingerprint, digest, Job("b", "a"))
        return self.journal.begin(new).entry_id

    def create(self, status: str = "CREATED", digest: str = "") -> str:
        """Note a create of the job that made the task; gives the entry's id."""
        entry_id = self.begin(digest)
        self.service.make("a")
        self.journal.created(entry_id, Task(TASK_ID, status))
        return entry_id

    def create_elsewhere(self) -> str:
        """Note a task of the same id that another service made; gives the entry's id."""
        return self.journal.adopt(
            Task(TASK_ID, "CREATED"), NewEntry("std", "https://other.example", "f")
        ).entry_id

    def forget(self) -> None:
        """Empty the journal, as somebody might."""
        assert self.journal.path  # of a bench on the disk
        with closing(sqlite3.connect(self.journal.path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM entries")

    def entry(self, entry_id: str) -> Entry:
        """The entry with this id."""
        entry = self.journal.entry(entry_id)
        assert entry
        return entry

    def of_job(self) -> Entry:
        """The entry that stands for the job."""
        entry = self.journal.job("b", "a")
        assert entry
        return entry

    def is_free(self) -> bool:
        """Whether another process could take the job's task to work on it; it lets go of it at once."""
        entry_id = self.of_job().entry_id
        if not self.journal.claim(entry_id, "another", 60):
            return False
        self.journal.release(entry_id, "another")
        return True


@pytest.fixture
def bench(open_client: Open, service: Service, tmp_path: Path) -> Bench:
    """A bench whose journal is in memory."""
    journal = Journal.open(False)
    (tmp_path / "out").mkdir()
    return Bench(partial(open_client, journal=journal), service, journal, tmp_path / "out" / "a.mp4")


@pytest.fixture
def bench_on_disk(open_client: Open, service: Service, tmp_path: Path) -> Iterator[Bench]:
    """A bench whose journal is a file, which each client opens for itself."""
    journal = Journal.open(tmp_path / "journal.sqlite3")
    (tmp_path / "out").mkdir()
    yield Bench(open_client, service, journal, tmp_path / "out" / "a.mp4")
    journal.close()


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
