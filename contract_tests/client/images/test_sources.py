"""What callers pass as an image: how it is recognised, read, and refused."""

import base64
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from contract_tests.support.examples import examples
from contract_tests.support.pictures import encoded, picture
from kling_elements.images import open_files, sources
from kling_elements.images.constraints import ImageConstraints, ImageInfo
from kling_elements.images.loading import load_image

RULES = ImageConstraints(("jpeg", "png"), 300, 300, 0.4, 2.5, 10_000_000)
LEAN = RULES._replace(max_bytes=20_000)


PNG = encoded(picture())
JPEG = encoded(picture(), "JPEG")
BASE64_TEXT = base64.b64encode(JPEG).decode()


def refusal(source: object, rules: ImageConstraints = RULES) -> str:
    """The one line that tells why an image is refused."""
    with pytest.raises(sources.ImageProblem) as caught:
        load_image(source, rules)
    return str(caught.value)


def test_bytes_and_files_are_encoded(tmp_path: Path) -> None:
    """Bytes of any kind, and a file whatever its name or suffix, come back as base64 of the same bytes."""
    for made in (bytes(PNG), bytearray(PNG), memoryview(PNG)):
        loaded = load_image(made, RULES)
        assert base64.b64decode(loaded.base64) == PNG
        assert loaded.facts == ImageInfo("png", 320, 300, len(PNG))
        assert len(repr(loaded)) < 300  # it doesn't hold the image
    for name in ("a.png", "wrong suffix.jpg", "none", "ünïcødé 猫 🐈.png", "-o", "a;b$(c)'.png"):
        path = tmp_path / name
        path.write_bytes(PNG)
        for source in (path, str(path), sources.classify(path)):
            loaded = load_image(source, RULES)
            assert (loaded.data, loaded.label) == (PNG, str(path))


class Slow(io.BytesIO):
    """A file that gives little at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1000))


def test_open_files_are_read(tmp_path: Path) -> None:
    """An open binary file of any kind is read from where it stands, in as many reads as it takes."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    with path.open("rb") as buffered, path.open("rb", 0) as raw, tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(PNG)
        spooled.seek(0)
        for file in (spooled, buffered, raw, Slow(PNG), io.BytesIO(PNG)):
            assert sources.is_single(file)
            assert load_image(file, RULES).data == PNG
        buffered.seek(0)
        assert sources.classify(buffered) == sources.OpenSource(buffered, f"the open file {path}")


class Reading:
    """A file whose read gives or raises something else."""

    def __init__(self, result: object) -> None:
        self.result = result

    def read(self, _size: int) -> object:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def _later() -> bytes:
    return PNG


def test_files_that_cant_be_read() -> None:
    """An open file that gives no bytes is refused in one sentence that says what to do."""
    (ended := io.BytesIO(PNG)).seek(0, io.SEEK_END)
    (closed := io.BytesIO(PNG)).close()
    files: list[tuple[object, str]] = [
        (io.StringIO("text"), "open it in binary mode"),
        (Reading(_later()), "await file.read()"),
        (Reading(OSError(5, "Input/output error")), "Input/output error"),
        (Reading(KeyError()), "can't be read: KeyError"),
        (closed, "closed file"),
        (ended, "seek(0)"),
        (io.BytesIO(), "is empty: 0 bytes"),
    ]
    for file, words in files:
        text = refusal(file)
        assert text.startswith("the open file ")
        assert words in text


def test_a_profile_of_other_colours_is_not_sent() -> None:
    """A colour profile is kept, unless the image was converted to other colours; transparency is kept."""
    for mode, space, kept in (
        *(("RGB", "RGB ", True), ("RGB", "CMYK", False), ("CMYK", "CMYK", False), ("PA", "RGB ", True)),
        *(("L", "GRAY", True), ("L", "RGB ", False), ("YCbCr", "RGB ", True)),
    ):
        image = picture(noise=False).convert(mode) if mode != "PA" else picture().quantize().convert("PA")
        image.info["icc_profile"] = profile = bytes(16) + space.encode() + bytes(108)
        with Image.open(io.BytesIO(load_image(image, RULES).data)) as sent:
            assert (sent.info.get("icc_profile") == profile) is kept, (mode, space)
            assert ("A" in sent.mode) is (mode == "PA")


def test_images_of_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any 8-bit mode becomes a PNG, upright; a damaged image, a huge one and one without a range do not."""
    for mode in ("RGB", "RGBA", "L", "P", "1", "CMYK", "YCbCr"):
        converted = picture(noise=False).convert(mode)
        assert sources.is_single(converted)
        loaded = load_image(converted, RULES)
        found = (loaded.content_type, loaded.facts.width, loaded.label)
        assert found == ("image/png", 320, "the Pillow image")
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(encoded(picture(400, 300), "JPEG", exif=exif))) as image:
        facts = load_image(image, RULES).facts
    assert (facts.width, facts.height) == (300, 400)
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG[:3000])
    with Image.open(path) as image:
        assert sources.is_single(image)  # which decodes nothing
        assert "can't be encoded as PNG" in refusal(image)
    for mode in ("F", "I", "I;16B"):
        assert f"has the mode '{mode}'" in refusal(Image.new(mode, (320, 300)))
    monkeypatch.setattr(open_files, "MAX_PIXELS", 1000)
    assert "make it smaller" in refusal(picture())


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the limit only the beginning is read, and of a file that has grown never more than the limit."""
    path, before = tmp_path / "a.png", tmp_path / "before.png"
    with path.open("wb") as file:
        file.write(encoded(picture(200, 150)))
        file.truncate(50_000_000_000)  # sparse: it takes no room, and could not be read into memory
    assert refusal(path) == (
        f"{path} is 200x150 px: at least 300x300 is needed; is 50000.0 MB: under 10 MB is needed"
    )
    monkeypatch.setattr(open_files, "MAX_READ", 30_000)
    assert "20,000 bytes" in refusal(Reading(bytes(10_000)), LEAN)
    small = encoded(picture(noise=False))
    before.write_bytes(small)
    path.write_bytes(small.ljust(2 * 20_000, b"\0"))
    smaller = before.stat()
    monkeypatch.setattr(os, "fstat", lambda _: smaller)
    assert refusal(path, LEAN) == f"{path} is 20,000 bytes: under 20,000 bytes is needed"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_only_regular_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a device, a pipe, a loop of links are named as such, though a pipe comes late."""
    (tmp_path / "real.png").write_bytes(PNG)
    for name, target in (("link", "real.png"), ("loop", "loop"), ("lost", "nothing.png")):
        (tmp_path / name).symlink_to(target)
    assert load_image(tmp_path / "link", RULES).label.endswith("link")
    assert "symbolic links" in refusal(tmp_path / "loop")
    assert "is a link to nothing: nothing.png does not exist" in refusal(tmp_path / "lost")
    assert refusal(tmp_path).startswith(f"{tmp_path} is a folder")
    assert "is a device" in refusal(os.devnull)
    path, innocent = tmp_path / "a.png", tmp_path / "b.png"
    innocent.touch()
    assert refusal(innocent) == f"{innocent} is empty: 0 bytes"
    status = innocent.stat()
    os.mkfifo(path)
    assert "is a pipe" in refusal(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda *_: status)
        assert "is a pipe" in refusal(sources.FileSource(path, "it"))


BASE64: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: "\n".join(text[i : i + 76] for i in range(0, len(text), 76)) + "\n",
    lambda text: text.rstrip("="),
    lambda text: text.replace("+", "-").replace("/", "_"),
    lambda text: f"data:image/png;base64,{text}",
    lambda text: f"DATA:image/jpg;name=a.png;BASE64,{quote(text)}",
]


def test_base64_text_is_decoded() -> None:
    """Base64 text, in lines or not, padded or not, bare or in a data URL, becomes clean base64."""
    for number, make in enumerate(BASE64):
        for data in (PNG, JPEG, PNG + b"\0", PNG + b"\0\0"):
            loaded = load_image(make(base64.b64encode(data).decode()), RULES)
            assert (loaded.data, loaded.label) == (data, "the data URL" if number > 3 else "the base64 text")


def test_a_file_that_exists_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is taken for one, even where its name could be something else; a URL is kept to the letter."""
    monkeypatch.chdir(tmp_path)
    for name in ("http", "https", "data", "file", "a:b.png", "iVBORw0KGgoAAAA", "A" * 255):
        Path(name).write_bytes(PNG)
        label = name if len(name) < 200 else f"{'A' * 100}…{'A' * 100}"
        assert sources.classify(name) == sources.FileSource(Path(name), label)
        assert load_image(name, RULES).facts.size == len(PNG)
    for url, label in (
        ("HTTPS://Example.com/a.png", "https://Example.com/a.png"),
        ("https://a.example/?sig=secret", "https://a.example/?…"),
    ):
        found = sources.classify(url)
        assert (found, found.label, "secret" in repr(found)) == (sources.UrlSource(url), label, False)


MISSING = {
    "foto.jpg": "does not exist: did you mean {}/photo.jpg?",
    "a": "does not exist: did you mean {}/a.jpeg?",
    "zebra.png": "does not exist",
    "zebra": "is no URL, no base64, and no file that exists",
    "gone/photo.jpg": "does not exist, and neither does the folder {}/gone",
    "photo.jpg/a.png": "does not exist, and neither does the folder {}/photo.jpg",
}


def test_a_missing_file_suggests_the_nearest(tmp_path: Path) -> None:
    """A path to nothing is reported with the name that was probably meant."""
    for name in ("photo.jpg", "a.jpeg"):
        (tmp_path / name).write_bytes(JPEG)
    for wanted, expected in MISSING.items():
        path = tmp_path / wanted
        assert refusal(path) == refusal(str(path)) == f"{path} {expected.format(tmp_path)}"


def _fail(*_: object) -> None:
    raise RuntimeError("no request,\nno value")  # as a proxy of Flask's does outside of a request


NO_IMAGES: list[tuple[object, str]] = [
    (BASE64_TEXT[:999] + "*" + BASE64_TEXT[1000:], "'*' at character 1,000"),
    (BASE64_TEXT[:1001], "is cut off"),
    (BASE64_TEXT[: len(BASE64_TEXT) // 2 // 4 * 4], "is cut off or damaged"),
    ("data:image/png;base64,", "is empty"),
    (None, "None is no image: an http(s) URL, a path"),
    (5, "type int"),
    ([PNG], "each image by itself"),
    ({"url": "https://example.com"}, "each image by itself"),
    ("example.com/a.png", "; a URL begins with https://"),
    ("S3://bucket/a.png?b", "has the scheme 's3'"),
    ("file:///tmp/a%20b", "give the path, '/tmp/a b'"),
    ("file://[::1/a.png", "is a file URL: give the path"),
    (type("Path", (), {"__fspath__": lambda _: 5})(), "can't be read: expected"),
    (type("Unbound", (), {"__getattr__": _fail})(), "can't be read: no request,\\nno value"),
    (released := memoryview(b"GIF89a"), "can't be read: operation forbidden on released"),
    ("https://example.com/a.png", "is a URL"),
    ("data:,;base64,AAAA", "is not in base64"),
    ("https://me:secret@example.com/a.png", "holds a user name"),
    (b"GIF89a", "is a GIF image: JPEG or PNG is needed"),
    (" \n", "an empty string is no image"),
    ("a\0b.png", "null byte"),
    ("word " * 2000, "a string of 10,000 characters is no image"),
    (type("Array", (), {"__array_interface__": ()})(), "PIL.Image.fromarray"),
    ("\x1b[2Jevil.png", r"\x1b[2Jevil.png does not exist"),
    ("x" * 200 + ".png", "does not exist"),
]
released.release()


def test_anything_else_gets_help() -> None:
    """What is no image at all is refused with what to give instead, in printable words."""
    for value, words in NO_IMAGES:
        text = refusal(value)
        assert words in text
        assert text.isprintable()
        assert sources.is_single(value) or "can't be read" not in text  # or `create` would iterate over it


@examples(60)
@given(st.text(alphabet=st.characters(codec=None)) | st.binary(max_size=30) | st.none() | st.integers())
def test_nothing_but_image_problems(value: object) -> None:
    """Whatever the value is, the only exception is ImageProblem, and its message is printable."""
    with pytest.raises(sources.ImageProblem) as caught:
        load_image(value, RULES)
    str(caught.value).encode()
