"""The flow of a download: fetch, go on where it broke off, ask once for a fresh address, check, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, frozen

from kling_elements.api.fetch import REDIRECT_RULES, NotFollowed, fetch
from kling_elements.api.parsing import read_retry_after
from kling_elements.downloads.error_messages import DownloadErrors
from kling_elements.downloads.mp4 import Verdict
from kling_elements.downloads.options import check_download
from kling_elements.downloads.part_file import PartFile
from kling_elements.downloads.ranges import (
    Append,
    Expired,
    Finished,
    PartNote,
    Plan,
    Refuse,
    Replace,
    Restart,
    plan_for,
    request_headers,
    size_fault,
)
from kling_elements.downloads.target import Target
from kling_elements.errors import DownloadError, KlingError, ResultMissing
from kling_elements.policy.retries import backoff
from kling_elements.types import ExternalRequest, NoResponse, Response, ResponseHead, Sink, redact_url

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from kling_elements.api.io import IO
    from kling_elements.downloads.options import DownloadOptions
    from kling_elements.policy.retries import RetryPolicy
    from kling_elements.types import TaskData


@frozen
class DownloadContext:
    """What a download is done with.

    Attributes:
        io: Does it.
        policy: How often a fetch is repeated.
        random: Gives numbers from 0 to 1.
        now: The time, against which expiry is told.
        refresh: Asks for the task anew; None where there is no client to ask.
    """

    io: IO
    policy: RetryPolicy
    random: Callable[[], float]
    now: Callable[[], datetime]
    refresh: Callable[[str], Awaitable[TaskData]] | None = None


async def download(
    task: TaskData, path: str | os.PathLike[str], options: DownloadOptions, context: DownloadContext
) -> Path:
    """Fetch a task's first result to a file.

    What breaks off is continued, in this call and, by way of a part file beside the target, in a later one.

    Args:
        task: The task.
        path: The file to write.
        options: See `DownloadOptions`.
        context: What to do it with.

    Returns:
        The file's path.

    Raises:
        ResultMissing: If the task has no address of a result.
        DownloadError: If it can't be fetched or stored; the target is as it was before.
        ValidationError: If an option can't be used.
    """
    checked = check_download(options)
    if not task.urls:
        raise ResultMissing(f"task {task.id} is {task.status} and has no video to fetch", task=task)
    telling = DownloadErrors(task, task.urls[0], context.now())
    try:
        target = Target.of(path, overwrite=checked.overwrite)
        part = PartFile.beside(target.path)
    except DownloadError as error:
        raise telling.refused(error) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise telling.not_stored(Path(path), error) from None
    transfer = _Transfer(task, task.urls[0], part, context, checked.max_bytes, checked.redirects)
    is_done = False
    try:
        await transfer.run()
        part.let_go()
        target.publish(part.path)
        is_done = True
    except FileExistsError:
        raise transfer.telling.appeared(target.path) from None
    except OSError as error:
        if isinstance(error, KlingError):
            raise
        raise transfer.telling.not_stored(target.path, error, part) from None
    finally:
        if is_done:
            part.tidy()
            part.close()
        elif part.can_continue:
            part.close()
        else:
            part.discard()
    return target.path


@define
class _Transfer:
    """One download under way.

    Attributes:
        task: The task.
        url: Its address.
        part: Where the video grows.
        context: What it is done with.
        max_bytes: The most that is taken.
        redirects: Which ones are followed: a name of `REDIRECT_RULES`.
    """

    task: TaskData
    url: str
    part: PartFile
    context: DownloadContext
    max_bytes: int
    redirects: str
    _plan: Plan | None = None
    _attempt: int = 0
    _is_url_fresh: bool = False
    _has_started_anew: bool = False
    _was_damaged: bool = False

    @property
    def telling(self) -> DownloadErrors:
        return DownloadErrors(self.task, self.url, self.context.now())

    async def run(self) -> None:
        """Fetch until the part is a whole MP4."""
        if self.part.note and not self.part.note.is_of(self.task.id, self.url):
            self.part.empty()
        while True:
            if not self._is_complete():
                await self._fetch_all()
            verdict = await self.context.io.run(self.part.inspect)
            if verdict is Verdict.WHOLE:
                return
            what = f"what came ({self.part.size:,} bytes) is no MP4"
            if verdict is Verdict.DAMAGED:
                what = f"the MP4 is cut off or damaged ({self.part.size:,} bytes)"
            self.part.empty()
            error = self._failure(what, 200)
            if verdict is Verdict.NO_MP4 or self._was_damaged:
                raise error
            self._was_damaged = True
            await self._pause(error, None)

    def _is_complete(self) -> bool:
        """Whether the part of an earlier call has all bytes, and only wanted its name."""
        note = self.part.note
        return bool(self.part.can_continue and note and note.size == self.part.size <= self.max_bytes)

    async def _fetch_all(self) -> None:
        """Fetch until all bytes are there."""
        while True:
            before = self.part.size
            self._plan = None
            outcome = await fetch(
                self.context.io,
                ExternalRequest(self.url, request_headers(self.part.size, self.part.note), DOWNLOAD_TIMEOUT),
                self._open_sink,
                may_follow=REDIRECT_RULES[self.redirects],
            )
            if self.part.size - before >= DOWNLOAD_PROGRESS:
                self._attempt = 0  # a line that breaks now and then is no reason to give up
            if isinstance(outcome, NoResponse):
                error = self._failure(outcome.text, None, is_final=isinstance(outcome, NotFollowed))
                if isinstance(outcome, NotFollowed):
                    raise error
                await self._pause(error, None)
            elif await self._settle(outcome):
                return

    def _open_sink(self, head: ResponseHead) -> Sink | None:
        fresh = PartNote(self.task.id, redact_url(self.url.partition("?")[0]))
        self._plan = plan_for(head, self.part.size, self.part.note, fresh, self.max_bytes)
        match self._plan:
            case Replace(note):
                self.part.begin(note)
            case Append(note):
                self.part.resume(note)
            case _:
                return None
        return self._write

    def _write(self, chunk: bytes) -> bool:
        room = self.max_bytes + 1 - self.part.size  # one byte more tells that there is more
        self.part.write(chunk[:room])
        return self.part.size <= self.max_bytes

    async def _settle(self, head: ResponseHead) -> bool:
        """What an answer whose body is read context; answers whether all bytes are there."""
        match self._plan:
            case Replace() | Append():
                return await self._settle_body(head)
            case Finished():
                return True
            case Restart(reason):
                self.part.empty()
                error = self._failure(reason, head.status)
                if self._has_started_anew:
                    await self._pause(error, None)
                self._has_started_anew = True
            case Expired(status):
                await self._find_fresh_url(status)
            case Refuse(reason, status, is_transient, is_too_large):
                error = self._failure(reason, status, is_final=is_too_large)
                if not is_transient:
                    raise error
                await self._pause(error, read_retry_after(Response(status, head.headers, b"")))
            case None:  # pragma: no cover - every answer that is no redirect is judged
                raise self._failure("its answer was not looked at", head.status)
        return False

    async def _settle_body(self, head: ResponseHead) -> bool:
        """What a body that ended context; answers whether all bytes are there."""
        fault = size_fault(self.part.size, self.part.note, self.max_bytes)
        if fault is None:
            return True
        is_too_large = self.part.size > self.max_bytes
        declared = self.part.note.size if self.part.note else None
        if is_too_large or (declared is not None and self.part.size > declared):
            self.part.empty()
        error = self._failure(fault, head.status, is_final=is_too_large)
        if is_too_large:
            raise error
        await self._pause(error, None)
        return False

    async def _find_fresh_url(self, status: int) -> None:
        """Ask for the task once, and take its address if that is a new one.

        Raises:
            DownloadError: If there is no new one.
        """
        refused = f"HTTP {status}, the address is refused"
        if self.context.refresh is None:
            raise self._failure(
                f"{refused}, and the task belongs to no client that could ask for a fresh one", status
            )
        if self._is_url_fresh:
            raise self._failure(f"{refused}, and so is the fresh one", status)
        self._is_url_fresh = True
        try:
            task = await self.context.refresh(self.task.id)
        except KlingError as error:
            raise self._failure(
                f"{refused}, and the task could not be asked for a fresh one: {error}", status
            ) from error
        if not task.urls or task.urls[0] == self.url:
            raise self._failure(f"{refused}, and the service has no other", status)
        self.task, self.url = task, task.urls[0]
        if self.part.note and not self.part.note.is_of(task.id, self.url):
            self.part.empty()

    async def _pause(self, error: DownloadError, hint: float | None) -> None:
        """Sleep before the next attempt.

        Raises:
            DownloadError: The error, if there is to be none.
        """
        self._attempt += 1
        delay = backoff(self.context.policy, self._attempt, hint, self.context.random())
        if delay is None:
            raise error
        await self.context.io.sleep(delay)

    def _failure(self, what: str, status: int | None, *, is_final: bool = False) -> DownloadError:
        text = f"{redact_url(self.url)}: {what}"
        return self.telling.not_fetched(text, status, self.part, is_final=is_final)


DOWNLOAD_TIMEOUT = 60.0  # without a byte


DOWNLOAD_PROGRESS = 1024 * 1024  # bytes; an attempt that brought as many does not count as a failed one
