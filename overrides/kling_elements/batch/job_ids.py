"""Names: what identifies a batch and its jobs, and the files that their videos go to."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from attrs import define, field

from kling_elements.batch.jobs import Order
from kling_elements.errors import ValidationError
from kling_elements.files import absolute

if TYPE_CHECKING:
    from kling_elements.batch.jobs import BatchJob

REPORT_NAME = "report.jsonl"
_LONGEST_NAME = 120
_LONGEST_PART = 255  # bytes; what common file systems take
_DIGITS = 16


def batch_of(*paths: str | os.PathLike[str]) -> str:
    """What identifies a batch by its paths, wherever it is run from."""
    text = "\0".join(str(absolute(path)) for path in paths)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


@define
class JobIndex:
    """Gives each job its key and its file, and finds those that stand twice.

    In a temporary database, which takes to the disk what doesn't fit into a few megabytes: a batch may have
    any number of jobs.

    Attributes:
        directory: Where videos go; None for the current folder, and only for jobs that name a file.
    """

    directory: Path | None
    _seen: sqlite3.Connection = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # Nothing of it needs to survive.
        self._seen.execute("PRAGMA journal_mode = OFF")
        self._seen.execute("PRAGMA synchronous = OFF")
        self._seen.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID")

    def close(self) -> None:
        """Forget all."""
        self._seen.close()

    def order(self, number: int, job: BatchJob) -> Order:
        """The job with its key and its file.

        Raises:
            ValidationError: If its id or its file is another job's, or the file can't be one.
        """
        key = job.id if job.id is not None else f"{number}-{job.digest()[:_DIGITS]}"
        self._claim("id", key, number)
        target = self._target(key, job)
        if target is not None:
            # As file systems see it that don't tell case or the forms of an accent apart.
            self._claim("output", unicodedata.normalize("NFC", str(target)).casefold(), number)
        return Order(number, key, job, target)

    def _target(self, key: str, job: BatchJob) -> Path | None:
        if job.output is not None:
            return self._below(os.fsdecode(job.output))
        if self.directory is None:
            return None
        return self._below(f"{_safe(key)}.mp4")

    def _below(self, name: str) -> Path:
        if problem := name_problem(name):
            raise ValidationError([f"output {name[:60]!r} {problem}"])
        return absolute((self.directory or Path()) / name)

    def _claim(self, kind: str, name: str, number: int) -> None:
        digest = hashlib.blake2b(f"{kind} {name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if self._seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, number)).rowcount:
            return
        first = self._seen.execute("SELECT number FROM seen WHERE name = ?", (digest,)).fetchone()[0]
        raise ValidationError([f"{kind} {Path(name).name[:60]!r} is that of job {first} too"])


def name_problem(name: str) -> str | None:
    """Why a name can't be that of a file below the folder; None if it can."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if posix.is_absolute() or windows.drive or windows.root:
        return "must be relative: videos go below the batch's folder"
    if ".." in windows.parts:  # it parts names at slashes of both kinds
        return "must not lead out of the batch's folder"
    if not posix.name or name.endswith(("/", "\\")):
        return "must name a file"
    if "\0" in name or any(len(os.fsencode(part)) > _LONGEST_PART for part in posix.parts):
        return "can't be the name of a file"
    if posix.parts[0].casefold() == REPORT_NAME:
        return "is the batch's report"
    return None


def _safe(key: str) -> str:
    return re.sub(r"[^\w.-]", "_", key).lstrip(".")[:_LONGEST_NAME] or "_"
