"""Parse JSON strictly (RFC 8259): no NaN, duplicate names, lone surrogates or deep nesting."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

DEEPEST = 64


class NotJsonError(ValueError):
    """The bytes are not acceptable JSON; the message says why."""


def parse(data: bytes) -> Any:
    """Parse a request body; NotJsonError if it is not UTF-8, not JSON, or not strict JSON."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJsonError(f"The body is not UTF-8 (byte {error.start})") from None
    try:
        value = json.loads(
            text, parse_constant=_constant, parse_float=_float, parse_int=_int, object_pairs_hook=_object
        )
    except NotJsonError:
        raise
    except RecursionError:
        raise NotJsonError(f"The body is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise NotJsonError(f"The body is not valid JSON: {error}") from None
    _check_depth(value)
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise NotJsonError("The body has half of a surrogate pair in a string") from None
    return value


def _check_depth(value: Any) -> None:
    """Limit the depth, without recursing."""
    level: list[Any] = [value]
    for _ in range(DEEPEST + 1):
        nested = (item for item in level if isinstance(item, (dict, list)))
        level = [inner for item in nested for inner in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return
    raise NotJsonError(f"The body is nested deeper than {DEEPEST} levels")


def _constant(word: str) -> NoReturn:
    raise NotJsonError(f"The body is not valid JSON: {word} is not a JSON number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotJsonError(f"The body has a number out of range: {text[:20]}")
    return number


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python refuses to read thousands of digits
        raise NotJsonError(f"The body has a number out of range: {text[:20]}…") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add gives None, which is the point
        raise NotJsonError(f"The body has the name {twice[:40]!r} twice in one object")
    return found
