"""Encode a short film of the pictures that were sent: pictures in, MP4 bytes out."""

from __future__ import annotations

import math
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from attrs import frozen
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FRAMES_PER_SECOND = 16
# A film of 10 s stays below 1 MB even when its pictures are noise: 10 s at 600 kbit/s are 750 kB.
_BITS_PER_SECOND = 600_000
_PIXELS = 640 * 360
_ZOOM = 0.08
_FADE_SECONDS = 0.5
_HALF_LINE = 28
_MARGIN = 1.08


@frozen
class Film:
    """What to draw: whole seconds, width to height in whole numbers, and a text for the lower left corner."""

    seconds: int
    shape: tuple[int, int]
    caption: str


def frame_size(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the frame's width and height in pixels: even, exactly in shape, about 640x360 in area."""
    divisor = math.gcd(*shape)
    wide, high = shape[0] // divisor, shape[1] // divisor
    unit = max(1, round(math.sqrt(_PIXELS / (4 * wide * high))))
    return 2 * wide * unit, 2 * high * unit


def render(pictures: Sequence[Image.Image], film: Film) -> bytes:
    """Encode an H.264 MP4 (yuv420p, its index in front) that shows each picture for an equal time.

    The same input and encoder give the same bytes. There must be one RGB picture or more, of any size.
    """
    size = frame_size(film.shape)
    scenes = [_scene(picture, size) for picture in pictures]
    # The muxer moves the index to the front in a second pass over a real file: it can't do that in memory.
    with tempfile.TemporaryDirectory(prefix="kling-elements-mock-") as folder:
        path = Path(folder) / "film.mp4"
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        with av.open(str(path), "w", format="mp4", options=options) as container:
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.time_base = Fraction(1, FRAMES_PER_SECOND)
            stream.codec_context.thread_count = 1  # with more, the same input gives other bytes
            stream.options = {
                "preset": "veryfast",
                "crf": "24",
                "maxrate": str(_BITS_PER_SECOND),
                "bufsize": str(_BITS_PER_SECOND // 2),
                "bf": "0",  # without reordered frames the film begins at 0 and lasts exactly as asked
                "g": str(FRAMES_PER_SECOND * 2),
            }
            for number, image in enumerate(_frames(scenes, film, size)):
                frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # PyAV leaves it bare
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path.read_bytes()


def _scene(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Put the whole picture on a blurred, darkened copy of itself, a little larger than the frame."""
    width, height = round(size[0] * _MARGIN), round(size[1] * _MARGIN)
    small = ImageOps.fit(picture, (width // 8, height // 8)).filter(ImageFilter.GaussianBlur(4))
    scene = small.point(lambda value: value * 0.6).resize((width, height), Image.Resampling.BICUBIC)
    fit = min(width / picture.width, height / picture.height)
    whole = picture.resize(
        (max(1, round(picture.width * fit)), max(1, round(picture.height * fit))), Image.Resampling.BICUBIC
    )
    scene.paste(whole, ((width - whole.width) // 2, (height - whole.height) // 2))
    return scene


def _frames(scenes: Sequence[Image.Image], film: Film, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Draw the frames in order, each while the caller encodes the one before: that halves the time."""
    label = _label(film.caption, size)
    total = film.seconds * FRAMES_PER_SECOND
    with ThreadPoolExecutor(1, thread_name_prefix="kling-elements-mock-frames") as pool:
        following = pool.submit(_frame, scenes, 0, total, size, label)
        for number in range(1, total):
            frame = following.result()
            following = pool.submit(_frame, scenes, number, total, size, label)
            yield frame
        yield following.result()


def _frame(
    scenes: Sequence[Image.Image], number: int, total: int, size: tuple[int, int], label: Image.Image
) -> Image.Image:
    share = total / len(scenes)
    fade = min(_FADE_SECONDS * FRAMES_PER_SECOND, share / 3)
    index = min(int(number / share), len(scenes) - 1)
    remaining = share - (number - index * share)
    frame = _view(scenes[index], 1 - remaining / share, size, inward=index % 2 == 0)
    if remaining < fade and index + 1 < len(scenes):
        following = _view(scenes[index + 1], 0.0, size, inward=(index + 1) % 2 == 0)
        frame = Image.blend(frame, following, 1 - remaining / fade)
    frame.paste(label, (size[0] // 40, size[1] - label.height - size[0] // 40), label)
    return frame


def _view(scene: Image.Image, progress: float, size: tuple[int, int], *, inward: bool) -> Image.Image:
    """Crop the scene by a window that slowly narrows (inward) or widens."""
    narrowing = _ZOOM * (progress if inward else 1 - progress)
    width, height = scene.width * (1 - narrowing), scene.height * (1 - narrowing)
    left, top = (scene.width - width) / 2, (scene.height - height) / 2
    return scene.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))


def _label(text: str, size: tuple[int, int]) -> Image.Image:
    font = ImageFont.load_default(max(12, min(size) // 22))
    left, top, right, bottom = font.getbbox(text)
    pad = 6
    box = (math.ceil(right - left) + 2 * pad, math.ceil(bottom - top) + 2 * pad)
    label = Image.new("RGBA", box, (0, 0, 0, 150))
    ImageDraw.Draw(label).text((pad - left, pad - top), text, font=font, fill=(255, 255, 255, 255))
    return label


def placeholder(text: str, number: int) -> Image.Image:
    """Draw a stand-in for the picture `number` (from 0) that was not fetched."""
    hues = (210, 25, 130, 290)
    hue = round(hues[number % len(hues)] * 255 / 360)
    picture = Image.new("HSV", (960, 540), (hue, 110, 150)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for step in range(-540, 960, 120):
        draw.line([(step, 540), (step + 540, 0)], fill=(255, 255, 255), width=1)
    large, small = ImageFont.load_default(88), ImageFont.load_default(30)
    draw.text((480, 230), f"image {number + 1}", font=large, fill="white", anchor="mm")
    shown = text if len(text) <= 2 * _HALF_LINE else f"{text[:_HALF_LINE]}…{text[-_HALF_LINE:]}"
    draw.text((480, 330), shown, font=small, fill="white", anchor="mm")
    return picture
