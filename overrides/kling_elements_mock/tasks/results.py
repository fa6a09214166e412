"""Results: draw the video of a task, as long and in the shape that it asks for, and sign its URL."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from typing import TYPE_CHECKING, Final

from attrs import frozen
from PIL import Image

from kling_elements_mock.tasks import video

if TYPE_CHECKING:
    from kling_elements_mock.tasks.store import Task

PREFIX: Final = "/results/"
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


# --- URLs, each valid until a moment that stands in it


def mac(secret: str, text: str) -> str:
    """Return the HMAC-SHA256 of a text in hexadecimal."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@frozen
class Signer:
    """Signs the paths of results with a secret that is derived from the seed."""

    seed: str

    def path(self, task_id: str, expires: int) -> str:
        """Return the path and query of a task's result, valid until the Unix second `expires`."""
        return f"{PREFIX}kling_{task_id}.mp4?token=exp={expires}~hmac={self._mac(task_id, expires)}"

    def expiry(self, task_id: str, query: str) -> int | None:
        """Return the Unix second until which a query is valid; None if it was not signed here."""
        token = re.fullmatch(r"token=exp=(\d{1,15})~hmac=([0-9a-f]{64})", query, re.ASCII)
        if token is None or not hmac.compare_digest(token[2], self._mac(task_id, int(token[1]))):
            return None
        return int(token[1])

    def _mac(self, task_id: str, expires: int) -> str:
        return mac(f"result/{self.seed}", f"{task_id}~{expires}")


def task_id_of(path: str) -> str | None:
    """Return the id of the task whose result has this path."""
    found = re.fullmatch(re.escape(PREFIX) + r"kling_([A-Za-z0-9-]+)\.mp4", path, re.ASCII)
    return None if found is None else found[1]
