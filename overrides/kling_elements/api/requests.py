"""Requests to the service. What carries a body is built by the generated client, a GET by the document alone.

The generated builders import all generated models, a fifth of what raw httpx takes until its first request.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kling_elements.api.endpoints import UPLOAD_OPERATION
from kling_elements.document import load_document
from kling_elements.types import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_elements.api.endpoints import Endpoints


_ACCEPT = "application/json, application/problem+json;q=0.9, */*;q=0.1"


def create_request(model: Endpoints, body: Mapping[str, Any]) -> Request:
    """Build the request that creates a task."""
    from kling_elements_api.models import KlingElementsRequest

    # The generated model would add the document's defaults; the service knows them itself.
    return _generated("image_to_video", model.create, KlingElementsRequest.from_dict(body))


def upload_request(content_types: Sequence[str]) -> Request:
    """Build the request for URLs to put files of these media types to."""
    from kling_elements_api.models import UploadRequest

    body = {"files": [{"content_type": content_type} for content_type in content_types]}
    return _generated("uploads", UPLOAD_OPERATION, UploadRequest.from_dict(body))


def status_request(model: Endpoints, task_id: str) -> Request:
    """Build the request for one task."""
    method, path = load_document().endpoint(model.status)
    return Request(
        method, path.replace("{task-id}", quote(task_id, safe="")), {"Accept": _ACCEPT}, task_id=task_id
    )


def list_request(model: Endpoints) -> Request:
    """Build the request for the account's tasks."""
    return Request(*load_document().endpoint(model.list), {"Accept": _ACCEPT})


def _generated(tag: str, operation_id: str, body: Any) -> Request:
    """Build a request by the operation's generated module, without sending it."""
    name = re.sub("(?=[A-Z])", "_", operation_id).lower()
    built = import_module(f"kling_elements_api.api.{tag}.{name}")._get_kwargs(body=body)  # noqa: SLF001
    content = json.dumps(built["json"], ensure_ascii=False, separators=(",", ":")).encode()
    return Request(built["method"].upper(), built["url"], {"Accept": _ACCEPT, **built["headers"]}, content)
