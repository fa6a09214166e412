"""The client against the mock over a real socket: what was asked for is what comes out."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from contract_tests.support.clients import ASYNC, SYNC, Driver
from contract_tests.support.contract import request_schema
from contract_tests.support.loopback import serving
from contract_tests.support.pictures import encoded
from kling_elements_mock import MockSettings, Polls, serve

Colour = tuple[int, int, int]

PROPERTIES: dict[str, Any] = request_schema()["properties"]
SHAPES: list[str] = PROPERTIES["aspect_ratio"]["enum"]
SHORT, LONG = PROPERTIES["duration"]["enum"]  # only one long film: a second of it takes a tenth to draw
PALETTE: Sequence[Colour] = ((220, 30, 30), (30, 190, 40), (40, 60, 230), (235, 220, 30))
SIZES = ((320, 320), (700, 320), (300, 560), (420, 300))
FORMATS = ("PNG", "JPEG", "PNG", "JPEG")
KLING_KEY = "any-key-of-the-tests"


def picture(number: int) -> bytes:
    """An image of one colour."""
    return encoded(Image.new("RGB", SIZES[number], PALETTE[number]), FORMATS[number], quality=95)


@pytest.mark.parametrize(
    ("driver", "kinds", "local_files", "duration", "shape"),
    [
        (SYNC, ["bytes"], "base64", LONG, SHAPES[0]),
        (ASYNC, ["path", "url"], "upload", SHORT, SHAPES[1]),
        (SYNC, ["url", "bytes", "path"], "upload", SHORT, SHAPES[2]),
        (ASYNC, ["path", "bytes", "url", "path"], "base64", SHORT, SHAPES[0]),
    ],
)
def test_what_was_asked_for_comes_out(  # noqa: PLR0913, PLR0917 - columns of the table
    driver: Driver, kinds: list[str], local_files: str, duration: str, shape: str, tmp_path: Path
) -> None:
    """The video shows each image in its turn, and has the length and the shape that were asked for."""
    with (
        serve(MockSettings(pace=Polls(2))) as served,
        serving(lambda asked: (200, {"content-type": "image/png"}, picture(int(asked.path[1:])))) as host,
    ):
        images: list[object] = []
        for number, kind in enumerate(kinds):
            file = tmp_path / f"{number}.image"
            file.write_bytes(picture(number))
            images.append({"bytes": file.read_bytes(), "path": file, "url": f"{host.url}/{number}"}[kind])
        statuses: list[str] = []
        client = driver.open(api_key=KLING_KEY, base_url=served.url, poll_interval=0.01)
        task = client.generate(
            images,
            check_images=True,
            local_files=local_files,
            on_update=lambda seen: statuses.append(seen.status),
            duration=duration,
            aspect_ratio=shape,
        )
        target = client.download(task, tmp_path / "out.mp4")
        assert client.get(task.id).urls == task.urls
        assert task.id in [listed.id for listed in client.list()]
    assert (statuses[0], statuses[-1], task.status) == ("CREATED", "COMPLETED", "COMPLETED")
    assert (len(task.urls), task.expires_at is None) == (1, False)
    assert not any(KLING_KEY in str(request) for request in served.mock.result_requests)
    seconds, (width, height), shown = watch(target, len(images))
    assert seconds == int(duration)
    wide, high = (int(number) for number in shape.split("_")[-2:])
    assert width * high == height * wide
    assert shown == list(PALETTE[: len(images)])


def watch(path: Path, count: int) -> tuple[Fraction, tuple[int, int], list[Colour]]:
    """The length in seconds, the frame's size, and the colour in the middle of each image's time."""
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # so that it plays before it is whole
    assert len(data) < 1_000_000
    with av.open(str(path)) as container:
        [stream] = container.streams.video
        assert stream.duration is not None
        assert stream.time_base is not None
        frames = list(container.decode(stream))
        moments = [int(len(frames) * (number + 0.4) / count) for number in range(count)]
        middles = [frames[moment].to_image() for moment in moments]  # type: ignore[no-untyped-call]  # PyAV leaves it bare
        codec = stream.codec_context
        assert "mp4" in container.format.name.split(",")
        assert len(frames) == stream.frames
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        seen = [nearest(image.getpixel((image.width // 2, image.height // 2))) for image in middles]
        return stream.duration * stream.time_base, (codec.width, codec.height), seen


def nearest(pixel: Any) -> Colour:
    """The colour of the palette that a pixel is meant to be; encoding changes it a little."""

    def distance(colour: Colour) -> int:
        return sum((have - want) ** 2 for have, want in zip(pixel, colour, strict=True))

    found = min(PALETTE, key=distance)
    assert distance(found) < 40**2, f"{pixel} is no colour of the palette"
    return found
