"""Find the URLs of a task's result, also where they are not in the documented place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_URL = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_VIDEO_NAMES = ("video_url", "video", "videos")
_DEEPEST = 6  # levels of JSON that are searched


def result_urls(task: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs of a task's result.

    `generated` is documented as a list of URLs. Other models of the service give objects with a `url`, a
    single string, or the video under a name of its own: such a URL is used where it is the only one.

    Args:
        task: The task's JSON object.
    """
    generated = task.get("generated")
    listed = generated if isinstance(generated, list) else []
    found = [url for url in listed if isinstance(url, str) and url] or list(_video_urls(generated))
    return tuple(found or _video_urls({name: task.get(name) for name in _VIDEO_NAMES}))


def _video_urls(value: object, depth: int = 0) -> Iterator[str]:
    """Find the URLs that can only be those of videos."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        if _URL.match(value):
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _video_urls(item, depth + 1)
    elif isinstance(value, dict):
        for name in ("url", *_VIDEO_NAMES):
            if found := list(_video_urls(value.get(name), depth + 1)):
                yield from found
                return
        found = [url for item in value.values() for url in _video_urls(item, depth + 1)]
        if len(found) == 1:
            yield found[0]
