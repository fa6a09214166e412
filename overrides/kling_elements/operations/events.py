"""Events for metrics: stable names and plain values, never a key, never the URL of a result.

| name                | fields                                             |
|---------------------|----------------------------------------------------|
| `request.started`   | operation                                          |
| `request.answered`  | operation, status_code, request_id, seconds        |
| `request.failed`    | operation, reason, was_sent, seconds               |
| `request.repeated`  | operation, attempt, pause                          |
| `request.delayed`   | operation, pause                                   |
| `task.created`      | task_id, model                                     |
| `task.status`       | task_id, status                                    |
| `create.unknown`    | task_id, status_code                               |
| `download.finished` | task_id, bytes                                     |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Self, TypeAlias

from kling_elements.log import logger


class Event(NamedTuple):
    """Something that happened.

    Attributes:
        name: One of the names in the table above.
        fields: Its details; times are in seconds.
    """

    name: str
    fields: Mapping[str, object]

    def __reduce__(self) -> tuple[type[Self], tuple[str, dict[str, object]]]:
        return type(self), (self.name, dict(self.fields))  # read-only, a mapping can't be copied or pickled


Hook: TypeAlias = Callable[[Event], object]


def emit(hook: Hook | None, name: str, **fields: object) -> None:
    """Log an event, and call the hook, if there is one.

    If it fails, that is logged: it must not cost a paid task.
    """
    logger.debug("%s %s", name, fields)
    if hook is None:
        return
    try:
        hook(Event(name, MappingProxyType(fields)))
    except Exception:
        logger.exception("the event hook failed on %s", name)
