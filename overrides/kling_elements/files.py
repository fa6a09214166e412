"""Files: their paths and names, what to say of one that can't be used, and bringing one to the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NO_SYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path without `..`, links left as they are."""
    return Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


def os_error_reason(error: Exception) -> str:
    """Say why a file can't be used, in the system's words.

    Python raises a `ValueError` for a name with a null byte, worded differently in each version.
    """
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return "its name holds a null byte"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def write_probe(folder: Path) -> None:
    """Write a byte into a folder, and remove it.

    To ask for permission is not enough: the disk may be full or read-only, and root may do anything.

    Raises:
        OSError: If nothing can be stored there.
    """
    import secrets  # noqa: PLC0415 - it loads others, and a create needs none of them

    probe = folder / f".{secrets.token_hex(6)}.part"
    try:
        with probe.open("xb") as file:
            file.write(b"\0")
    finally:
        probe.unlink(missing_ok=True)


def is_absent(path: Path) -> bool:
    """Return whether nothing stands at a path; False where this user may not look: to use it says why."""
    try:
        os.lstat(path)
    except (OSError, ValueError) as error:
        return isinstance(error, FileNotFoundError)
    return False


def file_name(task_id: str) -> str:
    """Return a file's name for a task. The id is the service's: it must not lead out of the folder."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in task_id)
    return f"{safe[:100] or 'task'}.mp4"


def is_newer(file: Path, moment: float) -> bool:
    """Whether a file was written after a moment, in seconds since the epoch.

    Then it is the video itself; an older file is one to be replaced.
    """
    try:
        return file.is_file() and file.stat().st_mtime >= moment
    except (OSError, ValueError):
        return False


def sync(descriptor: int) -> None:
    """Bring a file to the disk, where its file system can: some mounts have nothing to flush, and say so.

    Raises:
        OSError: If the disk fails, or is full.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
