"""The values of a comparison: ratings, directions, and the changes that people read."""

from __future__ import annotations

import json
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

if TYPE_CHECKING:
    from spec.tools.errors import Keys

_LONGEST_VALUE: Final = 80


class Missing(Enum):
    """Stands where one of the two documents has nothing; None is a value."""

    MISSING = "MISSING"


MISSING: Final = Missing.MISSING


class Rating(IntEnum):
    """What a change means to callers of the generated client, from nothing to worst."""

    DOCUMENTATION = 0
    SAFE = 1
    RISK = 2
    BREAKING = 3

    @property
    def word(self) -> str:
        """The word to show: `breaking`, `risk`, `safe` or `documentation`."""
        return self.name.lower()


class Direction(Enum):
    """Which way a value goes, seen from the caller; in a callback the two are swapped."""

    SENT = "request"
    RECEIVED = "response"
    NEITHER = "unused"

    @property
    def turned(self) -> Direction:
        """The other way."""
        return {Direction.SENT: Direction.RECEIVED, Direction.RECEIVED: Direction.SENT}.get(self, self)


@frozen
class Place:
    """Where a value is defined."""

    subject: str  # the operation, the component, or the document, in words
    keys: Keys = ()  # the way to the value from the top of its document
    steps: str = ""  # the way below the subject, in words
    operation: bool = False  # whether the subject is an operation
    in_schema: bool = False  # whether the last step is one inside a schema

    def __str__(self) -> str:
        """Write the whole place as people read it."""
        return f"{self.subject}: {self.steps}" if self.steps else self.subject


@frozen
class Change:
    """One difference as people read it."""

    rating: Rating  # what it means to callers
    rule: str
    place: str
    what: str
    why: str  # the reason for the rating, in words
    operations: tuple[str, ...] = ()  # the operations it concerns; empty where it concerns all or none
    keys: Keys = ()  # the way to it in the new document (in the old one for what was removed)
    old: Any = field(default=None, eq=False)  # the old value; None where there was none
    new: Any = field(default=None, eq=False)  # the new value; None where there is none


def canonical(value: Any) -> str:
    """Write a value so that equal JSON gives equal text, and `1`, `"1"` and `true` differ."""
    return "-" if value is MISSING else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON."""
    return canonical(one) == canonical(other)


def shown(value: Any) -> str:
    """Write a value for a reader: short, on one line."""
    if value is MISSING:
        return "none"
    text = " ".join((value if isinstance(value, str) else canonical(value)).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def as_map(value: Any) -> dict[Any, Any]:
    """Return a map; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list; anything else counts as an empty one."""
    return value if isinstance(value, list) else []
