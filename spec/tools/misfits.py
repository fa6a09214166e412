"""Examples and defaults that their schemas refuse. No validator or generator on the way looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spec.tools.errors import brief
from spec.tools.judge import Judge
from spec.tools.structure import METHODS, parts, resolve, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys
    from spec.tools.structure import Node


@dataclass(frozen=True)
class Misfit:
    """An example or default that its schema refuses."""

    keys: Keys
    problem: str  # what the schema says against it


@dataclass(frozen=True)
class _Sample:
    """A value that must fit a schema: where both stand, and which way it travels."""

    keys: Keys
    value: Any
    schema: Keys
    direction: str = ""


def misfits(document: dict[str, Any]) -> list[Misfit]:
    """Find the examples and defaults that do not fit their schemas."""
    judge = Judge(document)
    found = []
    for sample in _samples(document):
        error = judge.error(sample.value, sample.schema, sample.direction)
        if error is not None:
            way = "".join(f"[{key!r}]" for key in error.absolute_path)
            found.append(Misfit(sample.keys, f"{way + ': ' if way else ''}{brief(error.message)}"))
    return found


def _samples(document: dict[str, Any]) -> Iterator[_Sample]:
    for node in walk(document):
        if node.kind == "schema" and "$ref" not in node.value:
            for key in ("example", "default"):
                if key in node.value:
                    yield _Sample((*node.keys, key), node.value[key], node.keys)
        elif node.kind in {"media type", "parameter", "header"} and "schema" in node.value:
            yield from _samples_beside_schema(document, node)


def _samples_beside_schema(document: dict[str, Any], node: Node) -> Iterator[_Sample]:
    direction = ""
    if node.kind == "media type":
        # What only one side may send must be missing from the other side's examples.
        direction = "request" if _is_request(node.keys) else "response"
    schema = (*node.keys, "schema")
    if "example" in node.value:
        yield _Sample((*node.keys, "example"), node.value["example"], schema, direction)
    for kind, keys, example in parts(node):
        held = resolve(document, example["$ref"]) if kind == "example" and "$ref" in example else example
        if kind == "example" and "value" in held:
            yield _Sample((*keys, "value") if held is example else keys, held["value"], schema, direction)


def _is_request(keys: Keys) -> bool:
    """Tell a request's media type from a response's by the way to it."""
    for key in reversed(keys):
        if key in {"requestBody", "requestBodies"}:
            return True
        if key in {"responses", *METHODS}:
            return False
    return False


def set_aside_misfits(
    document: dict[str, Any], published: dict[str, Any]
) -> tuple[list[Misfit], list[Misfit]]:
    """Take the vendor's own misfitting examples out of the way of tools, without losing them.

    An example that stands in the pages as it stands here, and does not fit, is the vendor's contradiction: it
    is renamed to an extension key. One that the overlay has made is left alone, for `check` to refuse.
    """
    moved: list[Misfit] = []
    is_other = False
    for misfit in misfits(document):
        keys = misfit.keys[:-1] if misfit.keys[-1] == "value" else misfit.keys
        here, there, last = _holder(document, keys), _holder(published, keys), str(keys[-1])
        if here is None or there is None or last not in there or here[last] != there[last]:
            is_other = True
            continue
        if keys[-2] == "examples":
            around = _holder(document, keys[:-1]) or {}
            around.setdefault("x-unfit-examples", {})[last] = here.pop(last)
            if not here:
                del around["examples"]
        else:
            here[f"x-unfit-{last}"] = here.pop(last)
        moved.append(misfit)
    return moved, misfits(document) if is_other else []


def _holder(document: dict[str, Any], keys: Keys) -> dict[str, Any] | None:
    """Give the map around a place, or None where there is none."""
    value: Any = document
    for key in keys[:-1]:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return None
    return value if isinstance(value, dict) else None
