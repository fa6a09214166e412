"""The service's models: which generated operations each one has. To add a model, add a line."""

# ruff: noqa: SLF001 - `_get_kwargs` is the generator's seam for building a request without sending it

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import frozen

from kling_elements.errors import ValidationError
from kling_elements_api.api.image_to_video import (
    create_kling_elements_pro_task,
    create_kling_elements_std_task,
    get_kling_elements_task,
    list_kling_elements_pro_tasks,
    list_kling_elements_std_tasks,
)

Builder = Callable[..., dict[str, Any]]


@frozen
class Endpoints:
    """The operations of one model, as the generated request builders.

    Attributes:
        create: Builds the request that creates a task.
        list: Builds the request that lists the account's tasks.
        status: Builds the request for one task; the service shares it between models.
    """

    create: Builder
    list: Builder
    status: Builder = get_kling_elements_task._get_kwargs  # noqa: RUF100, SLF001


DEFAULT_MODEL = "std"
MODELS: Mapping[str, Endpoints] = MappingProxyType(
    {
        "std": Endpoints(
            create_kling_elements_std_task._get_kwargs, list_kling_elements_std_tasks._get_kwargs
        ),
        "pro": Endpoints(
            create_kling_elements_pro_task._get_kwargs, list_kling_elements_pro_tasks._get_kwargs
        ),
    }
)


def find_model(name: str) -> Endpoints:
    """The model of that name.

    Raises:
        ValidationError: If there is none.
    """
    if not isinstance(name, str) or name not in MODELS:
        raise ValidationError([f"model must be {' or '.join(map(repr, MODELS))}: got {name!r}"])
    return MODELS[name]
