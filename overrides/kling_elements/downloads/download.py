"""Download a video: fetch, continue after a break, ask once for a fresh URL, check, publish."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from attrs import define, field, frozen

from kling_elements.api.fetch import REDIRECT_RULES, NotFollowed, fetch
from kling_elements.api.io import IO
from kling_elements.api.parsing import read_retry_after
from kling_elements.downloads.error_messages import DownloadErrors
from kling_elements.downloads.mp4 import Verdict
from kling_elements.downloads.options import DownloadOptions, check_download
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
from kling_elements.downloads.speed import SpeedCheck
from kling_elements.downloads.target import Target
from kling_elements.errors import DownloadError, KlingError, ResultMissing
from kling_elements.external import ExternalRequest, ResponseHead
from kling_elements.log import logger
from kling_elements.policy.retries import RetryPolicy, backoff
from kling_elements.types import NoResponse, Response, Sink, TaskData, redact_url

DOWNLOAD_TIMEOUT = 60.0
"""Seconds without a byte."""
DOWNLOAD_PROGRESS = 1024 * 1024
"""Bytes beyond all that came before; an attempt that appended as many does not count as a failed one."""
MAX_ATTEMPTS = 200
"""Requests for the video, whatever progress they made."""


@frozen
class DownloadContext:
    """What a download needs from its surroundings.

    Attributes:
        io: Does the I/O.
        policy: How often a fetch is repeated.
        random: Returns numbers from 0 to 1.
        now: Returns the time, to compare with a URL's expiry.
        refresh: Requests the task again; None where there is no client to do it.
        clock: Returns seconds, to measure the speed.
    """

    io: IO
    policy: RetryPolicy
    random: Callable[[], float]
    now: Callable[[], datetime]
    refresh: Callable[[str], Awaitable[TaskData]] | None = None
    clock: Callable[[], float] = time.monotonic


async def download_video(
    task: TaskData,
    path: str | os.PathLike[str],
    options: DownloadOptions,
    context: DownloadContext,
    *,
    is_temporary: bool = False,
) -> Path:
    """Download a task's first result to a file.

    After a break the download continues, in this call or, by way of a part file beside the target, in a later
    one. Bytes of a video are never thrown away because they look wrong: they stay in the part file.

    Args:
        task: The task.
        path: The file to write.
        options: See `DownloadOptions`.
        context: What to do it with.
        is_temporary: Whether no later call will look there: a mere beginning is not kept then.

    Returns:
        The file's path.

    Raises:
        ResultMissing: If the task has no URL of a result.
        DownloadError: If it can't be fetched or stored; the target is as it was before.
        ValidationError: If an option or the path can't be used.
    """
    checked = check_download(options)
    if not task.urls:
        raise ResultMissing(f"task {task.id} is {task.status} and has no video to fetch", task=task)
    errors = DownloadErrors(task, task.urls[0], context.now())
    try:
        target = Target.of(path, overwrite=checked.overwrite)
    except DownloadError as error:
        raise errors.refused(error) from None
    try:
        part = PartFile.hidden(target) if is_temporary else PartFile.beside(target)
    except OSError as error:
        raise errors.not_stored(target.path, error) from None
    transfer = _Transfer(task, task.urls[0], part, context, checked.max_bytes, checked.redirects)
    is_done = False
    try:
        part = await transfer.run()
        target.protect(part.stream.fileno())
        part.let_go()
        target.publish(part.path)
        is_done = True
    except FileExistsError:
        raise transfer.errors.appeared(target.path, transfer.settle()) from None
    except OSError as error:
        if isinstance(error, KlingError):
            raise
        raise transfer.errors.not_stored(target.path, error, transfer.settle()) from None
    finally:
        part = transfer.settle()
        if is_done:
            part.tidy()
            part.close()
        elif part.is_kept:
            part.close()
        else:
            part.discard()
    return target.path


@define
class _Transfer:
    """A download under way: the video at the URL grows in the part."""

    task: TaskData
    url: str
    part: PartFile
    context: DownloadContext
    max_bytes: int
    redirects: str
    _plan: Plan | None = None
    _speed: SpeedCheck = field(init=False)
    _failures: int = 0
    _most: int = 0
    _wants_whole: bool = False
    _is_url_fresh: bool = False
    _has_restarted: bool = False
    _was_damaged: bool = False

    def __attrs_post_init__(self) -> None:
        self._speed = SpeedCheck(self.context.clock)

    @property
    def errors(self) -> DownloadErrors:
        return DownloadErrors(self.task, self.url, self.context.now())

    @property
    def _have(self) -> int:
        """Bytes that the host may be asked to continue."""
        note = self.part.note
        can_continue = note and note.validator and (note.size is None or self.part.size <= note.size)
        return self.part.size if can_continue and not self._wants_whole else 0

    def settle(self, *, is_better: bool = False) -> PartFile:
        """Return the one part that stays: the newest, if it is better than what was there before."""
        self.part = self.part.settled(is_better=is_better)
        return self.part

    async def run(self) -> PartFile:
        """Fetch until a part is a whole video, and return that.

        Raises:
            DownloadError: If none is; what may be a video is kept.
        """
        self._wants_whole = not self._is_ours()
        while True:
            if is_new := not self._is_complete():
                await self._fetch_all()
            finding = await self.context.io.run(self.part.inspect)
            if finding.verdict is Verdict.UNUSUAL:
                logger.warning("the video of task %s %s; it is stored as it came", self.task.id, finding.text)
            if finding.verdict in {Verdict.WHOLE, Verdict.UNUSUAL}:
                return self.settle(is_better=True)
            self._wants_whole = True  # what is there stays until something else comes
            if finding.verdict is Verdict.NO_VIDEO:
                self.part.empty()
                raise self._failure(f"what came {finding.text}", 200)
            self.part.must_keep = True
            if is_new:  # else an earlier call has kept it, and may have fetched it long ago
                what = f"the video {finding.text} ({self.part.size:,} bytes)"
                if self._was_damaged:
                    raise self._failure(what, 200)
                self._was_damaged = True
                await self._pause(what, 200)

    def _is_ours(self) -> bool:
        """Whether the part is of this video, as far as its note says."""
        return self.part.note is not None and self.part.note.is_of(self.task.id, self.url)

    def _is_complete(self) -> bool:
        """Whether the part of an earlier call has all bytes, and only needs its name."""
        note = self.part.note
        return bool(not self._wants_whole and note and note.size == self.part.size <= self.max_bytes)

    async def _fetch_all(self) -> None:
        """Fetch until all bytes are there."""
        self._most = self._have
        for _ in range(MAX_ATTEMPTS):
            self._plan = None
            headers = request_headers(self._have, self.part.note)
            outcome = await fetch(
                self.context.io,
                ExternalRequest(self.url, headers, DOWNLOAD_TIMEOUT),
                self._open_sink,
                may_follow=REDIRECT_RULES[self.redirects],
            )
            has_appended = isinstance(self._plan, Append)
            if has_appended and self.part.size - self._most >= DOWNLOAD_PROGRESS:
                self._failures = 0  # a line that breaks now and then is no reason to give up
            self._most = max(self._most, self.part.size)
            if isinstance(outcome, NotFollowed):
                raise self._failure(outcome.text, None, is_final=True)
            if isinstance(outcome, NoResponse):
                if await self._is_whole_without_end():
                    return
                await self._pause(outcome.text, None)
            elif await self._settle(outcome):
                self.part.finish()
                return
        raise self._failure(f"it was requested {MAX_ATTEMPTS} times", None)

    async def _is_whole_without_end(self) -> bool:
        """Whether the connection broke after the last byte of a video whose size the host didn't state."""
        is_body = isinstance(self._plan, (Replace, Append))
        if not is_body or self.part.note is None or self.part.note.size is not None:
            return False
        finding = await self.context.io.run(self.part.inspect)
        if finding.is_complete:
            logger.warning("the connection broke after the video of task %s: it is whole", self.task.id)
        return finding.is_complete

    def _open_sink(self, head: ResponseHead) -> Sink | None:
        fresh = PartNote(self.task.id, redact_url(self.url.partition("?")[0]))
        self._plan = plan_for(head, self._have, self.part.note, fresh, self.max_bytes)
        match self._plan:
            case Replace(note):
                self.part = self.settle().begin(note)
                self._wants_whole = False
            case Append(note):
                self.part.resume(note)
            case _:
                return None
        self._speed.start()
        return self._write

    def _write(self, chunk: bytes) -> bool:
        room = self.max_bytes + 1 - self.part.size  # one byte more shows that there is more
        self.part.write(chunk[:room])
        return self.part.size <= self.max_bytes and self._speed.add(len(chunk))

    async def _settle(self, head: ResponseHead) -> bool:
        """Act on a response whose body is read; return whether all bytes are there."""
        match self._plan:
            case Replace() | Append():
                return await self._settle_body(head)
            case Finished():
                return True
            case Restart(reason):
                self._wants_whole = True
                if self._has_restarted:
                    await self._pause(reason, head.status)
                self._has_restarted = True
            case Expired(status):
                await self._find_fresh_url(status)
            case Refuse(reason, status, is_transient, is_too_large):
                if not is_transient:
                    raise self._failure(reason, status, is_final=is_too_large)
                await self._pause(reason, status, read_retry_after(Response(status, head.headers, b"")))
            case None:  # pragma: no cover - every response that is no redirect gets a plan
                raise self._failure("its response was not looked at", head.status)
        return False

    async def _settle_body(self, head: ResponseHead) -> bool:
        """Act on a body that ended; return whether all bytes are there."""
        fault = size_fault(self.part.size, self.part.note, self.max_bytes)
        is_too_large = self.part.size > self.max_bytes
        if self._speed.is_too_slow and not is_too_large:
            fault = "its host is too slow"
        if fault is None:
            return True
        if is_too_large:
            if isinstance(self._plan, Replace):
                self.part.empty()
            raise self._failure(fault, head.status, is_final=True)
        await self._pause(fault, head.status)
        return False

    async def _find_fresh_url(self, status: int) -> None:
        """Request the task once, and take its URL if that is a new one.

        Raises:
            DownloadError: If there is no new one.
        """
        refused = f"HTTP {status}, the URL is refused"
        if self.context.refresh is None:
            raise self._failure(
                f"{refused}, and the task belongs to no client that could request a fresh one", status
            )
        if self._is_url_fresh:
            raise self._failure(f"{refused}, and so is the fresh one", status)
        self._is_url_fresh = True
        try:
            task = await self.context.refresh(self.task.id)
        except KlingError as error:
            raise self._failure(f"{refused}, and there is no fresh one: {error}", status) from error
        if not task.urls or task.urls[0] == self.url:
            raise self._failure(f"{refused}, and the service has no other", status)
        self.task, self.url = task, task.urls[0]
        self._wants_whole = self._wants_whole or not self._is_ours()

    async def _pause(self, what: str, status: int | None, retry_after: float | None = None) -> None:
        """Sleep before the next attempt.

        Raises:
            DownloadError: If there is to be none; it says what failed.
        """
        self._failures += 1
        delay = backoff(self.context.policy, self._failures, retry_after, self.context.random())
        if delay is None:
            raise self._failure(what, status)
        await self.context.io.sleep(delay)

    def _failure(self, what: str, status: int | None, *, is_final: bool = False) -> DownloadError:
        """End the download: settle what stays of it, and return the error that names that."""
        text = f"{redact_url(self.url)}: {what}"
        return self.errors.not_fetched(text, status, self.settle(), is_final=is_final)
