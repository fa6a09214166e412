"""Make jobs from images alone: a folder, a glob pattern, or their paths; one job for each image."""

from __future__ import annotations

import glob
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from kling_elements.arguments import check_path
from kling_elements.batch.job_ids import name_problem
from kling_elements.errors import ValidationError
from kling_elements.files import os_error_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Also those that the service refuses: each is reported as a job that can't be used, and none is left out.
_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
)


def names_images(path: str | os.PathLike[str]) -> bool:
    """Whether a path stands for images: a folder, an image's file, or a pattern such as `photos/*.jpg`."""
    text = os.fspath(path)
    try:
        if Path(text).is_dir():
            return True
        return _is_image(text) or (glob.has_magic(text) and not Path(text).exists())
    except (OSError, ValueError):
        return False  # to open it says what is wrong


def image_jobs(sources: Iterable[str | os.PathLike[str]]) -> list[dict[str, object]]:
    """Return a job for each image, named after its file: `cat.jpg` becomes the job `cat`, and `cat.mp4`.

    Raises:
        ValidationError: If there is no image, or two would become the same video.
    """
    jobs: dict[str, dict[str, object]] = {}
    files: dict[str, Path] = {}
    found = (check_path("the image", file) for source in sources for file in _files(os.fspath(source)))
    for file in dict.fromkeys(found):
        name = unicodedata.normalize("NFC", file.stem).casefold()
        if name in files:
            text = (
                f"{files[name]} and {file} would both become {file.stem}.mp4: rename one, or list both in a "
                "file of jobs, with an id each"
            )
            raise ValidationError([text])
        files[name] = file
        job: dict[str, object] = {"images": [str(file)], "id": file.stem}
        output = f"{file.stem}.mp4"
        jobs[name] = job if name_problem(output) else {**job, "output": output}
    return list(jobs.values())


def _files(source: str) -> Iterator[Path]:
    try:
        if Path(source).is_dir():
            found = sorted(Path(source).iterdir())
        elif Path(source).exists():
            yield Path(source)
            return
        elif glob.has_magic(source):
            found = sorted(map(Path, glob.glob(source, recursive=True)))  # noqa: PTH207 - absolute ones too
        else:
            raise ValidationError([f"{source} does not exist"])
        images = [file for file in found if _is_image(file.name) and file.is_file()]
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise
        raise ValidationError([f"{source} can't be read: {os_error_reason(error)}"]) from None
    if not images:
        raise ValidationError([f"there is no image in {source}"])
    yield from images


def _is_image(name: str) -> bool:
    path = Path(name)
    return path.suffix.casefold() in _SUFFIXES and not path.name.startswith(".")
