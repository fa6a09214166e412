"""A video for callers who want no file, or have one open."""

from __future__ import annotations

import contextlib
import inspect
import io
import tempfile
from functools import partial
from pathlib import Path

from kling_elements.downloads.download import DownloadContext, download_video
from kling_elements.downloads.error_messages import DownloadErrors
from kling_elements.downloads.options import DownloadOptions
from kling_elements.errors import DownloadError, KlingError
from kling_elements.files import os_error_reason
from kling_elements.types import BinaryWriter, TaskData

_CHUNK = 256 * 1024  # bytes that are copied at a time


async def copy_video(
    task: TaskData, file: BinaryWriter, options: DownloadOptions, context: DownloadContext
) -> int:
    """Fetch a task's video to a temporary file, and copy it when it is whole.

    That stays, and the error names it, if the video is damaged or can't be copied.

    Returns:
        The number of bytes.

    Raises:
        KlingError: As for `download`; nothing was written then, unless the open file failed.
    """
    try:
        folder = Path(await context.io.run(partial(tempfile.mkdtemp, prefix="kling-elements-")))
    except OSError as error:
        reason = f"there is no temporary folder for it: {os_error_reason(error)}"
        raise DownloadError(
            f"the video of task {task.id} was not fetched: {reason}", task_id=task.id
        ) from None
    path = folder / "video.mp4"
    is_kept = False
    try:
        await download_video(task, path, options, context, is_temporary=True)
        return await context.io.run(lambda: _copy(path, file))
    except KlingError:
        raise
    except Exception as error:  # whatever a caller's file raises
        is_kept = True
        raise DownloadErrors(task, task.urls[0], context.now()).not_written(path, error) from error
    finally:
        _tidy(folder, None if is_kept else path)


def _tidy(folder: Path, path: Path | None) -> None:
    """Remove a file and its folder, which stays if anything else is in it."""
    with contextlib.suppress(OSError):
        if path:
            path.unlink(missing_ok=True)
        folder.rmdir()


def _copy(path: Path, file: BinaryWriter) -> int:
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            _write(file, chunk)
        return source.tell()


def _write(file: BinaryWriter, chunk: bytes) -> None:
    """Write all of a chunk: an unbuffered file may take less at a time, and says how much."""
    while chunk:
        count: object = file.write(chunk)
        if inspect.isawaitable(count):
            if inspect.iscoroutine(count):
                count.close()
            raise OSError("its write is asynchronous")
        if count is None and isinstance(file, io.RawIOBase):
            count = 0
        if not isinstance(count, int) or isinstance(count, bool):  # not every writer says it
            return
        if count < 1:
            raise OSError("it takes no more bytes")
        chunk = chunk[count:]
