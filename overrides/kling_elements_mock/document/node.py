"""Walk a document by JSON Pointer (RFC 6901), following `$ref`. OpenAPI itself is in `openapi`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class DocumentError(ValueError):
    """The document can't be served: the message says where and why."""


@frozen
class Node:
    """A value in the document, with the JSON Pointer of where it really stands.

    It remembers its children, as every request walks the same few paths; the document never changes.
    """

    root: Mapping[str, Any] = field(repr=False)
    pointer: str
    value: Any = field(repr=False)
    _known: dict[str, Node] = field(factory=dict, init=False, repr=False, eq=False)

    def get(self, key: str) -> Node | None:
        """Return the child under `key`, with references followed, or None."""
        if not isinstance(self.value, dict) or key not in self.value:
            return None
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._child(key, self.value[key])
        return found

    def children(self, key: str) -> Mapping[str, Node]:
        """Return what the object or array under `key` holds, by key or position; empty without one."""
        child = self.get(key)
        return {} if child is None else child._all  # noqa: SLF001 - a node of the same document

    def text(self, key: str) -> str | None:
        """Return the string under `key`, or None."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return value if isinstance(value, str) else None

    @cached_property
    def branches(self) -> tuple[Node, ...]:
        """This schema and all that it is combined of, each once."""
        found: dict[str, Node] = {}
        pending: list[Node] = [self]
        for node in pending:
            if node.pointer not in found:
                found[node.pointer] = node
                for key in ("allOf", "anyOf", "oneOf"):
                    pending += node.children(key).values()
        return tuple(found.values())

    @cached_property
    def _all(self) -> Mapping[str, Node]:
        if isinstance(self.value, dict):
            return {str(key): self._child(str(key), value) for key, value in self.value.items()}
        values = self.value if isinstance(self.value, list) else []
        return {str(position): self._child(str(position), value) for position, value in enumerate(values)}

    def _child(self, key: str, value: Any) -> Node:
        return _follow(self.root, f"{self.pointer}/{key.replace('~', '~0').replace('/', '~1')}", value)


def _follow(root: Mapping[str, Any], pointer: str, value: Any) -> Node:
    seen = {pointer}
    while isinstance(value, dict) and isinstance(value.get("$ref"), str):
        reference = value["$ref"]
        if not reference.startswith("#/") or reference[1:] in seen:
            problem = f"the reference {reference!r} points outside the document, or to itself"
            raise DocumentError(f"#{pointer}: {problem}")
        pointer = reference[1:]
        seen.add(pointer)
        value = root
        for part in pointer[1:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(key)] if isinstance(value, list) else value[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise DocumentError(f"the reference {reference!r} points to nothing") from None
    return Node(root, pointer, value)
