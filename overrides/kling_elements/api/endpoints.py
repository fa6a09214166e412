"""The service's models: which operations of the document each one has. To add a model, add a line."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value

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


def find_model(name: str) -> Endpoints:
    """The model of that name.

    Raises:
        ValidationError: If there is none.
    """
    if not isinstance(name, str) or name not in MODELS:
        raise ValidationError([f"model must be {' or '.join(map(repr, MODELS))}: got {shown_value(name)}"])
    return MODELS[cast("KlingElementsRequestPath", name)]
