"""Values as JSON has them and as the generated code takes and gives them, for `proof_child`."""

from __future__ import annotations

import datetime as dt
import enum
import io
import types
import typing
import uuid
from typing import Any


def convert(value: Any, hint: Any) -> Any:  # noqa: C901, PLR0911 - one branch for each type
    """Make the Python value that an argument of a type takes, or raise what its class does."""
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return _convert_to_one_of(value, arguments)
    if typing.get_origin(hint) is list:
        return [convert(one, arguments[0]) for one in _checked(value, list)]
    if typing.get_origin(hint) is typing.Literal or hint is Any:
        return value
    if not isinstance(hint, type):
        return value
    if hasattr(hint, "from_dict"):
        return hint.from_dict(_checked(value, dict))
    if hint in {dt.datetime, dt.date}:
        return hint.fromisoformat(_checked(value, str))
    if hint.__name__ == "File" and hint.__module__.endswith(".types"):
        return hint(payload=io.BytesIO(value.encode() if isinstance(value, str) else value))
    if issubclass(hint, enum.Enum) or hint is uuid.UUID:
        return hint(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in {bool, int, str, dict, type(None)}:
        return _checked(value, hint)
    if hint.__name__ == "Unset":
        raise TypeError("nothing is given by leaving it out")
    return value


def _convert_to_one_of(value: Any, hints: tuple[Any, ...]) -> Any:
    """Take the type that gives the value back, or else the first model that knows all of its properties."""
    known: Any = None
    for one in hints:
        try:
            made = convert(value, one)
        except Exception:  # noqa: BLE001, S112 - another of the union may fit
            continue
        if same(plain(made), value):
            return made
        if known is None and hasattr(made, "to_dict") and not getattr(made, "additional_properties", None):
            known = made
    if known is None:
        raise TypeError(f"no type of {hints} takes it")
    return known


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def plain(value: Any) -> Any:
    """Make JSON of what generated code gives."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list):
        return [plain(one) for one in value]
    if hasattr(value, "payload"):
        return value.payload.getvalue().decode()
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON, and texts the same moment or id."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return (
            one == other or _moment(one) == _moment(other) is not None or one.lower() == other.lower() != one
        )
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _moment(text: str) -> Any:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None
