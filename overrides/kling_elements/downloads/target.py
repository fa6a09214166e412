"""The file that a video is to become."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from kling_elements.errors import DownloadError


@frozen
class Target:
    """Where a video goes.

    Attributes:
        path: The file.
        overwrite: Whether an existing file may be replaced.
    """

    path: Path
    overwrite: bool

    @classmethod
    def of(cls, path: str | os.PathLike[str], *, overwrite: bool) -> Target:
        """A target that can be written, as far as one can tell beforehand.

        Raises:
            DownloadError: If it is a folder, its folder is missing, or it exists and may not be replaced.
            OSError: If the system refuses to look.
            ValueError: If it is no path: it has a null character.
        """
        file = Path(path)
        if file.is_dir():
            raise DownloadError(f"{file} is a folder: name a file in it. Nothing was fetched")
        if not file.parent.is_dir():
            raise DownloadError(f"there is no folder {file.parent} for {file.name}. Nothing was fetched")
        if not overwrite and (file.exists() or file.is_symlink()):
            raise DownloadError(
                f"{file} exists and is left as it is: choose another name, or ask to overwrite it"
            )
        return cls(file, overwrite)

    def publish(self, part: Path) -> None:
        """Give the finished file its name, in one step.

        Raises:
            FileExistsError: If a file appeared there meanwhile, and may not be replaced.
        """
        if self.overwrite:
            part.replace(self.path)
            return
        try:
            os.link(part, self.path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: take the name first, so that nobody else does
            self.path.touch(exist_ok=False)
            try:
                part.replace(self.path)
            except OSError:
                self.path.unlink(missing_ok=True)
                raise
        else:
            part.unlink()
