"""Two documents side by side: values with their places, and what their references lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from spec.tools.diff.model import MISSING, Direction, Place, as_list, as_map, same
from spec.tools.errors import SpecError
from spec.tools.structure import pointer, reference_keys, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spec.tools.errors import Keys

_COMPONENTS = {"schemas": "schema", "requestBodies": "request body", "securitySchemes": "security scheme"}
_COMPONENT_DEPTH = 3


@frozen(eq=False)
class Document:
    """One of the two documents: its content, and what to call it in errors."""

    root: dict[str, Any]
    file: str


@frozen(eq=False)
class Node:
    """A value of one document."""

    document: Document
    value: Any  # the value, or MISSING
    place: Place  # where to report it: where it is defined, or where a reference to it was replaced
    way: Keys = ()  # the keys to its definition
    owner: str = ""  # the generated class whose name begins the names of classes below it
    name: str = ""  # what the generator calls a class made of this value, after `owner`, if it has no title
    # those of its parts that were defined at other places, by key
    parts: Mapping[Any, Node] = field(factory=dict)
    is_normal: bool = False  # whether it is a schema in the normal form

    def at(self, key: str | int, words: str = "", joint: str = ", ") -> Node:
        """Go down to one part, which may be missing; `words` is the step as people read it."""
        found = self.parts[key] if key in self.parts else self._below(key)
        steps = f"{found.place.steps}{joint if found.place.steps else ''}{words}"
        return evolve(found, place=evolve(found.place, steps=steps)) if words else found

    def _below(self, key: str | int) -> Node:
        found = self.value
        if isinstance(found, dict):
            found = found.get(key, MISSING)
        else:
            found = found[key] if isinstance(found, list) and isinstance(key, int) else MISSING
        place = evolve(self.place, keys=(*self.place.keys, key))
        return evolve(self, value=found, place=place, way=(*self.way, key), parts={}, is_normal=False)

    def missing(self, other: Node) -> Node:
        """Return that this document has nothing where another node stands in the other one."""
        return evolve(self, value=MISSING, place=other.place, way=other.way, parts={}, is_normal=False)

    def items(self) -> list[Node]:
        """Return the entries of a list; anything else has none."""
        return [self.at(number) for number in range(len(as_list(self.value)))]

    @property
    def target(self) -> str | None:
        """The reference that the value is, or the one that leads to it; None for a part of something."""
        reference = reference_of(self.value)
        if reference is None and len(self.way) == _COMPONENT_DEPTH and self.way[0] == "components":
            return pointer(self.way)
        return reference

    def resolved(self) -> Node:
        """Follow the references that the value is."""
        node, seen = self, list[str]()
        while (reference := reference_of(node.value)) is not None:
            if reference in seen:
                message = f"the references {' → '.join([*seen, reference])} form a circle"
                raise SpecError(message, self.document.file)
            seen.append(reference)
            try:
                value = resolve(self.document.root, reference)
            except LookupError:
                message = f"the reference {reference} leads nowhere: fix it"
                raise SpecError(message, self.document.file) from None
            node = defined_at(self.document, reference_keys(reference), value)
        return node

    @property
    def map(self) -> dict[Any, Any]:
        """The map that the value is or refers to; an empty one if it is none."""
        return as_map(self.resolved().value)


def defined_at(document: Document, way: Keys, value: Any) -> Node:
    """Return a value with the place where it is defined: most often that of a component."""
    subject, name = " ".join(map(str, way)), str(way[-1])
    if len(way) == _COMPONENT_DEPTH:
        title = as_map(value).get("title") if way[1] == "schemas" else None
        called = f"{title} ({name})" if isinstance(title, str) and title != name else name
        subject = f"{_COMPONENTS.get(str(way[1]), str(way[1]).removesuffix('s'))} {called}"
    return Node(document, value, Place(subject, way), way, name=name)


def reference_of(value: Any) -> str | None:
    """Return the reference inside the document that a value is, or None."""
    reference = value.get("$ref") if isinstance(value, dict) else None
    return reference if isinstance(reference, str) and reference.startswith("#/") else None


@frozen(eq=False)
class Pair:
    """A value before and after."""

    old: Node
    new: Node
    direction: Direction = Direction.SENT  # which way it goes
    use: str = ""  # the part of an operation that it belongs to: `POST /loans (request)`
    callback: bool = False  # whether it is inside a callback

    def at(self, key: str | int, words: str = "", joint: str = ", ") -> Pair:
        """Go down to one part on both sides."""
        return evolve(self, old=self.old.at(key, words, joint), new=self.new.at(key, words, joint))

    def each(self, change: Callable[[Node], Node]) -> Pair:
        """Change both values in one way."""
        return evolve(self, old=change(self.old), new=change(self.new))

    def of(self, old: Node | None, new: Node | None) -> Pair:
        """Return two other values as a pair that goes the same way; None is a missing one."""
        return evolve(
            self,
            old=old or self.old.missing(new or self.old),
            new=new or self.new.missing(old or self.new),
        )

    @property
    def values(self) -> tuple[Any, Any]:
        """The value before and after."""
        return self.old.value, self.new.value

    @property
    def keys(self) -> list[Any]:
        """The keys that either of two maps has."""
        return list({**as_map(self.old.value), **as_map(self.new.value)})

    @property
    def differs(self) -> bool:
        """Whether the two values are not the same JSON."""
        return not same(*self.values)

    @property
    def place(self) -> Place:
        """Where to report a difference: where the new value is, or where the old one was."""
        return self.old.place if self.new.value is MISSING else self.new.place
