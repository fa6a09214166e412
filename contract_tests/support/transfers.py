"""A download run step by step without a shell, from a host that is a list of answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from contract_tests.support.answers import mp4
from contract_tests.support.driving import drive
from kling_elements import RetryPolicy, Task
from kling_elements.decisions import Fault
from kling_elements.downloads import Means, download
from kling_elements.effects import Head, Stream
from kling_elements.errors import DownloadError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements.effects import Flow, Send

VIDEO = mp4(600)
PLACE = "https://cdn.example/a.mp4"
URL = f"{PLACE}?token=exp=1795694400~hmac=ab"
FRESH = f"{PLACE}?token=exp=1795694400~hmac=cd"
NOW = datetime(2026, 11, 26, 11, 30, tzinfo=UTC)
GOOD = "Its address is good for another 30 min (until 2026-11-26 12:00:00 UTC)"
AGAIN = f"{GOOD}; repeat: kling-elements download t-1"
TAG = '"v1"'


@frozen
class Body:
    """An answer of the result's host.

    Attributes:
        status: Its status.
        headers: Its headers.
        pieces: What comes of its body.
        cut: What breaks it off then.
    """

    status: int
    headers: dict[str, str]
    pieces: tuple[bytes, ...] = ()
    cut: Fault | None = None


RESET: Final = Fault("reset by peer", was_sent=True)


def whole(*pieces: bytes, cut: Fault | None = None, **headers: str) -> Body:
    """The whole video, or what comes in place of it."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Body(200, {"etag": TAG, "content-length": str(len(VIDEO)), **names}, pieces or (VIDEO,), cut)


def rest(start: int, *pieces: bytes, cut: Fault | None = None) -> Body:
    """The rest of the video from a byte on."""
    headers = {"etag": TAG, "content-range": f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"}
    return Body(206, headers, pieces or (VIDEO[start:],), cut)


def refused(status: int, **headers: str) -> Body:
    """An answer without a video."""
    return Body(status, {name.replace("_", "-"): value for name, value in headers.items()}, (b"<html>",))


Step = Body | Fault | Task | NotFoundError


@define
class Stage:
    """A download whose host is a list of answers.

    Attributes:
        target: The file.
        url: Its address.
        attempts: How often a fetch is repeated.
        has_client: Whether the task can be asked for anew.
        options: Those of the download.
        asked: What was asked for: the range, or the whole, or the task.
        streams: The requests.
        slept: The pauses; without a hint they are 1, 2, 4…
        told: The error.
    """

    target: Path
    url: str = URL
    attempts: int = 3
    has_client: bool = True
    options: dict[str, Any] = field(factory=dict)
    asked: list[str] = field(factory=list)
    streams: list[Stream] = field(factory=list)
    slept: list[float] = field(factory=list)
    told: DownloadError | None = None

    def run(self, *steps: Step) -> str:
        """Download; gives "done", or the error's text and status."""
        left = list(steps)
        task = Task("t-1", "COMPLETED", (self.url,))

        def refresh(task_id: str) -> Flow[Task]:
            yield from ()
            self.asked.append(task_id)
            answer = left.pop(0)
            if isinstance(answer, NotFoundError):
                raise answer
            assert isinstance(answer, Task)
            return answer

        means = Means(
            RetryPolicy(self.attempts, base=1.0, cap=60.0, max_hint=60.0),
            self.slept.append,
            lambda: 1.0,
            lambda: NOW,
            refresh if self.has_client else None,
        )
        options: Any = self.options
        try:
            path = drive(
                download(task, self.target, options, means), lambda stream: self._answer(stream, left)
            )
        except DownloadError as error:
            self.told = error
            return f"{error} ({error.status_code})"
        assert path.read_bytes() == VIDEO
        assert (path, left) == (self.target, [])
        return "done"

    def kept(self) -> list[str]:
        """The names of the files that are there."""
        return sorted(path.name for path in self.target.parent.iterdir())

    def _answer(self, stream: Send | Stream, left: list[Step]) -> Head | Fault:
        assert isinstance(stream, Stream)
        assert left, "more was asked for"
        step = left.pop(0)
        self.streams.append(stream)
        self.asked.append(stream.headers.get("Range", "all"))
        assert stream.headers.get("If-Range", TAG) == TAG
        assert ("Range" in stream.headers) == ("If-Range" in stream.headers)
        if isinstance(step, Fault):
            return step
        assert isinstance(step, Body)
        head = Head(step.status, step.headers, stream.url)
        sink = stream.open_sink(head)
        for piece in step.pieces if sink else ():
            assert sink
            if not sink(piece):
                return head
        return step.cut or head


def not_fetched(what: str, outlook: str = AGAIN, kept: str = "", status: int | None = None) -> str:
    """What `run` gives when no video came."""
    beginning = f"the video of task t-1 was not fetched: {PLACE}?…: {what}.{kept}"
    return f"{beginning} {outlook} ({status})"


def task(*urls: str) -> Task:
    """The task with other addresses."""
    return Task("t-1", "COMPLETED", urls)
