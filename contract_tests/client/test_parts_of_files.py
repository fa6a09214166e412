"""The file that a download is written to before it has its name."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import mp4
from kling_elements.downloads.mp4 import Verdict
from kling_elements.downloads.part import Part
from kling_elements.downloads.ranges import Note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTE = Note("t", "https://cdn.example/a.mp4", '"v1"', 5)


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    made = Part.beside(tmp_path / "out.mp4")
    yield made
    made.close()


class Slow(io.BytesIO):
    """A stream that takes three bytes at a time, as a full pipe or disk may."""

    def write(self, data: Any, /) -> int:
        return super().write(bytes(data)[:3])


def test_whatever_a_write_takes_all_is_written(part: Part) -> None:
    """A write that takes a piece is followed by one of the rest, and each byte counts once."""
    part.stream.close()
    part.stream = stream = Slow()
    part.write(b"abcdefgh")
    part.write(b"")
    assert (stream.getvalue(), part.size) == (b"abcdefgh", 8)


def test_it_goes_on_at_its_end(part: Part) -> None:
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


def test_it_tells_what_it_is(part: Part) -> None:
    """What was written is looked at as it is on the disk."""
    part.write(mp4())
    assert part.inspect() is Verdict.WHOLE


def test_it_can_be_thrown_away_in_any_state(part: Part) -> None:
    """Written, closed, or gone already: after it was discarded nothing is there, and nothing is raised."""
    part.write(b"abc")
    part.discard()
    assert not part.path.exists()
    part.discard()
    assert part.stream.closed


def test_each_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Two beside one target are two files, not in each other's way; the second one is hidden."""
    one, two = (Part.beside(tmp_path / "out.mp4") for _ in range(2))
    assert one.path != two.path
    assert {one.path.parent, two.path.parent} == {tmp_path}
    assert [part.path.name.startswith(".") for part in (one, two)] == [False, True]
    one.write(b"1")
    assert (one.path.read_bytes(), two.path.read_bytes()) == (b"1", b"")
    for part in (one, two):
        part.close()
