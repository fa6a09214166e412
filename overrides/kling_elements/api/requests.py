"""Requests to the service: method and path from the document, the body from its generated model.

The generated request builders give the same (a test compares them), and import the models of every response.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kling_elements.api.endpoints import UPLOAD_OPERATION
from kling_elements.document import load_document
from kling_elements.types import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_elements.api.endpoints import Endpoints


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ACCEPT = "application/json, application/problem+json;q=0.9, */*;q=0.1"


def create_request(model: Endpoints, body: Mapping[str, Any]) -> Request:
    """Build the request that creates a task."""
    from kling_elements_api.models import KlingElementsRequest

    # The generated model would add the document's defaults; the service knows them itself.
    return _with_body(model.create, KlingElementsRequest.from_dict(body).to_dict())


def upload_request(content_types: Sequence[str]) -> Request:
    """Build the request for URLs to put files of these media types to."""
    from kling_elements_api.models import UploadRequest

    body = {"files": [{"content_type": content_type} for content_type in content_types]}
    return _with_body(UPLOAD_OPERATION, UploadRequest.from_dict(body).to_dict())


def status_request(model: Endpoints, task_id: str) -> Request:
    """Build the request for one task."""
    method, path = load_document().endpoint(model.status)
    return Request(
        method, path.replace("{task-id}", quote(task_id, safe="")), {"Accept": _ACCEPT}, task_id=task_id
    )


def list_request(model: Endpoints) -> Request:
    """Build the request for the account's tasks."""
    return Request(*load_document().endpoint(model.list), {"Accept": _ACCEPT})


def _with_body(operation_id: str, body: Mapping[str, Any]) -> Request:
    """Build a request with a JSON body."""
    headers = {"Accept": _ACCEPT, "Content-Type": "application/json"}
    content = _JSON.encode(body).encode()
    return Request(*load_document().endpoint(operation_id), headers, content)
