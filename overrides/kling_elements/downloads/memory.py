"""A video for callers who want no file, or have one open."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from kling_elements.downloads.download import DownloadContext, download_video
from kling_elements.downloads.options import DownloadOptions
from kling_elements.types import BinaryWriter, TaskData


async def copy_video(
    task: TaskData, file: BinaryWriter, options: DownloadOptions, context: DownloadContext
) -> int:
    """Fetch a task's video to a temporary file, and copy it when it is whole.

    Returns:
        The number of bytes.

    Raises:
        KlingError: As for `download`; nothing was written then.
    """
    folder = Path(await context.io.run(tempfile.mkdtemp))
    try:
        path = await download_video(task, folder / "video.mp4", options, context)
        return await context.io.run(lambda: _copy(path, file))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(path: Path, file: BinaryWriter) -> int:
    with path.open("rb") as source:
        shutil.copyfileobj(source, file)
        return source.tell()
