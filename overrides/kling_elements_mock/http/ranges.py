"""Serves bytes as HTTP has it (RFC 9110): whole, one range of them, or not again if they are known."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from kling_elements_mock.http.responses import Answer, text_answer

if TYPE_CHECKING:
    from collections.abc import Mapping


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
