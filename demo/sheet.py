"""The README's picture: the demo's two images beside four frames of its video.

make demo && .cache/venv/bin/python -m demo.sheet
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import av
from PIL import Image

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET: Final = ROOT / "docs" / "demo.png"
_HEIGHT: Final = 240
_GAP: Final = 8
_FRAMES: Final = 4
_BACKGROUND: Final = (255, 255, 255)


def main() -> None:
    """Write the picture."""
    images = [Image.open(ROOT / ".demo" / name).convert("RGB") for name in ("lighthouse.png", "balloon.jpg")]
    pictures = [_reduced(image) for image in [*images, *_frames(ROOT / "demo.mp4")]]
    left, right = pictures[0].width, pictures[-1].width
    sheet = Image.new("RGB", (left + 5 * _GAP + 2 * right + _GAP, 2 * _HEIGHT + _GAP), _BACKGROUND)
    columns = (0, left + 5 * _GAP, left + 6 * _GAP + right)
    places = [(x, y) for x in columns for y in (0, _HEIGHT + _GAP)]
    for picture, place in zip(pictures, places, strict=True):
        sheet.paste(picture, place)
    sheet.quantize(128).save(TARGET, optimize=True)
    print(
        f"{TARGET.relative_to(ROOT)}: {sheet.width} x {sheet.height}, {TARGET.stat().st_size / 1000:.0f} kB"
    )


def _frames(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as video:
        frames = [frame.to_image() for frame in video.decode(video=0)]  # type: ignore[no-untyped-call]
    return [frames[round(step * (len(frames) - 1) / (_FRAMES - 1))] for step in range(_FRAMES)]


def _reduced(image: Image.Image) -> Image.Image:
    return image.resize((image.width * _HEIGHT // image.height, _HEIGHT))


if __name__ == "__main__":
    main()
