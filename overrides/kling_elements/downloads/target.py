"""The file that a video goes to: checked before money is spent, and replaced with the mode of the old one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from attrs import frozen

from kling_elements.errors import DownloadError, ValidationError
from kling_elements.files import os_error_reason

_GROUP = 0o070
_PERMISSIONS = 0o777
_STANDARD_STREAMS = (0, 1, 2)


def target_problem(path: str | os.PathLike[str], *, overwrite: bool = False) -> str | None:
    """Say why a video can't go to a file, as far as one can tell without opening it; None if it can.

    So no pipe is waited for, and no device is woken.
    """
    file = Path(path)
    try:
        return _problem(file, is_folder=str(path).endswith(("/", os.sep)), overwrite=overwrite)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        return f"{file} can't be written: {os_error_reason(error)}"


def _problem(file: Path, *, is_folder: bool, overwrite: bool) -> str | None:
    if is_folder or file.is_dir():
        return f"{file} is a folder: name a file in it"
    try:
        status = file.stat()
    except FileNotFoundError:
        status = None
    if status is not None and not stat.S_ISREG(status.st_mode):
        return f"{file} is not a regular file, and is left as it is: name another file"
    if status is not None and _is_standard_stream(status):
        return f"{file} is open as a standard stream of this program: name another file"
    if not overwrite and (status is not None or file.is_symlink()):
        return f"{file} exists: choose another name, or add overwrite=True (--overwrite)"
    if not (folder := _real(file).parent).is_dir():
        return f"there is no folder {folder} for {file.name}: create it first"
    return None


def _is_standard_stream(status: os.stat_result) -> bool:
    for descriptor in _STANDARD_STREAMS:
        try:
            if os.path.samestat(os.fstat(descriptor), status):
                return True
        except OSError:  # it is closed
            continue
    return False


def _real(file: Path) -> Path:
    """Return where a link leads, else the file itself."""
    return Path(os.path.realpath(file)) if file.is_symlink() else file


@frozen
class Target:
    """Where a video goes.

    Attributes:
        path: The file as the caller names it.
        file: The file itself: where `path` leads, if that is a link.
        overwrite: Whether an existing file may be replaced.
    """

    path: Path
    file: Path
    overwrite: bool

    @classmethod
    def of(cls, path: object, *, overwrite: bool) -> Target:
        """Return the target, as far as one can tell beforehand that a video may go there.

        Raises:
            ValidationError: If it is no path.
            DownloadError: If it is a folder, its folder is missing, it exists and may not be replaced, or it
                is no regular file (a pipe, a device, what is open as standard output).
        """
        if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
            got = "None" if path is None else f"a value of type {type(path).__name__}"
            raise ValidationError([f"target must be a path: got {got} (the bytes come from task.read())"])
        if problem := target_problem(path, overwrite=overwrite):
            raise DownloadError(f"{problem}. Nothing was fetched.")
        file = Path(path)
        return cls(file, _real(file), overwrite)

    def protect(self, descriptor: int, *, writable: int = 0) -> None:
        """Give an open file the mode, and where possible the owner, of the one that it will replace.

        Args:
            descriptor: The open file.
            writable: Permissions that it has besides, while it is being written.
        """
        if not self.overwrite or not hasattr(os, "fchmod"):
            return
        try:
            old = self.file.stat()
            mode = stat.S_IMODE(old.st_mode) & _PERMISSIONS
            if not _give(descriptor, old):
                mode &= ~_GROUP  # it would be another group's
            os.fchmod(descriptor, mode | writable)
        except OSError:  # there is no old file, or no modes here
            return

    def publish(self, part: Path) -> None:
        """Give the finished file its name, in one step.

        Raises:
            FileExistsError: If a file appeared there meanwhile, and may not be replaced.
        """
        if self.overwrite:
            part.replace(self.file)
            return
        try:
            os.link(part, self.file)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: take the name first, so that nobody else does
            self.file.touch(exist_ok=False)
            try:
                part.replace(self.file)
            except OSError:
                self.file.unlink(missing_ok=True)
                raise
        else:
            part.unlink()


def _give(descriptor: int, old: os.stat_result) -> bool:
    """Give a file the owner and group of another, or the group alone; return whether it has the group."""
    for owner in (old.st_uid, -1):
        try:
            os.fchown(descriptor, owner, old.st_gid)
        except OSError:
            continue
        return True
    return os.fstat(descriptor).st_gid == old.st_gid
