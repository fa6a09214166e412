"""Serve bytes (RFC 9110): whole, one range of them, or 304 if they are known.

Starlette's FileResponse needs a file, and answers several ranges at once, which no store of results does.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from starlette.responses import Response

from kling_elements_mock.http.responses import text_response

if TYPE_CHECKING:
    from collections.abc import Mapping


def serve(data: bytes, fields: Mapping[str, str], media_type: str = "video/mp4") -> Response:
    """Return the response to a GET or HEAD with these header fields for a file."""
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"accept-ranges": "bytes", "etag": etag, "cache-control": "private, max-age=3600"}
    if fields.get("if-none-match") in {etag, "*"}:
        return Response(status_code=304, headers=headers)
    headers["content-type"] = media_type
    wanted = _range(fields.get("range", ""), len(data))
    if wanted is None or fields.get("if-range", etag) != etag:
        return Response(data, headers=headers)
    start, stop = wanted
    if start >= stop:
        response = text_response(416, "Range Not Satisfiable\n")
        response.headers.update({"accept-ranges": "bytes", "content-range": f"bytes */{len(data)}"})
        return response
    return Response(
        data[start:stop], 206, {**headers, "content-range": f"bytes {start}-{stop - 1}/{len(data)}"}
    )


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Return the start and end of a single range; None to ignore it, an empty one if not satisfiable."""
    found = re.fullmatch(r"bytes=\s*(\d{0,15})-(\d{0,15})\s*", text, re.ASCII)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size
    start = int(found[1])
    if found[2] and int(found[2]) < start:
        return None
    return min(start, size), min(int(found[2]) + 1, size) if found[2] else size
