"""The service's models, and the requests to their operations. To add a model, add a line.

Method and path are the document's, and a body is as its schema accepted it. The generated request builders
give the same, and a test compares them. They are not used here: they import attrs and the models of every
response, which takes a new process 40 ms.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import quote

from kling_elements.document import load_document
from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value
from kling_elements.types import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements_api.request_options import KlingElementsRequestPath


class Endpoints(NamedTuple):
    """The operations of one model, by their ids in the document.

    Attributes:
        create: Creates a task.
        list: Lists the account's tasks.
        status: Shows one task; the service shares it between models.
    """

    create: str
    list: str
    status: str = "getKlingElementsTask"


DEFAULT_MODEL: Final = "std"
UPLOAD_OPERATION = "requestUploadUrls"
MODELS: Mapping[KlingElementsRequestPath, Endpoints] = MappingProxyType(
    {
        "std": Endpoints("createKlingElementsStdTask", "listKlingElementsStdTasks"),
        "pro": Endpoints("createKlingElementsProTask", "listKlingElementsProTasks"),
    }
)

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ACCEPT = {"Accept": "application/json, application/problem+json;q=0.9, */*;q=0.1"}


def find_model(name: str) -> Endpoints:
    """The model of that name.

    Raises:
        ValidationError: If there is none.
    """
    if not isinstance(name, str) or name not in MODELS:
        raise ValidationError([f"model must be {' or '.join(map(repr, MODELS))}: got {shown_value(name)}"])
    return MODELS[cast("KlingElementsRequestPath", name)]


def status_request(model: Endpoints, task_id: str) -> Request:
    """Build the request for one task."""
    method, path = load_document().endpoint(model.status)
    return Request(method, path.replace("{task-id}", quote(task_id, safe="")), _ACCEPT, task_id=task_id)


def list_request(model: Endpoints) -> Request:
    """Build the request for the account's tasks."""
    return Request(*load_document().endpoint(model.list), _ACCEPT)


def json_request(operation_id: str, body: Mapping[str, Any]) -> Request:
    """Build the request for an operation with a JSON body."""
    headers = {**_ACCEPT, "Content-Type": "application/json"}
    return Request(*load_document().endpoint(operation_id), headers, _JSON.encode(body).encode())
