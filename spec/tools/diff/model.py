"""What a comparison consists of: findings, places, ratings and the changes that people read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from spec.tools.errors import Keys

_LONGEST_VALUE: Final = 80


class Missing(Enum):
    """Stands where one of the two documents has nothing; None is a value."""

    MISSING = "MISSING"


MISSING: Final = Missing.MISSING


class Rating(IntEnum):
    """How a change bears on the callers of the client, from nothing to worst."""

    DOCUMENTATION = 0
    SAFE = 1
    RISK = 2
    BREAKING = 3

    @property
    def word(self) -> str:
        """The word that is shown: `breaking`, `risk`, `safe` or `documentation`."""
        return self.name.lower()


class Direction(Enum):
    """Which way a value goes, seen from the caller.

    A callback turns it round: the caller receives its request and sends its response.
    """

    SENT = "request"
    RECEIVED = "response"

    @property
    def turned(self) -> Direction:
        """The other way."""
        return Direction.RECEIVED if self is Direction.SENT else Direction.SENT


@dataclass(frozen=True)
class Use:
    """One operation that a component concerns, and which way the component's values go there.

    Attributes:
        operation: Method and path.
        part: The part of the operation, in words: `request`, `response`, `callback`, `security`.
        direction: Which way the values go.
    """

    operation: str
    part: str
    direction: Direction

    def __str__(self) -> str:
        """Write it as people read it."""
        return f"{self.operation} ({self.part})"


@dataclass(frozen=True)
class Place:
    """Where in the documents the walk stands.

    Attributes:
        subject: The operation, the component, or the document, in words.
        keys: The way to the value in the document. Below a reference that is followed in place, it goes on
            as if the content stood there.
        trail: The steps below the subject, in words.
        schema: The way inside a schema: `data.items[]`.
        direction: Which way the values go; None where only the uses of the component can tell.
        only: The one direction that matters here (read-only and write-only properties).
        operation: Whether the subject is an operation.
        component: Section and names (old, new) of the component that the place belongs to.
        callback: Whether the place is inside a callback.
    """

    subject: str
    keys: Keys = ()
    trail: tuple[str, ...] = ()
    schema: str = ""
    direction: Direction | None = None
    only: Direction | None = None
    operation: bool = False
    component: tuple[str, str, str] | None = None
    callback: bool = False

    def into(self, *keys: str | int, words: str | None = None, direction: Direction | None = None) -> Place:
        """Go down to a part that is no schema."""
        trail = (*self.trail, words) if words else self.trail
        return replace(self, keys=(*self.keys, *keys), trail=trail, direction=direction or self.direction)

    def within(self, *keys: str | int, path: str = "", only: Direction | None = None) -> Place:
        """Go down inside a schema; `path` is the step as people write it."""
        dot = "." if self.schema and path and not path.startswith(("[", " ")) else ""
        return replace(
            self,
            keys=(*self.keys, *keys),
            schema=f"{self.schema}{dot}{path}",
            only=self.only or only,
        )

    @property
    def steps(self) -> str:
        """The way below the subject in words."""
        return ", ".join([*self.trail, *([self.schema.strip()] if self.schema else [])])

    def __str__(self) -> str:
        """Write the whole place as people read it."""
        return f"{self.subject}: {self.steps}" if self.steps else self.subject


@dataclass(frozen=True)
class Finding:
    """One difference, not rated yet.

    Attributes:
        rule: The rule that rates it.
        place: Where it stands.
        name: What the difference is about: a property, a keyword, a status.
        old: The old value, or MISSING.
        new: The new value, or MISSING.
    """

    rule: str
    place: Place
    name: str = ""
    old: Any = MISSING
    new: Any = MISSING


@dataclass(frozen=True)
class Change:
    """One difference as people read it.

    Attributes:
        rating: How it bears on callers.
        rule: The rule that rated it, for machines.
        place: Where, in words.
        what: What differs, in words.
        why: What it means to a caller, in words.
        operations: The operations it concerns; empty where it concerns all or none.
        keys: The way to it in the document (the new one; the old one for what was removed).
        old: The old value; None where there was none.
        new: The new value; None where there is none.
    """

    rating: Rating
    rule: str
    place: str
    what: str
    why: str
    operations: tuple[str, ...] = ()
    keys: Keys = ()
    old: Any = field(default=None, compare=False)
    new: Any = field(default=None, compare=False)

    @property
    def sort_key(self) -> tuple[int, str, str]:
        """Worst first, then by place."""
        return (-self.rating, self.place, self.what)

    def with_operations(self, operations: tuple[str, ...]) -> Self:
        """Give the same change for other operations."""
        return replace(self, operations=operations)


def canonical(value: Any) -> str:
    """Write a value so that equal JSON gives equal text, and `1`, `"1"` and `true` differ."""
    return "-" if value is MISSING else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON."""
    return canonical(one) == canonical(other)


def shown(value: Any) -> str:
    """Write a value for a reader: short, on one line."""
    if value is MISSING:
        return "none"
    text = value if isinstance(value, str) else canonical(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
