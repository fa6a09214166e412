"""What callers hand over as an image: what it is taken for, and the whole sentence where it is refused."""

from __future__ import annotations

import base64
import decimal
import os
import struct
from typing import TYPE_CHECKING

import pytest

from contract_tests.support.answers import png
from kling_elements.images import ImageConstraints, paths
from kling_elements.images import inspection as image_content
from kling_elements.images.sources import (
    BytesSource,
    FileSource,
    ImageProblem,
    ImageSource,
    UrlSource,
    classify,
    load_image,
)

if TYPE_CHECKING:
    from pathlib import Path

RULES = ImageConstraints(("jpeg", "png"), 300, 300, 0.4, 2.5, 10_000_000)
TAKEN = "an http(s) URL, a path, bytes or base64 text is needed"
WITH_USER = "holds a user name or password: anybody who sees the request could read it; remove it"
HALF = r"'utf-8' codec can't encode character '\ud800' in position 5: surrogates not allowed"
PNG = png(320, 300)
TEXT = base64.b64encode(PNG).decode()


def refusal(source: object, rules: ImageConstraints = RULES) -> str:
    """The one line that tells why an image is refused."""
    with pytest.raises(ImageProblem) as caught:
        load_image(source, rules)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "https://example.com/a.png?key=1",
            "https://example.com/a.png?… is a URL: it is sent as it is, and not loaded here",
        ),
        (
            "https://me@example.com",
            f"https://example.com {WITH_USER}",
        ),
        ("S3://bucket/a.png?b", f"s3://bucket/a.png?… has the scheme 's3': {TAKEN}"),
        ("ftp://example.com/a.png", f"ftp://example.com/a.png has the scheme 'ftp': {TAKEN}"),
        ("file:///a%20b", "file:///a%20b is a file URL: give the path, '/a b'"),
        ("data:image/png;base64,iVBOR,w0", "the data URL is not valid base64: ',' at character 6"),
        ("data:image/png,iVBOR", "the data URL is not in base64: data:image/png;base64,… is needed"),
        ("data:image/png;base64", "the data URL is not in base64: data:image/png;base64,… is needed"),
        ("data:;base64,", "the data URL is empty: 0 bytes"),
        ("http", "http is no URL, no base64, and no file that exists"),
        ("no/http:a", "no/http:a does not exist, and neither does the folder no"),
        ("/9j/4AAQSkZ", "/9j/4AAQSkZ does not exist, and neither does the folder /9j"),
        ("iVBORw0KGgo", "iVBORw0KGgo is no URL, no base64, and no file that exists"),
        ("/9j/4AAQSkZ*", "the base64 text is not valid base64: '*' at character 12"),
        ("A" * 255, f"{'A' * 100}…{'A' * 100} is no URL, no base64, and no file that exists"),
        ("A" * 256, "the base64 text is not an image of a known format: JPEG or PNG is needed"),
        ("x " * 2048, f"{'x ' * 50}…{'x ' * 50} can't be read: File name too long"),
        ("x " * 2048 + "x", f"a string of 4,097 characters is no image: {TAKEN}"),
        (" \t", f"an empty string is no image: {TAKEN}"),
        ("a\0b.png", r"a\x00b.png can't be read: its name holds a null byte"),
        (
            "half \ud800.png",
            rf"half \ud800.png can't be read: {HALF}",
        ),
        (5, f"a value of type int is no image: {TAKEN}"),
        (None, f"None is no image: {TAKEN}"),
        (decimal.Decimal(1), f"a value of type decimal.Decimal is no image: {TAKEN}"),
        ({}, f"a value of type dict is no image: each image by itself; {TAKEN}"),
        (b"GIF89a", "the bytes object is a GIF image: JPEG or PNG is needed"),
    ],
)
def test_each_refusal(source: object, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be an image is refused with what it is called, what is wrong with it, and what to give."""
    monkeypatch.chdir(tmp_path)
    assert refusal(source) == sentence


@pytest.mark.parametrize("text", [TEXT[:1001], TEXT[:100] + "=" + TEXT[100:], f"{TEXT}====AAAA"])
def test_base64_with_a_fault(text: str) -> None:
    """Base64 that is cut off, or goes on behind its end, is refused whole, and nothing of it is taken."""
    assert refusal(text).startswith("the base64 text is not valid base64, or is cut off (")
    assert refusal(f"data:image/png;base64,{text}").startswith(
        "the data URL is not valid base64, or is cut off ("
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTPS://Example.com/a.png", UrlSource("HTTPS://Example.com/a.png", "https://Example.com/a.png")),
        (TEXT, BytesSource(PNG, "the base64 text")),
        ("A" * 256, BytesSource(bytes(192), "the base64 text")),
        ("data:,;base64,AAAA", None),
        ("data:;base64,AAAA", BytesSource(bytes(3), "the data URL")),
        ("data:image/png;base64,AA%3D%3D", BytesSource(bytes(1), "the data URL")),
    ],
)
def test_each_text(text: str, expected: ImageSource | None) -> None:
    """An address is kept to the letter, base64 is decoded."""
    if expected is not None:
        assert classify(text) == expected
        return
    with pytest.raises(ImageProblem, match="is not in base64"):
        classify(text)


@pytest.mark.parametrize("name", ["http", "https", "data", "file", "a:b.png", "iVBORw0KGgoAAAA", "A" * 255])
def test_a_file_that_exists_is_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is taken for one, even where its name could be something else."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.write_bytes(PNG)
    label = name if len(name) < 200 else f"{'A' * 100}…{'A' * 100}"
    assert classify(name) == FileSource(path.relative_to(tmp_path), label)
    assert load_image(name, RULES).facts.size == len(PNG)


def test_a_problem_shows_what_it_holds() -> None:
    """The exception's own repr has the label and the problems."""
    problem = ImageProblem("a.png", ("is empty",))
    assert repr(problem) == "ImageProblem('a.png', ('is empty',))"


# --- files and sizes


def test_bytes_of_the_limits_size_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is exclusive: bytes of just its size can't be sent, and are not decoded."""
    monkeypatch.setattr(image_content, "_decode", lambda *_: pytest.fail("was decoded"))
    rules = ImageConstraints(("png",), 300, 300, 0.4, 2.5, len(PNG))
    said = f"is {len(PNG):,} bytes: under {len(PNG):,} bytes is needed"
    assert refusal(PNG, rules) == f"the bytes object {said}"


def test_of_a_file_of_the_limits_size_only_the_beginning_is_read(tmp_path: Path) -> None:
    """Of a file that can't be sent for its size, what stands behind the first 64 KiB is not looked at."""
    path = tmp_path / "a.jpg"
    comment = b"\xff\xfe" + struct.pack(">H", 65_000) + bytes(64_998)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 10, 10, 1) + b"\1\x11\0"
    path.write_bytes(b"\xff\xd8" + comment * 2 + frame)
    size = path.stat().st_size
    rules = ImageConstraints(("jpeg",), 300, 300, 0.4, 2.5, size)
    assert refusal(path, rules) == f"{path} is {size:,} bytes: under {size:,} bytes is needed"


def test_a_file_that_grows_is_read_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more than the limit is read, though the file has grown since its size was asked."""
    path, before = tmp_path / "a.png", tmp_path / "before.png"
    before.write_bytes(PNG)
    path.write_bytes(PNG.ljust(2 * 20_000, b"\0"))
    smaller = before.stat()
    monkeypatch.setattr(os, "fstat", lambda _: smaller)
    rules = ImageConstraints(("png",), 300, 300, 0.4, 2.5, 20_000)
    assert refusal(path, rules) == f"{path} is 20,000 bytes: under 20,000 bytes is needed"


def test_a_system_with_other_ways_to_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is opened as bytes where a system knows texts, and where none could wait for a pipe's writer."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    opened = []

    def spy(name: Path, flags: int) -> int:
        opened.append((name, flags))
        return opening(name, os.O_RDONLY)

    opening = os.open
    monkeypatch.setattr(os, "open", spy)
    monkeypatch.delattr(os, "O_NONBLOCK", raising=False)
    monkeypatch.setattr(os, "O_BINARY", 1 << 20, raising=False)
    assert load_image(path, RULES).label == str(path)
    assert opened == [(path, os.O_RDONLY | 1 << 20)]


# --- paths


@pytest.mark.parametrize(
    ("there", "wanted", "suggested"),
    [
        (["sitter.jpg"], "kitten.png", "sitter.jpg"),
        (["bassoon.gif"], "balloon.png", None),
        (["Photo.JPG", "photos.png"], "photo.jpg", "Photo.JPG"),
        (["photo.png", "photo.jpg"], "photo", "photo.jpg"),
        (["photo.png", "phot0.jpg"], "phota.jpg", "phot0.jpg"),
        ([], "photo.jpg", None),
    ],
)
def test_the_nearest_name(tmp_path: Path, there: list[str], wanted: str, suggested: str | None) -> None:
    """A missing file's nearest neighbour is suggested, if it is near enough."""
    for name in there:
        (tmp_path / name).touch()
    hint = f": did you mean {tmp_path / suggested}?" if suggested else ""
    assert refusal(tmp_path / wanted) == f"{tmp_path / wanted} does not exist{hint}"


def test_a_large_folder_is_looked_at_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many names of a folder are looked at."""
    (tmp_path / "photo.jpg").touch()
    monkeypatch.setattr(paths, "_MAX_NAMES", 0)
    assert refusal(tmp_path / "foto.jpg") == f"{tmp_path / 'foto.jpg'} does not exist"


def test_nothing_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path with ~ is only told in full where there is something."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.png").touch()
    said = "does not exist: ~ is for shells; did you mean"
    assert refusal("~/a.png") == f"~/a.png {said} {tmp_path / 'a.png'}?"
    assert refusal("~/b.png") == "~/b.png does not exist, and neither does the folder ~"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 200, "a" * 200),
        ("a" * 100 + "b" * 101, "a" * 100 + "…" + "b" * 100),
        ("a" * 150 + "b" * 150, "a" * 100 + "…" + "b" * 100),
        ("é\n", r"\xe9\n"),
        ("é", "é"),
    ],
)
def test_a_shown_path(text: str, shown: str) -> None:
    """A path is shown whole up to 200 characters, and in ASCII where it could confuse a terminal."""
    assert paths.shown_path(text) == shown
