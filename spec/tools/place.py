"""Reading a map key by key, so that what nobody understood is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys, SpecError
    from spec.tools.yaml_source import Source


@dataclass
class Place:
    """A map of the block, with a note of which keys were read."""

    source: Source
    keys: Keys
    value: dict[str, Any]
    read: set[str] = field(default_factory=set)

    def error(self, message: str, key: str | None = None) -> SpecError:
        """Make the error that names this place, or the place of one key."""
        return self.source.error(message, self.keys if key is None else (*self.keys, key))

    def take(self, key: str, default: Any = None) -> Any:
        """Read a value of any kind."""
        self.read.add(key)
        return self.value.get(key, default)

    def text(self, key: str) -> str:
        """Read a string that must be there."""
        value = self.take(key)
        if not isinstance(value, str):
            raise self.error(f"`{key}` must be here and be a string: the page is cut off or wrong", key)
        return value

    def flag(self, key: str) -> bool | None:
        """Read true, false, or nothing."""
        value = self.take(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(f"expected true or false, found {value!r}", key)
        return value

    def place(self, key: str) -> Place:
        """Go into a map; one that is missing is empty."""
        return self.into(key, self.take(key, {}))

    def places(self, key: str) -> list[Place]:
        """Go into each map of a list; one that is missing is empty."""
        value = self.take(key, [])
        if not isinstance(value, list):
            raise self.error("expected a list", key)
        inner = Place(self.source, (*self.keys, key), {})
        return [inner.into(place, item) for place, item in enumerate(value)]

    def into(self, key: str | int, value: Any) -> Place:
        """Make the place of an inner map."""
        if not isinstance(value, dict):
            raise self.source.error("expected a map", (*self.keys, key))
        return Place(self.source, (*self.keys, key), value)

    def each(self) -> Iterator[tuple[str, Place]]:
        """Go into every map in this one."""
        for key, value in self.value.items():
            self.read.add(key)
            yield key, self.into(key, value)

    def extensions(self) -> dict[str, Any]:
        """Read every key that begins with x-."""
        return {key: self.take(key) for key in self.value if key.startswith("x-")}

    def close(self) -> None:
        """Refuse what nobody read."""
        for key in self.value:
            if key not in self.read:
                advice = "correct it in the page's copy, or teach spec/tools/excerpt.py what it means"
                raise self.error(f"`{key}` is not understood here: {advice}", key)
