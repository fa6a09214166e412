"""The file that a download is written to before it has its name."""

from __future__ import annotations

import errno
import io
from typing import TYPE_CHECKING, Any

import pytest

from kling_elements.downloads.part_file import PartFile
from kling_elements.downloads.ranges import PartNote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTE = PartNote("t", "https://cdn.example/a.mp4", '"v1"', 5)


@pytest.fixture
def part(tmp_path: Path) -> Iterator[PartFile]:
    made = PartFile.beside(tmp_path / "out.mp4")
    yield made
    made.close()


class Slow(io.BytesIO):
    """A stream that takes three bytes at a time, as a full pipe or disk may."""

    def write(self, data: Any, /) -> int:
        return super().write(bytes(data)[:3])


def test_whatever_a_write_takes_all_is_written(part: PartFile) -> None:
    """A write that takes a piece is followed by one of the rest, and each byte counts once."""
    part.stream.close()
    part.stream = stream = Slow()
    part.write(b"abcdefgh")
    part.write(b"")
    assert (stream.getvalue(), part.size) == (b"abcdefgh", 8)


def test_it_goes_on_at_its_end(part: PartFile) -> None:
    """Resumed it is added to under its note; emptied it begins anew, without one."""
    part.write(b"abc")
    part.stream.seek(0)
    part.resume(NOTE)
    part.write(b"de")
    assert (part.path.read_bytes(), part.size, part.note) == (b"abcde", 5, NOTE)
    part.empty()
    assert (part.path.read_bytes(), part.size, part.note) == (b"", 0, None)
    part.write(b"x")
    assert part.path.read_bytes() == b"x"


def test_it_can_be_thrown_away_in_any_state(part: PartFile) -> None:
    """Written, closed, or gone already: after it was discarded nothing is there, and nothing is raised."""
    part.write(b"abc")
    part.discard()
    assert not part.path.exists()
    part.discard()
    assert part.stream.closed


def test_each_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Two beside one target are two files, not in each other's way; the second one is hidden."""
    one, two = (PartFile.beside(tmp_path / "out.mp4") for _ in range(2))
    assert one.path != two.path
    assert {one.path.parent, two.path.parent} == {tmp_path}
    assert [part.path.name.startswith(".") for part in (one, two)] == [False, True]
    one.write(b"1")
    two.write(b"22")
    assert (one.path.read_bytes(), two.path.read_bytes()) == (b"1", b"22")
    for part in (one, two):
        part.close()


def test_it_is_no_program(part: PartFile) -> None:
    """Nobody may run what was downloaded, whatever the umask is."""
    assert part.path.stat().st_mode & 0o111 == 0


class Broken(io.BytesIO):
    """A stream of a disk that has gone."""

    def seek(self, *_: int) -> int:
        raise OSError(errno.EIO, "gone")

    def close(self) -> None:
        if not self.closed:  # once: it is closed again when it is collected
            super().close()
            raise OSError(errno.EIO, "gone")


def test_a_disk_that_has_gone_hides_no_other_error(part: PartFile) -> None:
    """Throwing away raises nothing, though the stream fails and folders stand in the files' places."""
    assert part.note_path is not None
    part.stream.close()
    part.stream = Broken()
    part.path.unlink()
    for path in (part.path, part.note_path):
        path.mkdir()
    part.discard()
    assert part.path.is_dir()
    part.stream = io.BytesIO()


def test_another_processs_part_is_not_touched(tmp_path: Path) -> None:
    """Only the one who holds the shared part removes its note."""
    holder, other = (PartFile.beside(tmp_path / "out.mp4") for _ in range(2))
    holder.begin(NOTE)
    holder.write(b"abc")
    assert holder.can_continue
    assert not other.can_continue
    other.begin(NOTE)
    other.write(b"abc")
    assert not other.can_continue
    other.let_go()
    assert other.stream.closed
    other.discard()
    holder.let_go()
    assert not holder.stream.closed
    holder.close()
    again = PartFile.beside(tmp_path / "out.mp4")
    assert (again.size, again.note) == (3, NOTE)
    again.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_part_is_the_beginning_of_anything(tmp_path: Path) -> None:
    """What a kill left before the first byte, with or without a note, is of no video yet."""
    for note in (NOTE, None):
        part = PartFile.beside(tmp_path / "out.mp4")
        if note:
            part.begin(note)
        part.close()
        part = PartFile.beside(tmp_path / "out.mp4")
        assert (part.path, part.size, part.note) == (tmp_path / "out.mp4.part", 0, None)
        part.discard()
