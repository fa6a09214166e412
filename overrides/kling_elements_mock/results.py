"""The route of results: signed addresses that expire, and the MP4 behind them, with ranges (RFC 9110)."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image

from kling_elements_mock import video
from kling_elements_mock.answers import Answer, text_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements_mock.mock import Mock
    from kling_elements_mock.node import Node
    from kling_elements_mock.store import Task
    from kling_elements_mock.wire import Incoming

PREFIX: Final = "/results/"
_DEFAULT_SECONDS: Final = 5
_DEFAULT_SHAPE: Final = (16, 9)
_LONGEST_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs addresses, with a secret that comes from the seed."""

    seed: str

    def path(self, task_id: str, expires: int) -> str:
        """Give the path and query of a task's result, valid until the Unix second `expires`."""
        return f"{PREFIX}kling_{task_id}.mp4?token=exp={expires}~hmac={self._mac(task_id, expires)}"

    def expiry(self, task_id: str, query: str) -> int | None:
        """Give the Unix second until which a query is valid; None if it was not signed here."""
        token = re.fullmatch(r"token=exp=(\d{1,15})~hmac=([0-9a-f]{64})", query, re.ASCII)
        if token is None or not hmac.compare_digest(token[2], self._mac(task_id, int(token[1]))):
            return None
        return int(token[1])

    def _mac(self, task_id: str, expires: int) -> str:
        return hmac.new(
            f"result/{self.seed}".encode(), f"{task_id}~{expires}".encode(), hashlib.sha256
        ).hexdigest()


def task_id_of(path: str) -> str | None:
    """Give the id of the task whose result lies at `path`, if it is such a path."""
    found = re.fullmatch(re.escape(PREFIX) + r"kling_([A-Za-z0-9-]+)\.mp4", path, re.ASCII)
    return None if found is None else found[1]


def find(mock: Mock, incoming: Incoming) -> Task | Answer:
    """Find the task whose result is asked for; 403 for a bad or expired address, 404 for no such task."""
    task_id = task_id_of(incoming.path)
    if task_id is None:
        return text_answer(404, "Not Found\n")
    expires = mock.signer.expiry(task_id, incoming.query)
    if expires is None or mock.clock.time() > expires:
        return text_answer(403, "Forbidden\n")
    return mock.store.find(task_id) or text_answer(404, "Not Found\n")


def draw(task: Task) -> bytes:
    """Draw a task's video, once; later calls give the same bytes."""
    with task.drawing:
        if task.video is None:
            task.video = video.render(_pictures(task), film_of(task))
        return task.video


def film_of(task: Task) -> video.Film:
    """Read length and shape from the task's request, and where it is silent from the document's defaults."""
    content = task.life_cycle.create.body
    media = None if content is None else content.children("content")
    schema = media[0].get("schema") if media else None
    duration = _choice(schema, task.body, "duration")
    shape = re.search(r"(\d{1,2})[_:](\d{1,2})\Z", _choice(schema, task.body, "aspect_ratio"))
    seconds = int(duration) if duration.isascii() and duration.isdigit() else _DEFAULT_SECONDS
    return video.Film(
        seconds=min(max(1, seconds), _LONGEST_SECONDS),
        shape=(max(1, int(shape[1])), max(1, int(shape[2]))) if shape is not None else _DEFAULT_SHAPE,
        caption=f"MOCK {task.id[:8]}",
    )


def _choice(schema: Node | None, body: Mapping[str, object], name: str) -> str:
    """Give the asked value, else the schema's default, else the first of its enum."""
    properties = None if schema is None else schema.get("properties")
    node = None if properties is None else properties.get(name)
    given = node.value if node is not None and isinstance(node.value, dict) else {}
    value = body.get(name, given.get("default", (given.get("enum") or [""])[0]))
    return str(value)


def _pictures(task: Task) -> list[Image.Image]:
    drawn = [
        video.placeholder(picture.caption, number)
        if picture.png is None
        else Image.open(io.BytesIO(picture.png)).convert("RGB")
        for number, picture in enumerate(task.pictures)
    ]
    return drawn or [video.placeholder(str(task.body.get("prompt", "")) or "no image", 0)]


def etag_of(data: bytes) -> str:
    """Give a strong validator of these bytes."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def serve(data: bytes, headers: Mapping[str, str], media_type: str = "video/mp4") -> Answer:
    """Answer a GET or HEAD for these bytes: whole, one range, not modified, or out of range.

    Args:
        data: The whole file.
        headers: The request's, names in small letters.
        media_type: Of the whole file.
    """
    etag = etag_of(data)
    common = (("accept-ranges", "bytes"), ("etag", etag), ("cache-control", "private, max-age=3600"))
    if headers.get("if-none-match") in {etag, "*"}:
        return Answer(304, headers=common)
    wanted = _range(headers.get("range", ""), len(data))
    if wanted is None or headers.get("if-range", etag) != etag:
        return Answer(200, data, media_type, common)
    start, stop = wanted
    if start >= stop:
        return text_answer(416, "Range Not Satisfiable\n").adding(
            *common, ("content-range", f"bytes */{len(data)}")
        )
    return Answer(
        206,
        data[start:stop],
        media_type,
        (*common, ("content-range", f"bytes {start}-{stop - 1}/{len(data)}")),
    )


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Read a `Range` of one piece. None: ignore it. An empty piece: it can't be satisfied."""
    found = re.fullmatch(r"bytes=\s*(\d{0,15})-(\d{0,15})\s*", text, re.ASCII)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size
    start = int(found[1])
    if found[2] and int(found[2]) < start:
        return None
    return min(start, size), min(int(found[2]) + 1, size) if found[2] else size
