"""Serve results and uploads. No key is asked for: their URLs are signed."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.responses import Response

from kling_elements_mock.http.responses import Refused, text_response
from kling_elements_mock.tasks import results, uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements_mock.http.requests import MockRequest
    from kling_elements_mock.mock import Mock


async def result(mock: Mock, request: MockRequest) -> Response:
    """Return a task's video; 403 for a URL that is not signed or is expired, 404 for no such task."""
    _require_method(request, "GET", "HEAD")
    task_id = results.task_id_of(request.sent_path)
    if task_id is None:
        return text_response(404, "Not Found\n")
    expires = mock.signer.expiry(task_id, request.query)
    if expires is None or mock.clock.time() > expires:
        return text_response(403, "Forbidden\n")
    task = mock.store.find(task_id)
    if task is None:
        return text_response(404, "Not Found\n")
    video = task.video
    if video is None:
        video = await anyio.to_thread.run_sync(results.draw, task)
    return _served(video, request.fields)


async def upload(mock: Mock, request: MockRequest) -> Response:
    """Take a file, or return one.

    A file is put with the headers that were given, as to a store with signed URLs. A key is refused, which no
    store does, so that a client that sends one is noticed.
    """
    putting = request.sent_path.startswith(uploads.PUT_PREFIX)
    _require_method(request, *(("PUT",) if putting else ("GET", "HEAD")))
    file = mock.uploads.find(request.sent_path, request.query)
    if file is None:
        return text_response(403, "Forbidden\n")
    if putting:
        return _put(mock, request, file)
    if file.data is None:
        return text_response(404, "Not Found\n")
    return _served(file.data, request.fields, file.content_type or "application/octet-stream")


def _put(mock: Mock, request: MockRequest, file: uploads.Upload) -> Response:
    if any(place.part == "header" and place.name in request.fields for place in mock.document.key_places):
        return text_response(403, "an API key was sent to the store: it belongs to the service alone\n")
    if request.fields.get("content-type", "") != file.content_type:
        return text_response(403, "SignatureDoesNotMatch: the headers are not those that were signed\n")
    if request.content is None:
        return text_response(400, "EntityTooLarge\n")
    file.data = request.content
    return Response()


def _require_method(request: MockRequest, *methods: str) -> None:
    if request.method not in methods:
        raise Refused(text_response(405, "Method Not Allowed\n", allow=", ".join(methods)))


def _served(data: bytes, fields: Mapping[str, str], media_type: str = "video/mp4") -> Response:
    """Return bytes whole, one range of them, or a 304 if they are known (RFC 9110).

    Starlette's FileResponse needs a file, and answers several ranges at once, which no store of results does.
    """
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
    headers["content-range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return Response(data[start:stop], 206, headers)


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
