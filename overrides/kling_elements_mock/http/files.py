"""Serve results and uploads. No key is asked for: their URLs are signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.responses import Response

from kling_elements_mock.http import ranges
from kling_elements_mock.http.responses import Refused, text_response
from kling_elements_mock.tasks import results, signed_urls, uploads

if TYPE_CHECKING:
    from kling_elements_mock.http.requests import MockRequest
    from kling_elements_mock.mock import Mock


async def result(mock: Mock, request: MockRequest) -> Response:
    """Return a task's video; 403 for a URL that is not signed or is expired, 404 for no such task."""
    _require_method(request, "GET", "HEAD")
    task_id = signed_urls.task_id_of(request.sent_path)
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
    return ranges.serve(video, request.fields)


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
    return ranges.serve(file.data, request.fields, file.content_type or "application/octet-stream")


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
