"""Two pictures that the demo sends: drawn here, so that the repository holds nobody's photographs.

python -m demo.pictures      draws those of examples/ again
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFilter

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

WIDTH, HEIGHT = 960, 720
_SCALE = 2  # everything is drawn larger and then reduced, which smooths the edges


def draw_pictures(folder: Path) -> tuple[Path, Path]:
    """Draw both pictures.

    Args:
        folder: Where to write them; made if it is missing.

    Returns:
        The lighthouse (a PNG) and the balloon (a JPEG).
    """
    folder.mkdir(parents=True, exist_ok=True)
    lighthouse, balloon = folder / "lighthouse.png", folder / "balloon.jpg"
    draw_lighthouse().save(lighthouse)
    draw_balloon().save(balloon, quality=92)
    return lighthouse, balloon


def draw_lighthouse() -> Image.Image:
    """A lighthouse at dusk, its beam on."""
    sky = _gradient((22, 30, 74), (244, 146, 92))
    canvas = ImageDraw.Draw(sky)
    for number in range(70):  # stars, scattered without chance so that each run draws the same
        x, y = (number * 389) % WIDTH, (number * number * 53) % 300
        _ellipse(canvas, (x, y), 0.8 + number % 3 * 0.5, (255, 250, 225))
    _ellipse(canvas, (705, 540), 62, (255, 214, 140))
    _add_beam(sky)
    canvas = ImageDraw.Draw(sky)
    _polygon(canvas, [(0, 540), (WIDTH, 540), (WIDTH, HEIGHT), (0, HEIGHT)], (28, 52, 98))
    for row in range(9):
        y = 552 + row * 18
        for step in range(7):
            x = (step * 163 + row * 71) % WIDTH
            _polygon(canvas, [(x, y), (x + 70, y), (x + 54, y + 3), (x + 12, y + 3)], (236, 150, 104))
    _polygon(canvas, [(0, HEIGHT), (0, 610), (110, 560), (330, 548), (450, 606), (560, HEIGHT)], (26, 28, 44))
    _add_tower(canvas)
    return _reduced(sky)


def draw_balloon() -> Image.Image:
    """A striped hot-air balloon over hills at noon."""
    sky = _gradient((72, 160, 232), (214, 240, 252))
    canvas = ImageDraw.Draw(sky)
    _ellipse(canvas, (140, 130), 58, (255, 232, 130))
    for x, y, size in ((300, 130, 1.0), (760, 90, 1.3), (820, 330, 0.8), (110, 360, 0.9)):
        for dx, dy, radius in ((-46, 6, 26), (-14, -10, 36), (24, -4, 32), (56, 8, 22)):
            _ellipse(canvas, (x + dx * size, y + dy * size), radius * size, (255, 255, 255))
    for base, height, length, colour in (
        (560, 46, 420, (126, 186, 130)),
        (610, 38, 300, (88, 162, 92)),
        (660, 26, 520, (54, 128, 70)),
    ):
        crest = [(x, base - height * math.sin(x / length * math.tau)) for x in range(0, WIDTH + 20, 20)]
        _polygon(canvas, [(0, HEIGHT), *crest, (WIDTH, HEIGHT)], colour)
    _add_envelope(canvas, (480.0, 270.0))
    return _reduced(sky)


def _add_beam(sky: Image.Image) -> None:
    beam = Image.new("L", sky.size, 0)
    ImageDraw.Draw(beam).polygon(_scaled([(270, 205), (WIDTH, 60), (WIDTH, 300), (270, 219)]), fill=150)
    beam = beam.filter(ImageFilter.GaussianBlur(10 * _SCALE))
    sky.paste((255, 244, 190), mask=beam)


def _add_tower(canvas: ImageDraw.ImageDraw) -> None:
    top, bottom, bands = 236.0, 566.0, 6
    for band in range(bands):
        upper, lower = (top + (bottom - top) * (band + step) / bands for step in (0, 1))
        left, right = (30 + 26 * (y - top) / (bottom - top) for y in (upper, lower))
        shape = [(270 - left, upper), (270 + left, upper), (270 + right, lower), (270 - right, lower)]
        _polygon(canvas, shape, (208, 52, 52) if band % 2 == 0 else (246, 240, 230))
        shade = [(270 + left * 0.45, upper), shape[1], shape[2], (270 + right * 0.45, lower)]
        _polygon(canvas, shade, (158, 34, 42) if band % 2 == 0 else (206, 196, 190))
    _polygon(canvas, [(226, 226), (314, 226), (314, 238), (226, 238)], (34, 34, 48))
    _polygon(canvas, [(246, 186), (294, 186), (294, 226), (246, 226)], (255, 226, 120))
    for x in (246, 262, 278, 294):
        _polygon(canvas, [(x - 1.5, 186), (x + 1.5, 186), (x + 1.5, 226), (x - 1.5, 226)], (34, 34, 48))
    _polygon(canvas, [(236, 188), (304, 188), (270, 150)], (158, 34, 42))
    _polygon(canvas, [(256, 566), (284, 566), (284, 516), (256, 516)], (62, 42, 40))


def _add_envelope(canvas: ImageDraw.ImageDraw, centre: Point) -> None:
    x, y = centre
    colours = ((222, 60, 66), (250, 196, 60), (240, 120, 50), (250, 196, 60))
    gores = 7
    for gore in range(gores):
        # The seams of a balloon, seen from the side, are meridians: their distances follow the sine.
        edges = [math.sin((gore + step) / gores * math.pi - math.pi / 2) for step in (0, 1)]
        left, right = ([_meridian(x, y, edge, step / 30) for step in range(31)] for edge in edges)
        _polygon(canvas, [*left, *reversed(right)], colours[min(gore, gores - 1 - gore)])
    for edge in (-0.7, -0.25, 0.25, 0.7):
        start, end = _meridian(x, y, edge, 1.0), (x + 26 * edge, y + 268)
        canvas.line(_scaled([start, end]), fill=(92, 70, 50), width=2 * _SCALE)
    _polygon(
        canvas, [(x - 30, y + 262), (x + 30, y + 262), (x + 24, y + 308), (x - 24, y + 308)], (150, 98, 52)
    )
    _polygon(
        canvas, [(x - 32, y + 258), (x + 32, y + 258), (x + 32, y + 268), (x - 32, y + 268)], (104, 66, 38)
    )


def _meridian(x: float, y: float, edge: float, along: float) -> Point:
    """A point of the envelope: `edge` from -1 (left) to 1 (right), `along` from 0 (top) to 1 (mouth)."""
    radius, height = 178.0, 400.0
    angle = along * math.pi
    width = radius * math.sin(angle) ** 0.8 * (1 - 0.18 * along) if along < 1 else 0.0
    return x + edge * max(width, 30.0 * along), y - 190.0 + height * (1 - math.cos(angle * 0.94)) / 2


def _gradient(upper: Colour, lower: Colour) -> Image.Image:
    column = Image.new("RGB", (1, HEIGHT))
    for y in range(HEIGHT):
        share = y / HEIGHT
        column.putpixel((0, y), tuple(round(a + (b - a) * share) for a, b in zip(upper, lower, strict=True)))
    return column.resize((WIDTH * _SCALE, HEIGHT * _SCALE))


def _scaled(points: list[Point]) -> list[Point]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]


def _polygon(canvas: ImageDraw.ImageDraw, points: list[Point], colour: Colour) -> None:
    canvas.polygon(_scaled(points), fill=colour)


def _ellipse(canvas: ImageDraw.ImageDraw, centre: Point, radius: float, colour: Colour) -> None:
    x, y = centre
    canvas.ellipse(_scaled([(x - radius, y - radius), (x + radius, y + radius)]), fill=colour)


def _reduced(picture: Image.Image) -> Image.Image:
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw_pictures(Path(__file__).resolve().parents[1] / "examples")
