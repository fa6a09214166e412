"""Requests to the service, built by the generated request builders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from kling_elements.types import Request
from kling_elements_api.api.uploads import request_upload_urls
from kling_elements_api.models import UploadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements.api.endpoints import Endpoints


_ACCEPT = "application/json, application/problem+json;q=0.9, */*;q=0.1"


def upload_request(content_types: Sequence[str]) -> Request:
    """Build the request for URLs to put files of these media types to."""
    body = {"files": [{"content_type": content_type} for content_type in content_types]}
    return _request(request_upload_urls._get_kwargs(body=UploadRequest.from_dict(body)))  # noqa: SLF001 - as in `endpoints`


def status_request(model: Endpoints, task_id: str) -> Request:
    """Build the request for one task."""
    return evolve(_request(model.status(task_id)), task_id=task_id)


def list_request(model: Endpoints) -> Request:
    """Build the request for the account's tasks."""
    return _request(model.list())


def _request(built: dict[str, Any]) -> Request:
    headers = {"Accept": _ACCEPT, **built.get("headers", {})}
    content = None
    if "json" in built:
        content = json.dumps(built["json"], ensure_ascii=False, separators=(",", ":")).encode()
    return Request(built["method"].upper(), built["url"], headers, content)
