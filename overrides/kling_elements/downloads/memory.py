"""A video as bytes, for callers who want no file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kling_elements.downloads.download import download_video

if TYPE_CHECKING:
    from kling_elements.downloads.download import DownloadContext
    from kling_elements.downloads.options import DownloadOptions
    from kling_elements.types import TaskData


async def read_video(task: TaskData, options: DownloadOptions, context: DownloadContext) -> bytes:
    """Fetch a task's video to a temporary file, and return its bytes.

    Raises:
        KlingError: As for `download`.
    """
    folder = Path(await context.io.run(tempfile.mkdtemp))
    try:
        file = await download_video(task, folder / "video.mp4", options, context)
        return await context.io.run(file.read_bytes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
