"""The client against the mock over a real socket: what was asked for is what comes out."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

import av
import pytest
from attrs import frozen
from PIL import Image

from contract_tests.support.clients import ASYNC, SYNC, Driver
from contract_tests.support.contract import request_schema
from contract_tests.support.loopback import serving
from kling_elements_mock import MockSettings, Polls, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction
    from pathlib import Path

    from contract_tests.support.loopback import Asked, Loopback
    from kling_elements_mock import ServedMock

Colour = tuple[int, int, int]

PROPERTIES: dict[str, Any] = request_schema()["properties"]
MOST_IMAGES: int = PROPERTIES["images"]["maxItems"]
RULES: dict[str, Any] = PROPERTIES["images"]["items"]["x-image-constraints"]
PALETTE: Sequence[Colour] = (
    *((220, 30, 30), (30, 190, 40), (40, 60, 230), (235, 220, 30)),
    *((210, 40, 210), (30, 200, 210), (245, 245, 245)),
)
SEEDS = range(MOST_IMAGES)
KLING_KEY = "any-key-of-the-tests"


@frozen
class Order:
    """What is asked for.

    Attributes:
        pictures: Colour, width, height and format of each image.
        kinds: How each image is handed over.
        fields: The request's other fields.
        driver: The client.
    """

    pictures: Sequence[tuple[Colour, int, int, str]]
    kinds: Sequence[str]
    fields: dict[str, str]
    driver: Driver


def draw(seed: int) -> Order:
    """An input for each seed: together they have every number of images, every length and every shape."""
    source = random.Random(seed)  # noqa: S311 - a test's input, and the same each time
    count = seed % MOST_IMAGES + 1
    colours = source.sample(PALETTE, count)
    sizes = [size(source) for _ in colours]
    choices = {name: PROPERTIES[name]["enum"] for name in ("duration", "aspect_ratio")}
    fields = {name: values[seed % len(values)] for name, values in choices.items()}
    # Only one long film: each second of it takes a tenth of a second to draw.
    fields["duration"] = choices["duration"][-1] if seed == 0 else choices["duration"][0]
    return Order(
        [
            (colour, *wide_high, source.choice(["PNG", "JPEG"]))
            for colour, wide_high in zip(colours, sizes, strict=True)
        ],
        [source.choice(["bytes", "path", "url"]) for _ in colours],
        fields,
        (SYNC, ASYNC)[seed % 2],
    )


def size(source: random.Random) -> tuple[int, int]:
    """A width and a height that the document allows, in pixels."""
    least: int = RULES["minWidth"]
    ratio = source.uniform(max(RULES["minAspectRatio"], 0.7), min(RULES["maxAspectRatio"], 2.0))
    return (int(least * ratio) + 1, least) if ratio > 1 else (least, int(least / ratio) + 1)


def picture(colour: Colour, width: int, height: int, kind: str) -> bytes:
    """An image of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind, quality=95)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def served() -> Iterator[ServedMock]:
    """A mock whose tasks are done at the second poll."""
    with serve(MockSettings(pace=Polls(2))) as mock:
        yield mock


def hand_over(data: bytes, kind: str, number: int, folder: Path, host: Loopback) -> object:
    """An image as bytes, as a file, or behind an address."""
    if kind == "bytes":
        return data
    if kind == "url":
        return f"{host.url}/{number}"
    path = folder / f"{number}.image"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_asked_for_comes_out(seed: int, served: ServedMock, tmp_path: Path) -> None:
    """The video shows each image in its turn, and has the length and the shape that were asked for."""
    asked = draw(seed)
    pictures = [picture(*drawn) for drawn in asked.pictures]

    def answer(request: Asked) -> tuple[int, dict[str, str], bytes]:
        return 200, {"content-type": "image/png"}, pictures[int(request.path[1:])]

    with serving(answer) as host:
        images = [
            hand_over(data, kind, number, tmp_path, host)
            for number, (data, kind) in enumerate(zip(pictures, asked.kinds, strict=True))
        ]
        statuses: list[str] = []
        client = asked.driver.open(api_key=KLING_KEY, base_url=served.url, poll_interval=0.01)
        task = client.generate(
            images,
            check_images=True,
            local_files="upload" if seed % 3 else "base64",
            on_update=lambda seen: statuses.append(seen.status),
            **asked.fields,
        )
        target = client.download(task, tmp_path / "out.mp4")
    assert (statuses[0], statuses[-1], task.status) == ("CREATED", "COMPLETED", "COMPLETED")
    assert len(task.urls) == 1
    assert task.expires_at is not None
    assert client.get(task.id).urls == task.urls
    assert task.id in [listed.id for listed in client.list()]
    assert not any(KLING_KEY in str(request) for request in served.mock.result_requests)
    seconds, (width, height), shown = watch(target, len(pictures))
    assert seconds == int(asked.fields["duration"])
    wide, high = (int(number) for number in asked.fields["aspect_ratio"].split("_")[-2:])
    assert width * high == height * wide
    assert shown == [colour for colour, *_ in asked.pictures]


def watch(path: Path, count: int) -> tuple[Fraction, tuple[int, int], list[Colour]]:
    """The length in seconds, the frame's size, and the colour in the middle of each image's time."""
    with av.open(str(path)) as container:
        [stream] = container.streams.video
        assert stream.duration is not None
        assert stream.time_base is not None
        frames = list(container.decode(stream))
        moments = [int(len(frames) * (number + 0.4) / count) for number in range(count)]
        middles = [frames[moment].to_image() for moment in moments]  # type: ignore[no-untyped-call]  # PyAV leaves it bare
        codec = stream.codec_context
        assert "mp4" in container.format.name.split(",")
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
