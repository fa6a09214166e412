"""Find the URLs of a task's result, also where they are not in the documented place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_URL = re.compile(r"\s*https?://[^/\s]", re.IGNORECASE)
_VIDEO_NAMES = ("video_url", "video", "videos")
_VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm")
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
_DEEPEST = 6  # levels of JSON that are searched


def result_urls(task: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs of a task's result.

    `generated` is documented as a list of URLs. Other models of the service give objects with a `url`, a
    single string, or the video under a name of its own. Elsewhere a URL is used if it is the only one of a
    video. White space around one is no part of it.

    Args:
        task: The task's JSON object.
    """
    generated = task.get("generated")
    if not generated and not _urls(task):
        return ()  # so it is until a task ends
    listed = generated if isinstance(generated, list) else []
    found = [text for url in listed if isinstance(url, str) and (text := url.strip())] or _without_posters(
        _video_urls(generated)
    )
    if not found:
        found = _without_posters(_video_urls({name: task.get(name) for name in _VIDEO_NAMES}))
    if not found:
        named = {url for url in _urls(task) if _path(url).endswith(_VIDEO_SUFFIXES)}
        found = list(named) if len(named) == 1 else []
    return tuple(found)


def _without_posters(urls: Iterable[str]) -> list[str]:
    """Leave out the images beside a video; they stay where there is nothing else."""
    found = list(urls)
    return [url for url in found if not _path(url).endswith(_IMAGE_SUFFIXES)] or found


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.lower()
    except ValueError:
        return ""


def _urls(value: object, depth: int = 0) -> list[str]:
    """Find all URLs."""
    if isinstance(value, str):
        return [value.strip()] if _URL.match(value) else []
    found: list[str] = []
    if isinstance(value, (dict, list)) and depth <= _DEEPEST:
        for item in value.values() if isinstance(value, dict) else value:
            found += _urls(item, depth + 1)
    return found


def _video_urls(value: object, depth: int = 0) -> Iterator[str]:
    """Find the URLs that can only be those of videos."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        if _URL.match(value):
            yield value.strip()
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
