"""The file that grows beside its target, and the note that says what it is the beginning of.

`out.mp4.part` and `out.mp4.part.json` outlive a call that was interrupted, and a process that was killed; the
next call continues from there. A writer holds a lock on the part, which the system drops when its process
ends, so that two downloads of one target never mix their bytes: the second gets a part of its own, under a
hidden name. So does a download where the system has no such locks, or where something else has taken the
names: only a regular file with a note of ours is ever touched, and nothing else is opened.

What is there is paid for. A body that comes in its place grows beside it, under a hidden name, and takes its
place once it is a whole video, or no shorter.

Nothing is promised after a loss of power, where a file system may have forgotten bytes in the middle.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import TYPE_CHECKING, BinaryIO

from attrs import define, evolve

from kling_elements.downloads.mp4 import Finding, Verdict, inspect_video
from kling_elements.downloads.ranges import PartNote
from kling_elements.files import sync

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements.downloads.target import Target

try:
    import fcntl

    _OPEN_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
except ImportError:  # Windows: a part lives as long as its call.
    fcntl = None  # type: ignore[assignment]
    _OPEN_FLAGS = 0

_TRIES = 5  # a part can vanish between opening and locking it: its owner has finished
_MAX_NOTE = 16 * 1024  # bytes
_OWNER_WRITES = 0o600


@define
class PartFile:
    """A part file, open for writing. Whatever writes to the disk can raise an `OSError`.

    Attributes:
        target: Where the video goes; the part is as private as what is there.
        path: The file.
        stream: The same, unbuffered: what was written is in the file if the process is killed.
        note_path: Where the note goes; None for a part under a hidden name, which no later call finds.
        size: Bytes that are in it.
        note: What they are the beginning of; None if nobody knows.
        must_keep: Whether it is kept under its hidden name too.
        older: The part in whose place it comes; None if there is none.
    """

    target: Target
    path: Path
    stream: BinaryIO
    note_path: Path | None
    size: int = 0
    note: PartNote | None = None
    must_keep: bool = False
    older: PartFile | None = None

    def __attrs_post_init__(self) -> None:
        self.target.protect(self.stream.fileno(), writable=_OWNER_WRITES)

    @classmethod
    def beside(cls, target: Target) -> PartFile:
        """Return the part of a target: the one that was left there, else a new one."""
        return _open_shared(target) or cls.hidden(target)

    @classmethod
    def hidden(cls, target: Target) -> PartFile:
        """Return a new part that no later call finds."""
        path = target.file.with_name(f".kling-elements.{secrets.token_hex(8)}.part")
        return cls(target, path, path.open("x+b", buffering=0), None)

    @property
    def is_kept(self) -> bool:
        """Whether it stays where it is when the download fails."""
        return self.size > 0 and (self.note_path is not None or self.must_keep)

    @property
    def can_continue(self) -> bool:
        """Whether a later call can fetch the rest of what is there."""
        has_rest = bool(self.note_path and self.size and self.note and self.note.validator)
        return has_rest and not self.must_keep  # a damaged one is fetched again

    def begin(self, note: PartNote) -> PartFile:
        """Return the part for what comes instead: another one if this may be a video, else this, emptied."""
        if self._may_be_video():
            part = self.hidden(self.target)
            part.note, part.older = note, self
            return part
        # In this order: a kill in between leaves an empty part, which is the beginning of anything.
        self.empty()
        self._write_note(note)
        return self

    def settled(self, *, is_better: bool = False) -> PartFile:
        """Return the one part that stays: this, or the older one if that has more of a video.

        Args:
            is_better: Whether this is known to be better.
        """
        if (older := self.older) is None:
            return self
        try:
            if is_better or (self.size >= older.size and self._may_be_video()):
                self._take_place_of(older)
            else:
                self.discard()
                return older
        except OSError:  # the disk refuses: both stay
            self.must_keep = True
            older.close()
        self.older = None
        return self

    def empty(self) -> None:
        """Forget what is there."""
        self.stream.seek(0)
        self.stream.truncate()
        self.size = 0
        self.note = None

    def resume(self, note: PartNote) -> None:
        """Continue at the end of what is there."""
        self.note = note
        self.stream.seek(self.size)

    def write(self, chunk: bytes) -> None:
        """Add bytes; what was written before an error is kept."""
        rest = memoryview(chunk)
        while rest:
            count = self.stream.write(rest)
            self.size += count
            rest = rest[count:]

    def finish(self) -> None:
        """Note that all bytes are there, where the host did not say how many there are."""
        if self.note and self.note.size is None:
            self._write_note(evolve(self.note, size=self.size))

    def inspect(self) -> Finding:
        """Bring it to the disk, and look at what it is."""
        sync(self.stream.fileno())
        return inspect_video(self.stream, self.size)

    def let_go(self) -> None:
        """Close it before it is published, where that releases no lock: some systems rename no open file."""
        if self.note_path is None:
            self.stream.close()

    def discard(self) -> None:
        """Remove it."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            self.empty()  # so that a kill right here leaves nothing that looks like somebody else's
        self.tidy()
        if self.note_path is None:
            self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.close()

    def tidy(self) -> None:
        """Remove the note."""
        if self.note_path:
            with contextlib.suppress(OSError):
                self.note_path.unlink()

    def close(self) -> None:
        """Close it, and release the lock. It stays where it is."""
        with contextlib.suppress(OSError):
            self.stream.close()

    def _may_be_video(self) -> bool:
        return self.size > 0 and inspect_video(self.stream, self.size).verdict is not Verdict.NO_VIDEO

    def _take_place_of(self, older: PartFile) -> None:
        """Remove an older part, and get its name and its note, if it has them."""
        self.must_keep = self.must_keep or older.must_keep
        if fcntl is None or older.note_path is None or self.note is None:
            older.discard()
            return
        fcntl.flock(self.stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        # In this order: a kill in between leaves a part without a note, which nobody continues or removes.
        older.note_path.unlink(missing_ok=True)
        self.path.replace(older.path)
        self.path = older.path
        older.close()  # on a full disk, this makes room for the note
        _write_whole(older.note_path, self.note.to_json())
        self.note_path = older.note_path

    def _write_note(self, note: PartNote) -> None:
        self.note = note
        if self.note_path:
            _write_whole(self.note_path, note.to_json())


def _open_shared(target: Target) -> PartFile | None:
    """Return the part that outlives its call, locked; None if it can't be had."""
    path = target.file.with_name(f"{target.file.name}.part")
    note_path = target.file.with_name(f"{target.file.name}.part.json")
    if fcntl is None or not (_is_regular_or_free(path) and _is_regular_or_free(note_path)):
        return None
    for _ in range(_TRIES):
        try:
            stream = _open_regular(path)
        except OSError:  # somebody else's: there are other names
            return None
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(stream.fileno())
            if not _is_at(path, status):
                stream.close()
                continue
            if _is_at(target.file, status):
                # A process was killed between the two steps of publishing: it is finished, under its name.
                path.unlink()
                stream.close()
                continue
            part = _adopt(target, path, note_path, stream, status)
        except OSError:  # somebody else has it, or there are no locks here
            part = None
        if part is None:
            stream.close()
        return part
    return None


def _open_regular(path: Path) -> BinaryIO:
    """Open a file for reading and writing, new or old; no link is followed, no pipe waited for."""
    return os.fdopen(os.open(path, _OPEN_FLAGS | os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)


def _is_at(path: Path, status: os.stat_result) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(path.lstat(), status)
    except OSError:
        return False


def _adopt(
    target: Target, path: Path, note_path: Path, stream: BinaryIO, status: os.stat_result
) -> PartFile | None:
    """Return the part, if it is empty or has our note, and nothing else has taken its note's name."""
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        return None
    try:
        with os.fdopen(os.open(note_path, _OPEN_FLAGS | os.O_RDONLY), "rb") as file:
            note = PartNote.from_json(file.read(_MAX_NOTE))
        is_ours = note is not None
    except FileNotFoundError:
        note, is_ours = None, status.st_size == 0
    if is_ours:
        return PartFile(target, path, stream, note_path, status.st_size, note if status.st_size else None)
    if status.st_size == 0:  # it was made a moment ago, in vain
        path.unlink()
    return None


def _is_regular_or_free(path: Path) -> bool:
    """Whether a path is a regular file's, or can be one: opening a device could have effects."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return True
    except OSError:  # its name is too long, say
        return False


def _write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    draft = path.with_name(f".kling-elements.{secrets.token_hex(8)}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
