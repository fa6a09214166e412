"""Images: the rules, what the bytes say, and what callers may hand over."""

from __future__ import annotations

import base64
import io
import os
import pickle
import struct
import subprocess
import sys
import zlib
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kling_elements.images import (
    ImageConstraints,
    ImageInfo,
    inspect,
    is_private_url,
    problems,
    shown_url,
    url_problems,
)
from kling_elements.images import inspection as image_content
from kling_elements.images.sources import (
    BytesSource,
    FileSource,
    ImageProblem,
    UrlSource,
    classify,
    load_image,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXTENSION: dict[str, object] = {
    "formats": ["jpg", "jpeg", "png"],
    "minWidth": 300,
    "minHeight": 300,
    "minAspectRatio": 0.4,
    "maxAspectRatio": 2.5,
    "maxBytes": 10_000_000,
}
RULES = ImageConstraints.from_document(EXTENSION)
LEAN = attrs.evolve(RULES, max_bytes=20_000)


def picture(width: int = 320, height: int = 300, mode: str = "RGB", *, noise: bool = True) -> Image.Image:
    """A picture whose pixels compress badly, or hardly take any room."""
    if not noise:
        return Image.new(mode, (width, height))
    pixels = Random(7).randbytes(width * height * 3)  # noqa: S311  noise, not a secret
    return Image.frombytes("RGB", (width, height), pixels).convert(mode)


def encoded(image: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    """A picture as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    """EXIF data that holds an orientation."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def with_app1(jpeg: bytes, *payloads: bytes) -> bytes:
    """A JPEG with APP1 segments put before everything else."""
    return jpeg[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in payloads) + jpeg[2:]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def sixteen_bit_png(width: int = 300, height: int = 300) -> bytes:
    """A PNG with 16 bits a channel, which Pillow reads but does not write in colour."""
    rows = b"".join(b"\0" + bytes(width * 6) for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PNG = encoded(picture())
JPEG = encoded(picture(), "JPEG")
PROGRESSIVE = encoded(picture(), "JPEG", progressive=True)


def refusal(source: object, rules: ImageConstraints = RULES) -> str:
    """The one line that tells why an image is refused."""
    with pytest.raises(ImageProblem) as caught:
        load_image(source, rules)
    return str(caught.value)


# --- rules


def test_rules_come_from_the_document() -> None:
    """Every limit is the document's; "jpg" and "jpeg" are one format."""
    assert ImageConstraints(("jpeg", "png"), 300, 300, 0.4, 2.5, 10_000_000) == RULES


@pytest.mark.parametrize("key", list(EXTENSION))
def test_a_missing_rule_is_named(key: str) -> None:
    """A key that the document lacks is a ValueError that names it, not a KeyError."""
    with pytest.raises(ValueError, match=f"lacks {key}:"):
        ImageConstraints.from_document({k: v for k, v in EXTENSION.items() if k != key})


# --- problems


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ImageInfo("png", 300, 300, 9_999_999), []),
        (ImageInfo("png"), []),
        (ImageInfo("jpeg", 1000, 400), []),
        (ImageInfo("jpeg", 400, 1000), []),
        (ImageInfo("png", 200, 150), ["is 200x150 px: at least 300x300 is needed"]),
        (ImageInfo("png", 960, 300), ["has the aspect ratio 3.20:1: 1:2.5 to 2.5:1 is allowed"]),
        (ImageInfo("png", 300, 960), ["has the aspect ratio 1:3.20: 1:2.5 to 2.5:1 is allowed"]),
        (ImageInfo("png", 2501, 1000), ["has the aspect ratio 2.501:1: 1:2.5 to 2.5:1 is allowed"]),
        (ImageInfo("webp"), ["is a WebP image: JPEG or PNG is needed"]),
        (ImageInfo("html", size=99), ["is an HTML page: JPEG or PNG is needed"]),
        (ImageInfo(None, size=9), ["is not an image of a known format: JPEG or PNG is needed"]),
        (ImageInfo("png", 300, 300, 12_300_000), ["is 12.3 MB: under 10 MB is needed"]),
        (ImageInfo("png", 300, 300, 10_000_000), ["is 10,000,000 bytes: under 10,000,000 bytes is needed"]),
        (ImageInfo(None, size=0), ["is empty: 0 bytes"]),
        (
            ImageInfo("png", 100, 10, 20_000_000),
            [
                "is 100x10 px: at least 300x300 is needed",
                "has the aspect ratio 10.00:1: 1:2.5 to 2.5:1 is allowed",
                "is 20.0 MB: under 10 MB is needed",
            ],
        ),
    ],
)
def test_problems_tell_the_numbers(facts: ImageInfo, expected: list[str]) -> None:
    """Each broken limit is one sentence with what is and what is needed; the unknown is no problem."""
    assert problems(facts, RULES) == tuple(expected)


@given(width=st.integers(1, 70_000), height=st.integers(1, 70_000))
def test_turning_an_image_changes_nothing(width: int, height: int) -> None:
    """Under the document's limits an image and the same image turned by a quarter get the same verdict."""
    assert not RULES.orientation_matters
    upright = problems(ImageInfo("png", width, height), RULES)
    turned = problems(ImageInfo("png", height, width, turned=True), RULES)
    assert len(upright) == len(turned)


@given(width=st.integers(1, 70_000), height=st.integers(1, 70_000))
def test_aspect_ratio_is_exact(width: int, height: int) -> None:
    """The aspect ratio is judged as whole numbers would judge it, and never shown as the limit it breaks."""
    facts = ImageInfo("png", width, height)
    refused = [text for text in problems(facts, RULES) if "aspect ratio" in text]
    assert bool(refused) == (not (2 * height <= 5 * width and 2 * width <= 5 * height))
    if refused:
        one, other = refused[0].removeprefix("has the aspect ratio ").split(": ")[0].split(":")
        assert {float(one), float(other)} != {1, 2.5}


# --- inspect


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (PNG, "png"),
        (JPEG, "jpeg"),
        (PROGRESSIVE, "jpeg"),
        (encoded(picture(mode="P")), "png"),
        (encoded(picture(mode="1")), "png"),
        (encoded(picture(mode="LA")), "png"),
        (encoded(picture(mode="I;16", noise=False)), "png"),
        (sixteen_bit_png(320, 300), "png"),
        (encoded(picture(mode="CMYK"), "JPEG"), "jpeg"),
        (encoded(picture(mode="L"), "JPEG"), "jpeg"),
        (encoded(picture(), "JPEG", subsampling=0, quality=98), "jpeg"),
        (encoded(picture(), "MPO", save_all=True, append_images=[picture()]), "jpeg"),
        (encoded(picture(), save_all=True, append_images=[picture(noise=False)]), "png"),
        (JPEG + b"a film that a telephone has appended" * 500, "jpeg"),
        (with_app1(JPEG, *[b"http://ns.adobe.com/xap/1.0/\0" + bytes(65_000)] * 8), "jpeg"),
        (with_app1(JPEG, b"Exif\0\0II*\0"), "jpeg"),
        (with_app1(JPEG, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30), "jpeg"),
    ],
)
def test_good_images_pass(data: bytes, name: str) -> None:
    """Every kind of JPEG and PNG is decoded, with the dimensions that Pillow gives, and no warning."""
    facts = inspect(data, complete=True)
    assert facts == ImageInfo(name, 320, 300, len(data))
    assert problems(facts, RULES) == ()


@pytest.mark.parametrize(
    "data", [PNG, JPEG, PROGRESSIVE, sixteen_bit_png()], ids=["png", "jpeg", "progressive", "16"]
)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9, 0.999])
def test_cut_off_images_are_damaged(data: bytes, part: float) -> None:
    """An image that ends too early is said to be damaged, however little is missing."""
    cut = data[: int(len(data) * part)]
    damage = inspect(cut, complete=True).damage
    assert damage is not None
    assert damage.startswith("is cut off or damaged: its ")


@pytest.mark.parametrize("data", [PNG, JPEG, PROGRESSIVE])
def test_one_missing_byte_is_noticed(data: bytes) -> None:
    """Not even the last byte may be missing."""
    assert inspect(data[:-1], complete=True).damage


def test_a_flipped_byte_in_a_png_is_noticed() -> None:
    """A PNG's checksums are looked at."""
    broken = bytearray(PNG)
    broken[len(PNG) // 2] ^= 1
    assert "checksum" in str(inspect(bytes(broken), complete=True).damage)


def test_a_decompression_bomb_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of more pixels than Pillow's guard is refused by its header, before memory is taken."""
    bomb = sixteen_bit_png(1, 1).replace(
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)),
        chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 40_000, 8, 2, 0, 0, 0)),
    )
    expected = "is 50000x40000 px: over 89 million pixels are not decoded here, make it smaller"
    assert inspect(bomb, complete=True).damage == expected
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "over 0 million" in str(inspect(JPEG, complete=True).damage)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert inspect(JPEG, complete=True).damage is None


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_applied(name: str, orientation: int, order: str) -> None:
    """Width and height are those of the displayed image, from the beginning of a file and from all of it."""
    tags = exif(orientation)
    tags.endian = order
    data = encoded(picture(400, 300), name, exif=tags)
    expected = (300, 400, True) if orientation >= 5 else (400, 300, False)
    for facts in (inspect(data, complete=True), inspect(data[:1200], complete=False)):
        assert (facts.width, facts.height, facts.turned) == expected


@pytest.mark.parametrize(
    ("image", "name", "expected"),
    [
        ("GIF", None, "gif"),
        ("WEBP", None, "webp"),
        ("BMP", None, "bmp"),
        ("TIFF", None, "tiff"),
        ("PDF", None, "pdf"),
        (None, b"\0\0\0\x18ftypheic\0\0\0\0", "heic"),
        (None, b"\0\0\0\x1cftypavif\0\0\0\0", "avif"),
        (None, b"\0\0\0\x20ftypisom\0\0\0\0", "mp4"),
        (None, b"\xef\xbb\xbf \n<!DOCTYPE html><title>Sign in", "html"),
        (None, b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'>", "svg"),
        (None, base64.b64encode(PNG), "base64"),
        (None, base64.b64encode(JPEG), "base64"),
        (None, b"RIFF\0\0\0\0WAVEfmt ", None),
        (None, b"BM is a word", None),
        (None, b"", None),
    ],
)
def test_other_formats_are_named(image: str | None, name: bytes | None, expected: str | None) -> None:
    """What is no JPEG or PNG is named by its first bytes, without being decoded."""
    data = encoded(picture(), image) if image else (name or b"")
    assert inspect(data, complete=True) == ImageInfo(expected, size=len(data))


@pytest.mark.parametrize("data", [PNG, JPEG, PROGRESSIVE, with_app1(JPEG, b"Exif\0\0" + bytes(60_000))])
def test_a_beginning_tells_the_dimensions(data: bytes) -> None:
    """From some length on, the first bytes give the same dimensions as all of them; before it, None."""
    known = [inspect(data[:n], complete=False).width for n in (*range(0, 700, 7), 65_536)]
    assert known[0] is None
    assert known[-1] == 320
    assert known == sorted(known, key=lambda width: width is not None)


def test_a_thumbnail_is_not_taken_for_the_image() -> None:
    """The dimensions of a small JPEG inside EXIF, and tables before the frame header, are passed over."""
    thumbnail = encoded(picture(160, 120), "JPEG")
    start = JPEG.index(b"\xff\xc4")
    tables = JPEG[start : start + 2 + int.from_bytes(JPEG[start + 2 : start + 4], "big")]
    data = with_app1(JPEG[:2] + tables + JPEG[2:], b"Exif\0\0II*\0\x08\0\0\0\0\0" + thumbnail)
    for facts in (inspect(data, complete=True), inspect(data[:-9], complete=False)):
        assert (facts.width, facts.height, facts.damage) == (320, 300, None)


def test_a_huge_exif_hides_the_dimensions() -> None:
    """When the given bytes end inside EXIF, the dimensions are unknown and that is no problem."""
    data = with_app1(JPEG, b"Exif\0\0" + bytes(60_000))
    facts = inspect(data[:8192], complete=False, size=len(data))
    assert facts == ImageInfo("jpeg", None, None, len(data))
    assert problems(facts, RULES) == ()


@given(
    st.binary(max_size=300), st.sampled_from([b"", PNG[:33], JPEG[:180], PROGRESSIVE[:30], b"\xff\xd8\xff"])
)
def test_no_bytes_raise(tail: bytes, head: bytes) -> None:
    """Whatever the bytes are, looking at them gives facts and never an exception."""
    inspect(head + tail, complete=False)
    facts = inspect(head + tail, complete=True)
    assert problems(facts, RULES)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
def test_header_agrees_with_pillow(data: st.DataObject) -> None:
    """The dimensions read from the header are Pillow's, for any size, mode and metadata."""
    size = data.draw(st.tuples(st.integers(1, 900), st.integers(1, 900)))
    name, mode = data.draw(
        st.sampled_from(
            [("PNG", "RGB"), ("PNG", "P"), ("PNG", "1"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L")]
        )
    )
    options: dict[str, Any] = {"exif": exif(data.draw(st.integers(1, 8)))} if data.draw(st.booleans()) else {}
    if name == "JPEG":
        options |= {"progressive": data.draw(st.booleans()), "comment": data.draw(st.binary(max_size=999))}
    raw = encoded(picture(*size, mode=mode, noise=False), name, **options)
    facts = inspect(raw, complete=True)
    width, height = (facts.height, facts.width) if facts.turned else (facts.width, facts.height)
    with Image.open(io.BytesIO(raw)) as image:
        assert (width, height) == image.size
    assert facts.damage is None


def test_importing_costs_no_pillow() -> None:
    """Importing the module, and looking at a beginning, does not import Pillow."""
    code = (
        "import sys; from kling_elements.images import inspect;"
        f"assert inspect({JPEG[:1000]!r}, complete=False).width == 320; assert 'PIL' not in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- load_image


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_bytes_are_encoded(make: Callable[[bytes], object]) -> None:
    """Bytes of any kind come back as base64 of the same bytes."""
    loaded = load_image(make(PNG), RULES)
    assert base64.b64decode(loaded.base64) == PNG
    assert loaded.facts == ImageInfo("png", 320, 300, len(PNG))


@pytest.mark.parametrize(
    "name", ["a.png", "wrong suffix.jpg", "none", "ünïcødé 猫 🐈.png", "-o", "a;b$(c)'.png"]
)
@pytest.mark.parametrize("as_text", [True, False])
def test_files_are_read(tmp_path: Path, name: str, as_text: bool) -> None:  # noqa: FBT001  a parameter of the table
    """A path as string or object is read whatever its name or suffix; the label is the path."""
    path = tmp_path / name
    path.write_bytes(PNG)
    loaded = load_image(str(path) if as_text else path, RULES)
    assert base64.b64decode(loaded.base64) == PNG
    assert loaded.label == str(path)


def test_a_wrong_suffix_deceives_nobody(tmp_path: Path) -> None:
    """A WebP image under a JPEG's name is refused as the WebP image it is."""
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(picture(), "WEBP"))
    assert refusal(path) == f"{path} is a WebP image: JPEG or PNG is needed"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """Zero bytes are called empty, and nothing else."""
    path = tmp_path / "a.png"
    path.touch()
    assert refusal(path) == f"{path} is empty: 0 bytes"
    assert refusal(b"") == "the bytes object is empty: 0 bytes"


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    """Of a file over the limit only the beginning is read, yet all that is wrong with it is told."""
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.write(encoded(picture(200, 150)))
        file.truncate(50_000_000_000)  # sparse: it takes no room, and could not be read into memory
    assert refusal(path) == (
        f"{path} is 200x150 px: at least 300x300 is needed; is 50000.0 MB: under 10 MB is needed"
    )


def test_the_size_limit_is_exclusive(tmp_path: Path) -> None:
    """A file one byte under the limit passes; one of the limit's size does not."""
    path = tmp_path / "a.jpg"
    small = encoded(picture(noise=False), "JPEG")
    path.write_bytes(small.ljust(LEAN.max_bytes - 1, b"\0"))
    assert load_image(path, LEAN).facts.size == LEAN.max_bytes - 1
    path.write_bytes(small.ljust(LEAN.max_bytes, b"\0"))
    assert "under 20,000 bytes" in refusal(path, LEAN)


def test_large_bytes_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes over the limit are refused without being decoded."""
    monkeypatch.setattr(image_content, "_decode", lambda *_: pytest.fail("was decoded"))
    assert "under 0.02 MB" in refusal(PNG, LEAN)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_never_blocks(tmp_path: Path) -> None:
    """A named pipe without a writer is refused at once."""
    path = tmp_path / "a.png"
    os.mkfifo(path)
    assert "is a pipe" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_a_files_place_never_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that takes a file's place between looking and opening is refused as well."""
    path, innocent = tmp_path / "a.png", tmp_path / "b.png"
    innocent.touch()
    status = innocent.stat()
    os.mkfifo(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda *_: status)
        assert "is a pipe" in refusal(FileSource(path, "it"))


def test_devices_and_folders_are_refused(tmp_path: Path) -> None:
    """A folder and a device are named as such."""
    assert refusal(tmp_path) == f"{tmp_path} is a folder: name the image in it"
    assert "is a device" in refusal(os.devnull)


def test_links(tmp_path: Path) -> None:
    """A link is followed; a loop of links, and a link to nothing, are told."""
    (tmp_path / "real.png").write_bytes(PNG)
    (tmp_path / "link.png").symlink_to("real.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "lost.png").symlink_to("nothing.png")
    assert load_image(tmp_path / "link.png", RULES).label.endswith("link.png")
    assert "symbolic links" in refusal(tmp_path / "loop.png")
    assert "is a link to nothing: nothing.png does not exist" in refusal(tmp_path / "lost.png")


def test_an_unreadable_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal of the operating system is passed on in its words."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert refusal(path) == f"{path} can't be read: Permission denied"


def test_a_url_is_not_loaded() -> None:
    """A URL is for the vendor to fetch; asking to load one is an error, not a request."""
    assert "is a URL" in refusal("https://example.com/a.png")


# --- classify


@pytest.mark.parametrize(
    "url", ["https://example.com/a.jpg", "HTTP://[2001:db8::1]:8080/x?y=z~w", "http://a"]
)
def test_urls(url: str) -> None:
    """An http or https URL is kept to the letter."""
    source = classify(url)
    assert isinstance(source, UrlSource)
    assert source.url == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://", "names no host"),
        ("https:/example.com/a.png", "names no host"),
        ("http:a.png", "names no host"),
        ("https://[::1/a.png", "is not a URL"),
        ("https://example.com:port/a.png", "has a port"),
        ("https://example.com:99999/a.png", "has a port"),
        ("https://me:secret@example.com/a.png", "holds a user name"),
        ("https://example.com/a b.png", "has a space at position 22: write it as %20"),
        (" https://example.com/a.png", "has a space at position 1: remove it"),
        ("https://example.com/a.png\n", r"has the character '\n' at position 26: remove it"),
        ("https://example.com/a\x00.png", r"has the character '\x00'"),
        ("https://example.com/" + "a" * 9000, "is 9,020 characters long"),
        ("ftp://example.com/a.png", "has the scheme 'ftp'"),
        ("s3://bucket/a.png", "has the scheme 's3'"),
    ],
)
def test_urls_of_bad_form(url: str, words: str) -> None:
    """A URL that could not be fetched is refused with the place of the fault, and never shows a password."""
    with pytest.raises(ImageProblem) as caught:
        classify(url)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_url_suggests_the_path() -> None:
    """A file URL is refused with the path that it stands for."""
    assert (
        refusal("file:///tmp/a%20b.png")
        == "file:///tmp/a%20b.png is a file URL: give the path, '/tmp/a b.png'"
    )


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://localhost:8000/a.png", True),
        ("http://LOCALHOST./a.png", True),
        ("http://127.0.0.1/a.png", True),
        ("http://127.1/a.png", True),
        ("http://2130706433/a.png", True),
        ("http://0x7f.1/a.png", True),
        ("http://[::1]/a.png", True),
        ("http://[::ffff:10.0.0.1]/a.png", True),
        ("http://10.1.2.3/a.png", True),
        ("http://192.168.1.1/a.png", True),
        ("http://169.254.169.254/a.png", True),
        ("http://100.64.0.1/a.png", True),
        ("http://224.0.0.1/a.png", True),
        ("http://nas/a.png", True),
        ("http://nas.local/a.png", True),
        ("https://example.com/a.png", False),
        ("https://local.example.com/a.png", False),
        ("https://mylocal/a.png", True),
        ("https://thelocal.com/a.png", False),
        ("https://8.8.8.8/a.png", False),
        ("https://[2606:4700::1111]/a.png", False),
        ("https://[::ffff:8.8.8.8]/a.png", False),
        ("https://[broken", False),
        ("not a URL", False),
    ],
)
def test_private_urls(url: str, private: bool) -> None:  # noqa: FBT001  a parameter of the table
    """A URL that only this network could fetch is known by its host, without resolving it."""
    assert is_private_url(url) is private


@given(st.text() | st.text().map(lambda tail: "https://" + tail))
def test_no_url_raises(url: str) -> None:
    """Whatever the text is, looking at a URL raises nothing, and what is shown can be printed."""
    url_problems(url)
    is_private_url(url)
    shown_url(url).encode()


def test_secrets_in_a_url_are_not_shown() -> None:
    """The label and repr of a URL hold neither its query nor a password."""
    source = classify("https://example.com/a.png?X-Amz-Signature=secret")
    assert "secret" not in repr(source)
    assert source.label == "https://example.com/a.png?…"


@pytest.mark.parametrize(
    ("make", "label"),
    [
        (lambda text: text, "the base64 text"),
        (lambda text: "\n".join(text[i : i + 76] for i in range(0, len(text), 76)) + "\n", "the base64 text"),
        (lambda text: text.rstrip("="), "the base64 text"),
        (lambda text: text.replace("+", "-").replace("/", "_"), "the base64 text"),
        (lambda text: f"data:image/png;base64,{text}", "the data URL"),
        (lambda text: f"DATA:image/jpg;name=a.png;BASE64,{quote(text)}", "the data URL"),
    ],
)
@pytest.mark.parametrize("data", [PNG, JPEG, PNG + b"\0", PNG + b"\0\0"], ids=["png", "jpeg", "png1", "png2"])
def test_base64_text_is_decoded(make: Callable[[str], str], label: str, data: bytes) -> None:
    """Base64 text, in lines or not, padded or not, bare or in a data URL, becomes clean base64."""
    loaded = load_image(make(base64.b64encode(data).decode()), RULES)
    assert loaded.base64 == base64.b64encode(data).decode()
    assert loaded.label == label


def test_faults_in_base64_are_placed() -> None:
    """A wrong character is told with its place; text that was cut off, or holds no fit image, is told."""
    text = base64.b64encode(JPEG).decode()
    assert (
        refusal(text[:999] + "*" + text[1000:])
        == "the base64 text is not valid base64: '*' at character 1,000"
    )
    assert "is cut off" in refusal(text[:1001])
    assert "is cut off or damaged" in refusal(text[: len(text) // 2 // 4 * 4])
    assert "is a GIF image" in refusal(base64.b64encode(encoded(picture(), "GIF")).decode())
    assert "is not in base64" in refusal("data:image/svg+xml,<svg/>")
    assert "is empty" in refusal("data:image/png;base64,")


@given(st.binary(min_size=200, max_size=400), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""]))
def test_base64_round_trips(tail: bytes, head: bytes) -> None:
    """Any bytes given as base64 text are recognised as such and come back unchanged."""
    assert classify(base64.b64encode(head + tail).decode()) == BytesSource(head + tail, "the base64 text")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("foto.jpg", "does not exist: did you mean {}/photo.jpg?"),
        ("PHOTO.JPG", "does not exist: did you mean {}/photo.jpg?"),
        ("photo.jpeg", "does not exist: did you mean {}/photo.jpg?"),
        ("photo", "does not exist: did you mean {}/photo.jpg?"),
        ("a", "does not exist: did you mean {}/a.jpeg?"),
        ("zebra.png", "does not exist"),
        ("zebra", "is no URL, no base64, and no file that exists"),
        ("gone/photo.jpg", "does not exist, and neither does the folder {}/gone"),
        ("photo.jpg/a.png", "does not exist, and neither does the folder {}/photo.jpg"),
    ],
)
def test_a_missing_file_suggests_the_nearest(tmp_path: Path, wanted: str, expected: str) -> None:
    """A path to nothing is told with the name that was probably meant."""
    (tmp_path / "photo.jpg").write_bytes(JPEG)
    (tmp_path / "a.jpeg").write_bytes(JPEG)
    path = tmp_path / wanted
    for source in (path, str(path)):
        with pytest.raises(ImageProblem) as caught:
            classify(source)
        assert str(caught.value) == f"{path} {expected.format(tmp_path)}"


def test_a_forgotten_scheme_is_guessed() -> None:
    """A URL without its scheme is taken for a missing path, and told how URLs begin."""
    assert refusal("example.com/a.png").endswith("; a URL begins with https://")


def test_the_home_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path with ~ that only a shell would understand is told in full."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.png").write_bytes(PNG)
    assert f"did you mean {tmp_path / 'a.png'}?" in refusal("~/a.png")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None is no image: an http(s) URL, a path, bytes or base64 text is needed"),
        (5, "type int"),
        ([PNG], "each image by itself"),
        ({"url": "https://example.com"}, "each image by itself"),
        (picture(noise=False), "save it into an io.BytesIO() as PNG"),
        (io.BytesIO(PNG), "give its getvalue()"),
        (io.BufferedReader(io.BytesIO(PNG)), "give its read()"),
        ("", "an empty string is no image"),
        (" \n", "an empty string is no image"),
        ("a\0b.png", "null byte"),
        ("word " * 2000, "a string of 10,000 characters is no image"),
        ("\x1b[2Jevil.png", r"\x1b[2Jevil.png does not exist"),
        ("half \ud800.png", r"\ud800.png"),
        ("x" * 200 + ".png", "does not exist"),
        ("a.b/" * 100 + ".png", "does not exist"),
    ],
)
def test_anything_else_gets_help(value: object, words: str) -> None:
    """What is no image at all is refused with what to give instead, in printable words."""
    text = refusal(value)
    assert words in text
    assert text.isprintable()


@settings(deadline=None)
@given(
    st.text(alphabet=st.characters(codec=None))
    | st.binary(max_size=30)
    | st.none()
    | st.integers()
    | st.floats()
)
def test_nothing_but_image_problems(value: object) -> None:
    """Whatever the value is, the only exception is ImageProblem, and its message is printable."""
    with pytest.raises(ImageProblem) as caught:
        load_image(value, RULES)
    str(caught.value).encode()


def test_a_source_is_classified_once(tmp_path: Path) -> None:
    """What `classify` returned is taken as it is."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    source = classify(path)
    assert source == FileSource(path, str(path))
    assert classify(source) is source
    assert load_image(source, RULES).label == str(path)


def test_an_image_problem_can_be_pickled() -> None:
    """The exception survives a process boundary, with what it holds."""
    copy = pickle.loads(pickle.dumps(ImageProblem("a.png", ("is empty", "is lost"))))  # noqa: S301  our own bytes
    assert (copy.label, copy.problems, str(copy)) == (
        "a.png",
        ("is empty", "is lost"),
        "a.png is empty; is lost",
    )


def test_reprs_are_short() -> None:
    """No repr holds the image itself."""
    assert len(repr(load_image(PNG, RULES))) < 300
    assert len(repr(classify(PNG))) < 300
