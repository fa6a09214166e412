"""The look at an image behind a URL, without a network: what is asked for, how much is taken, and told."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from contract_tests.support.answers import png
from contract_tests.support.driving import drive
from kling_elements.decisions import Fault
from kling_elements.defaults import URL_CHECK_BYTES, URL_CHECK_TIMEOUT
from kling_elements.effects import Head, Stream
from kling_elements.image_check import look_at_url
from kling_elements.images import ImageFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements.effects import Send

URL = "https://example.com/a.png"
PNG = png(320, 300)
LARGE = PNG.ljust(URL_CHECK_BYTES + 5, b"\0")
SIZE = len(PNG)
HEADERS = {
    "Accept": "image/*, */*;q=0.5",
    "Accept-Encoding": "identity",
    "Range": "bytes=0-65535",
}


def head(status: int = 200, **headers: str) -> Head:
    """The beginning of an answer."""
    return Head(status, {name.replace("_", "-"): value for name, value in headers.items()}, URL)


def look(
    *answers: tuple[Head | Fault, Sequence[bytes]],
) -> tuple[list[str], ImageFacts | str, list[list[bool]]]:
    """Look at an image whose host gives these answers.

    Returns:
        The addresses that are asked, what is told, and after each piece whether more was wanted.
    """
    asked: list[str] = []
    wanted: list[list[bool]] = []
    pending = list(answers)

    def answer(stream: Send | Stream) -> Head | Fault:
        assert isinstance(stream, Stream)
        assert (stream.headers, stream.timeout, stream.method, stream.content) == (
            HEADERS,
            URL_CHECK_TIMEOUT,
            "GET",
            None,
        )
        asked.append(stream.url)
        assert pending, "more was asked for"
        outcome, pieces = pending.pop(0)
        sink = stream.open_sink(outcome) if isinstance(outcome, Head) else None
        wanted.append([sink(piece) for piece in pieces] if sink else [])
        return outcome

    told = drive(look_at_url(URL), answer)
    assert pending == []
    return asked, told, wanted


def facts(size: int | None = SIZE, damage: str | None = None) -> ImageFacts:
    """What is known of the picture."""
    return ImageFacts("png", 320, 300, size, damage=damage)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(head(), facts(), id="no size"),
        pytest.param(head(content_length=str(SIZE)), facts(), id="a size"),
        pytest.param(head(content_length=str(SIZE - 9)), facts(), id="too small a size"),
        pytest.param(
            head(content_length=str(SIZE + 1)),
            f"can't be fetched whole: it ended after {SIZE:,} of {SIZE + 1:,} bytes",
            id="cut off",
        ),
        pytest.param(head(content_length="many"), facts(), id="no number"),
        pytest.param(head(content_length=""), facts(), id="an empty size"),
        pytest.param(head(206, content_range=f" bytes 0-9/{SIZE} "), facts(), id="a range"),
        pytest.param(
            head(206, content_range=f"bytes 0-9/{SIZE + 5000}", content_length=str(SIZE)),
            f"can't be fetched whole: it ended after {SIZE:,} of {SIZE + 5000:,} bytes",
            id="a range that is cut off",
        ),
        pytest.param(head(206, content_range="bytes 0-9/*"), facts(), id="a range of something"),
        pytest.param(head(206, content_length=str(SIZE + 1)), facts(), id="a part without its range"),
        pytest.param(head(206), facts(), id="a part of nothing"),
        pytest.param(head(404), "can't be fetched: its host answers HTTP 404", id="nothing there"),
        pytest.param(head(204), "can't be fetched: its host answers HTTP 204", id="no content"),
        pytest.param(Fault("refused", was_sent=False), "can't be fetched: refused", id="nobody there"),
    ],
)
def test_what_is_told_of_a_small_image(answer: Head | Fault, told: ImageFacts | str) -> None:
    """An image that is there whole is known by all of its bytes, and one that is cut off is told."""
    is_read = isinstance(answer, Head) and answer.status in {200, 206}
    assert look((answer, [PNG[:5], PNG[5:]])) == ([URL], told, [[True, True] if is_read else []])


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        pytest.param(head(), None, id="no size"),
        pytest.param(head(content_length=str(len(LARGE))), len(LARGE), id="a size"),
        pytest.param(head(206, content_range="bytes 0-65535/7000000"), 7_000_000, id="a range"),
        pytest.param(head(206, content_length="65536"), None, id="the size of a part"),
    ],
)
@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        ([LARGE], [False]),
        ([LARGE[:-5]], [False]),
        ([LARGE[:-6], LARGE[-6:]], [True, False]),
        ([LARGE[:9], LARGE[9:40_000], LARGE[40_000:]], [True, True, False]),
    ],
    ids=["more at once", "just as much", "one byte and more", "in pieces"],
)
def test_of_a_large_image_the_beginning_is_taken(
    answer: Head, size: int | None, pieces: list[bytes], wanted: list[bool]
) -> None:
    """No more is wanted once 64 KiB are there; they tell the sides, and the host tells the size."""
    assert look((answer, pieces)) == ([URL], facts(size), [wanted])


def test_what_comes_behind_the_beginning_is_not_looked_at() -> None:
    """Of a piece that is too large only so much is taken as was asked for, whatever came before it."""
    comment = b"\xff\xfe" + struct.pack(">H", 65_000) + bytes(64_998)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 300, 320, 1) + b"\1\x11\0"
    data = b"\xff\xd8" + comment * 2 + frame
    answer = head(content_length=str(len(data)))
    told = ImageFacts("jpeg", None, None, len(data))
    assert look((answer, [data[:60_000], data[60_000:]])) == ([URL], told, [[True, False]])


def test_a_broken_image_is_told() -> None:
    """Where all of an image is there, it is decoded; and where only its beginning is, it is not."""
    broken = PNG[:-20]
    _, told, _ = look((head(), [broken]))
    assert isinstance(told, ImageFacts)
    assert (told.format, told.size) == ("png", len(broken))
    assert str(told.damage).startswith(
        f"is cut off or damaged: its {len(broken):,} bytes don't decode as PNG ("
    )
    _, told, _ = look((head(), [PNG[:60].ljust(URL_CHECK_BYTES, b"\0")]))
    assert told == facts(None)


def test_redirects_are_followed() -> None:
    """An image that has moved is looked at where it is, on whatever host; but not in the open."""
    moved = head(302, location="https://other.example.com/b.png")
    assert look((moved, [b"gone"]), (head(), [PNG])) == (
        [URL, "https://other.example.com/b.png"],
        facts(),
        [[], [True]],
    )
    told = "can't be fetched: a redirect to http://example.com/a.png is not followed"
    assert look((head(302, location="http://example.com/a.png"), [])) == ([URL], told, [[]])
