"""What may follow from the outcome of a request; `kling_elements.api.outcomes` decides it."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from kling_elements.api.responses import UploadAddress
    from kling_elements.errors import KlingError
    from kling_elements.types import TaskData


class Operation(Enum):
    """The operations of the service, as far as retrying them is concerned."""

    CREATE = auto()
    STATUS = auto()
    LIST = auto()
    UPLOAD = auto()


Result: TypeAlias = "TaskData | list[TaskData] | tuple[UploadAddress, ...]"


class Return(NamedTuple):
    """The outcome is what was asked for."""

    value: Result


class Raise(NamedTuple):
    """The outcome is final."""

    error: KlingError


class Retry(NamedTuple):
    """The request may be retried without harm.

    Attributes:
        error: What to raise if it isn't retried.
        retry_after: Seconds that the service asks to wait, if it does.
    """

    error: KlingError
    retry_after: float | None = None


Decision: TypeAlias = Return | Raise | Retry
