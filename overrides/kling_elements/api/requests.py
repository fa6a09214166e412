"""Requests to the service: method and path from the document, a body as its schema accepted it.

The generated request builders give the same, and a test compares them. They are not used here: they import
attrs and the models of every response, which takes a new process 40 ms.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kling_elements.api.endpoints import UPLOAD_OPERATION
from kling_elements.document import load_document
from kling_elements.types import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.api.endpoints import Endpoints


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ACCEPT = "application/json, application/problem+json;q=0.9, */*;q=0.1"


def create_request(model: Endpoints, body: Mapping[str, Any]) -> Request:
    """Build the request that creates a task."""
    return _with_body(model.create, body)


def upload_request(body: Mapping[str, Any]) -> Request:
    """Build the request for URLs to put files to."""
    return _with_body(UPLOAD_OPERATION, body)


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
