"""What the tests of batches share: a service in memory that keeps books, and a bench for one job."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from attrs import define, evolve, field

from kling_elements import AsyncKlingElements, KlingElements, Task
from kling_elements.batch import Batch, BatchJob, BatchResult
from kling_elements.batch.results import JobStatus
from kling_elements.journal import Entry, Job, Journal, NewEntry, journal_at
from kling_elements.policy.rate_limits import Limits

Open = Callable[..., KlingElements]

URL = "https://example.com/a.png"
KEY = "key-of-the-batch-tests-0123456789"
TASK_ID = "00000000-0000-4000-8000-000000000000"
HOST = "results.example.com"
DONE = Task(TASK_ID, "COMPLETED", (f"https://{HOST}/{TASK_ID}.mp4",))
JOB = BatchJob((URL,), {"prompt": "a"}, "a")
UNDONE = BatchResult[Task](1, JobStatus.INVALID, "a", JOB)
CREATE, POLL, FETCH = "POST kling-elements-std", f"GET {TASK_ID}", f"GET {TASK_ID}.mp4"
WAITED = [POLL, POLL, FETCH]
MADE = [CREATE, *WAITED]
_BOX = b"ftypisom\0\0\0\1isom"
VIDEO = (len(_BOX) + 4).to_bytes(4) + _BOX + (8).to_bytes(4) + b"moov"


@define
class Service:
    """A service whose tasks are done at the second poll, and which counts them.

    Attributes:
        prompts: The prompt of each task, by its id.
        plan: What a create with a prompt is answered, in place of a task.
        ends: The status that a task with a prompt ends in.
        most: The most tasks that were unfinished at once.
        asked: The requests in order: the method and the end of the path.
    """

    prompts: dict[str, str] = field(factory=dict)
    plan: dict[str, Callable[[], httpx.Response]] = field(factory=dict)
    ends: dict[str, str] = field(factory=dict)
    most: int = 0
    asked: list[str] = field(factory=list)
    polls: Counter[str] = field(factory=Counter)
    _count: int = 0
    _open: set[str] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def made(self) -> Counter[str]:
        """Return how many tasks there are of each prompt."""
        return Counter(self.prompts.values())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rsplit("/", 1)[-1]
        with self._lock:
            self.asked.append(f"{request.method} {name}")
            if request.url.host == HOST:
                return httpx.Response(200, content=VIDEO, headers={"content-type": "video/mp4"})
            if request.method == "POST":
                prompt = str(json.loads(request.content).get("prompt"))
                return self.plan[prompt]() if prompt in self.plan else self.make(prompt)
            return self._show(name)

    def make(self, prompt: str) -> httpx.Response:
        """Make a task."""
        task_id = f"00000000-0000-4000-8000-{self._count:012}"
        self._count += 1
        self.prompts[task_id] = prompt
        self._open.add(task_id)
        self.most = max(self.most, len(self._open))
        return answer(task_id)

    def _show(self, task_id: str) -> httpx.Response:
        if task_id not in self.prompts:
            listed = [{"task_id": each, "status": "IN_PROGRESS"} for each in self.prompts]
            return httpx.Response(200, json={"data": listed})
        self.polls[task_id] += 1
        if self.polls[task_id] < 2:
            return answer(task_id, "IN_PROGRESS")
        self._open.discard(task_id)
        status = self.ends.get(self.prompts[task_id], "COMPLETED")
        return answer(task_id, status, *([f"https://{HOST}/{task_id}.mp4"] if status == "COMPLETED" else []))


def answer(task_id: str, status: str = "CREATED", *urls: str) -> httpx.Response:
    """Return the response that shows a task."""
    return httpx.Response(200, json={"data": {"task_id": task_id, "status": status, "generated": urls}})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def open_client(service: Service, tmp_path: Path) -> Iterator[Open]:
    """Opens a client of the service, as another process would: all share one journal."""
    with ExitStack() as stack:

        def open_one(**options: Any) -> KlingElements:
            http = httpx.Client(transport=httpx.MockTransport(options.pop("handler", service)))
            client = KlingElements(
                **{**settings(tmp_path), "http_client": stack.enter_context(http), **options}
            )
            stack.callback(client.journal.close)
            return stack.enter_context(client)

        yield open_one


def settings(folder: Path) -> dict[str, Any]:
    """Return the arguments of a client that never waits."""
    return {
        "api_key": KEY,
        "poll_interval": 0,
        "journal": folder / "journal.sqlite3",
        "limits": Limits((), 3),
    }


def job(name: str, **fields: Any) -> dict[str, Any]:
    """Return a job of that name, as a line of a file has it."""
    return {"images": [URL], "prompt": name, "id": name, **fields}


def write_jobs(path: Path, *jobs: Any) -> Path:
    """Write a file of jobs; text stays as it is."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join((job if isinstance(job, str) else json.dumps(job)) + "\n" for job in jobs))
    return path


@define
class Bench:
    """Batches, and the one job of a batch, in a journal that other processes have open too.

    Attributes:
        open_client: Opens a client of the service.
        service: The service.
        journal: The journal, as another process has it open.
        folder: A folder of the test's own.
        error: The error of the last result.
    """

    open_client: Open
    service: Service
    journal: Journal
    folder: Path
    error: Exception | None = None

    @property
    def target(self) -> Path:
        """The file for the video of the one job."""
        return self.folder / "out" / "a.mp4"

    def batch(
        self, jobs: Any, client: KlingElements | None = None, **options: Any
    ) -> Batch[Any, BatchResult[Task]]:
        """Begin a batch, by default with a client of its own."""
        given: dict[str, Any] = {"directory": self.folder / "out", **options}
        return (client or self.open_client()).batch(jobs, **given)

    def collect(
        self, backend: str | None, work: Callable[[Any], Any], handler: Any = None, **options: Any
    ) -> list[Any]:
        """Return what a client's batch gives, under an event loop or none; an error as the last of it."""
        results: list[Any] = []

        async def run() -> None:
            async with (
                httpx.AsyncClient(transport=httpx.MockTransport(handler or self.service)) as http,
                AsyncKlingElements(**{**settings(self.folder), **options}, http_client=http) as client,
            ):
                async for result in work(client):
                    results.append(result)  # noqa: PERF401 - what came before an error counts

        try:
            if backend:
                anyio.run(run, backend=backend)
            else:
                client = self.open_client(handler=handler or self.service, **options)
                results.extend(work(client))
        except Exception as error:  # noqa: BLE001 - the tests look at it
            results.append(error)
        return results

    def run(
        self, job: Any = JOB, *, client: KlingElements | None = None, **options: Any
    ) -> BatchResult[Task]:
        """Run the batch; return the job's result without its error."""
        options = {"batch_id": "b", "workers": 1, **options}
        (result,) = self.batch([job], client, **options)
        self.error = result.error
        return evolve(result, error=None)

    def done(self) -> BatchResult[Task]:
        """Return the result of a job that was done."""
        return evolve(UNDONE, standing=JobStatus.DONE, task=DONE, task_id=TASK_ID, file=self.target)

    def begin(self, digest: str = "", *, origin: str | None = None, ago: float = 0) -> str:
        """Note a create of the job; return the entry's id."""
        owner = self.open_client().journal_owner
        assert self.journal.path
        past = journal_at(self.journal.path, lambda: time.time() - ago, lambda: time.monotonic() - ago)
        with closing(past):
            new = NewEntry("std", origin or owner.origin, owner.fingerprint, digest, Job("b", "a"))
            return past.begin(new).entry_id

    def create(self, status: str = "CREATED", **known: Any) -> str:
        """Note a create of the job that made the task; return the entry's id."""
        entry_id = self.begin(**known)
        self.service.make("a")
        self.journal.created(entry_id, Task(TASK_ID, status))
        return entry_id

    def create_elsewhere(self) -> str:
        """Note a task of the same id that another service made; return the entry's id."""
        new = NewEntry("std", "https://other.example", "f")
        return self.journal.adopt(Task(TASK_ID, "CREATED"), new).entry_id

    def entry(self, entry_id: str = "") -> Entry:
        """Return the entry with this id, or the one that stands for the job."""
        entry = self.journal.entry(entry_id) if entry_id else self.journal.job("b", "a")
        assert entry
        return entry

    def is_free(self) -> bool:
        """Whether another process could claim the job's task."""
        entry_id = self.entry().entry_id
        if not self.journal.claim(entry_id, "another", 60):
            return False
        self.journal.release(entry_id, "another")
        return True


@pytest.fixture
def bench(open_client: Open, service: Service, tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "out").mkdir()
    with closing(Journal.open(tmp_path / "journal.sqlite3")) as journal:
        yield Bench(open_client, service, journal, tmp_path)
