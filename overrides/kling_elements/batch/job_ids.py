"""Names: what identifies a batch and its jobs, and the files that their videos go to."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import unicodedata
import weakref
from collections import defaultdict
from itertools import takewhile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from attrs import define, field

from kling_elements.arguments import check_path
from kling_elements.batch.jobs import Order
from kling_elements.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kling_elements.batch.jobs import BatchJob

REPORT_NAME = "report.jsonl"
PAGE_NAME = "report.html"
_LONGEST_NAME = 120
_LONGEST_PART = 255  # bytes; what common file systems take
_DIGITS = 16
_PLACED = re.compile(rf"(?P<place>[1-9]\d{{0,11}})-(?P<digest>[0-9a-f]{{{_DIGITS}}})(?:\.mp4)?")
_PART_SUFFIXES = (".part", ".part.json")  # see `kling_elements.downloads.part_file`


def batch_of(*paths: str | os.PathLike[str]) -> str:
    """What identifies a batch by its paths, wherever it is run from.

    Raises:
        ValidationError: If one can't be used, or is relative to a folder that was deleted.
    """
    text = "\0".join(str(check_path("the path", path)) for path in paths)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


@define
class JobIndex:
    """Give each job its key and its file, and find those that stand twice.

    A job without an id is known by its content, and among equal jobs by which of them it is: lines may move.
    Versions before put the line's number before the content; a job that they began keeps its key.

    In a temporary database, which takes to the disk what doesn't fit into a few megabytes: a batch may have
    any number of jobs.

    Attributes:
        directory: Where videos go; None for the current folder, and only for jobs that name a file.
        earlier: Keys of jobs that the journal knows of this batch.
    """

    directory: Path | None
    earlier: Iterable[str] = field(default=(), repr=False)
    _seen: sqlite3.Connection = field(init=False, repr=False)
    _places: defaultdict[str, set[int]] = field(factory=lambda: defaultdict(set), init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._seen.close)  # also of a batch that nobody ends: Python 3.13 would warn
        # Nothing of it needs to survive.
        self._seen.execute("PRAGMA journal_mode = OFF")
        self._seen.execute("PRAGMA synchronous = OFF")
        self._seen.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        for name in (*self.earlier, *_names_in(self.directory)):
            if found := _PLACED.fullmatch(name):
                self._places[found["digest"]].add(int(found["place"]))

    def close(self) -> None:
        """Forget all."""
        self._seen.close()

    def add(self, number: int, job: BatchJob) -> Order:
        """Return the job with its key and its file.

        Raises:
            ValidationError: If its id or its file is another job's, or the file can't be one.
        """
        key = self._key(job) if job.id is None else job.id
        self._claim("id", key, number)
        target = self._target(key, job)
        if target is not None:
            self._claim_output(target, number)
        return Order(number, key, job, target)

    def _key(self, job: BatchJob) -> str:
        digest = job.digest()[:_DIGITS]
        count = (self._number("content", digest) or 0) + 1
        self._seen.execute("REPLACE INTO seen VALUES (?, ?)", (_digest("content", digest), count))
        places = sorted(self._places.get(digest, ()))
        if count <= len(places):
            return f"{places[count - 1]}-{digest}"
        return digest if count == 1 else f"{digest}-{count}"

    def _target(self, key: str, job: BatchJob) -> Path | None:
        if job.output is not None:
            return self._below(os.fsdecode(job.output))
        if self.directory is None:
            return None
        return self._below(f"{_safe(key)}.mp4")

    def _below(self, name: str) -> Path:
        if problem := name_problem(name):
            raise ValidationError([f"output {name[:60]!r} {problem}"])
        return check_path("output", (self.directory or Path()) / name)

    def _claim_output(self, target: Path, number: int) -> None:
        """Claim a file, which can be neither another job's file nor a folder on the way to one."""
        base = check_path("directory", self.directory or Path())
        folders = list(takewhile(lambda folder: folder != base, target.parents))  # `target` is below it
        if (other := self._number("folder", _folded(target))) is not None:
            raise ValidationError([f"output {target.name[:60]!r} is a folder of job {other}'s output"])
        for folder in folders:
            if (other := self._number("output", _folded(folder))) is not None:
                raise ValidationError([f"output folder {folder.name[:60]!r} is the file of job {other}"])
        self._claim("output", _folded(target), number)
        for folder in folders:
            self._insert("folder", _folded(folder), number)

    def _claim(self, kind: str, name: str, number: int) -> None:
        if not self._insert(kind, name, number):
            first = self._number(kind, name)
            raise ValidationError([f"{kind} {Path(name).name[:60]!r} is that of job {first} too"])

    def _insert(self, kind: str, name: str, number: int) -> bool:
        values = _digest(kind, name), number
        return bool(self._seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", values).rowcount)

    def _number(self, kind: str, name: str) -> int | None:
        found = self._seen.execute(
            "SELECT number FROM seen WHERE name = ?", (_digest(kind, name),)
        ).fetchone()
        return None if found is None else int(found[0])


def name_problem(name: str) -> str | None:
    """Why a name can't be that of a file below the folder; None if it can."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if posix.is_absolute() or windows.drive or windows.root:
        return "must be relative: videos go below the batch's folder"
    if ".." in windows.parts:  # it parts names at slashes of both kinds
        return "must not lead out of the batch's folder"
    if not posix.name or name.endswith(("/", "\\")):
        return "must name a file"
    if "\0" in name or not all(map(_is_encodable, posix.parts)):
        return "can't be the name of a file"
    if posix.parts[0].casefold() in {REPORT_NAME, PAGE_NAME}:
        return "is the batch's report"
    is_part = any(part.casefold().endswith(_PART_SUFFIXES) for part in windows.parts)
    return "ends like the files that hold unfinished downloads" if is_part else None


def _is_encodable(part: str) -> bool:
    try:
        return len(os.fsencode(part)) <= _LONGEST_PART
    except UnicodeEncodeError:  # a surrogate, as JSON may have it
        return False


def _names_in(directory: Path | None) -> list[str]:
    try:
        return [] if directory is None else [file.name for file in directory.iterdir()]
    except (OSError, ValueError):
        return []  # there is none yet, or it is found unusable when a video goes there


def _folded(path: Path) -> str:
    """A path as file systems see it that don't tell case or the forms of an accent apart."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _digest(kind: str, name: str) -> bytes:
    return hashlib.blake2b(f"{kind} {name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _safe(key: str) -> str:
    return re.sub(r"[^\w.-]", "_", key).lstrip(".")[:_LONGEST_NAME] or "_"
