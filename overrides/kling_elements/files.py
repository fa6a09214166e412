"""The files that videos go to: their paths, their names, and whether one is there already."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(path: str | os.PathLike[str]) -> Path:
    """An absolute path without `..`, links left as they are."""
    return Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


def os_error_reason(error: Exception) -> str:
    """Why a file can't be used, in the system's words.

    A `ValueError` is what Python raises for a name with a null byte, in other words in each version.
    """
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return "its name holds a null byte"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def file_name(task_id: str) -> str:
    """A file's name for a task. The id is the service's: it must not lead out of the folder."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in task_id)
    return f"{safe[:100] or 'task'}.mp4"


def is_newer(file: Path, moment: float) -> bool:
    """Whether a file was made after a moment, in seconds since the epoch: then it is the video itself.

    An older file is one that was to be replaced.
    """
    try:
        return file.is_file() and file.stat().st_mtime >= moment
    except (OSError, ValueError):
        return False
