"""Draw the result of a task: length and shape come from its request, or from the document's defaults."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

from PIL import Image

from kling_elements_mock.tasks import video

if TYPE_CHECKING:
    from kling_elements_mock.tasks.store import Task

_DEFAULT_SECONDS: Final = 5
_DEFAULT_SHAPE: Final = (16, 9)
_LONGEST_SECONDS: Final = 60


def draw(task: Task) -> bytes:
    """Return a task's video; it is drawn once."""
    with task.drawing:
        if task.video is None:
            task.video = video.render(_pictures(task), film_of(task))
        return task.video


def film_of(task: Task) -> video.Film:
    """Return the length, shape and caption of a task's video."""
    duration = _choice(task, "duration")
    shape = re.search(r"(\d{1,2})[_:](\d{1,2})\Z", _choice(task, "aspect_ratio"))
    seconds = int(duration) if re.fullmatch(r"\d{1,4}", duration, re.ASCII) else _DEFAULT_SECONDS
    return video.Film(
        seconds=min(max(1, seconds), _LONGEST_SECONDS),
        shape=(max(1, int(shape[1])), max(1, int(shape[2]))) if shape is not None else _DEFAULT_SHAPE,
        caption=f"MOCK {task.id[:8]}",
    )


def _choice(task: Task, name: str) -> str:
    """Return the requested value, the schema's default, or the first of its enum."""
    node = task.life_cycle.create.body_properties.get(name)
    given = node.value if node is not None and isinstance(node.value, dict) else {}
    value = task.body.get(name, given.get("default", (given.get("enum") or [""])[0]))
    return str(value)


def _pictures(task: Task) -> list[Image.Image]:
    drawn = [
        video.placeholder(picture.caption, number)
        if picture.png is None
        else Image.open(io.BytesIO(picture.png)).convert("RGB")
        for number, picture in enumerate(task.pictures)
    ]
    return drawn or [video.placeholder(str(task.body.get("prompt", "")) or "no image", 0)]
