"""Values that fit a schema: a full one, a small one, and one for each alternative and enum value."""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from spec.tools.judge import Judge
from spec.tools.structure import followed, placed, pointer, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys

_MOST: Final = 40
_DEEPEST: Final = 5
_DEEPEST_REQUIRED: Final = 30
_MOST_PARTS: Final = 100
_MOST_STEPS: Final = 5_000
_LONGEST_TEXT: Final = 10**6
_LONGEST_LIST: Final = 30
_OF_EACH_ALTERNATIVE: Final = 3
_TEXTS: Final = {
    "date-time": "2026-01-02T03:04:05+00:00",
    "date": "2026-01-02",
    "uuid": "6f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5",
    "uri": "https://values.example/a?b=c",
    "url": "https://values.example/a?b=c",
    "email": "a@values.example",
    "ipv4": "192.0.2.1",
    "byte": "YWJj",
    "time": "03:04:05Z",
    "hostname": "values.example",
}


class Samples:
    """Makes values for the schemas of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.judge = Judge(document)
        self._made: dict[tuple[Keys, str], list[Any]] = {}
        self._steps = 0

    def of(self, keys: Keys, direction: str = "") -> list[Any]:
        """Give values that fit the schema at a place, the fullest first; none where none could be made.

        The direction "request" leaves out what is read-only, "response" what is write-only.
        """
        # Most answers share their schemas.
        schema, keys = placed(self.document, resolve(self.document, pointer(keys)), keys)
        if (keys, direction) not in self._made:
            self._steps = 0
            fitting = self._fitting(schema, keys, direction)
            self._made[keys, direction] = list(islice(fitting, _MOST))
        return self._made[keys, direction]

    def _fitting(self, schema: Any, keys: Keys, direction: str) -> Iterator[Any]:
        found: list[Any] = []
        for value in self._values(schema, direction, 0):
            if value not in found and self.judge.is_valid(value, keys, direction):
                found.append(value)
                yield value

    def _values(self, schema: Any, direction: str, depth: int) -> Iterator[Any]:
        self._steps += 1
        # What requires itself has no end, and what does so twice doubles with each step.
        if not isinstance(schema, dict) or depth > _DEEPEST_REQUIRED or self._steps > _MOST_STEPS:
            return
        if "$ref" in schema:
            yield from self._values(resolve(self.document, schema["$ref"]), direction, depth + 1)
            return
        if "default" in schema and "enum" not in schema:
            yield schema["default"]
        yield from self._of_kind(schema, direction, depth)
        if "example" in schema:
            yield schema["example"]
        if schema.get("nullable"):
            yield None

    def _of_kind(self, schema: dict[str, Any], direction: str, depth: int) -> Iterator[Any]:
        alternatives = [*(schema.get("oneOf") or ()), *(schema.get("anyOf") or ())]
        kind = schema.get("type")
        if "enum" in schema:
            yield from (value for value in schema["enum"] if value is not None)
        elif alternatives:
            yield from self._alternatives(schema, alternatives, direction, depth)
        elif kind == "array":
            yield from self._lists(schema, direction, depth)
        elif kind == "object" or "properties" in schema or "allOf" in schema:
            yield from self._objects(schema, direction, depth)
        elif kind in {"integer", "number"}:
            with contextlib.suppress(ArithmeticError):  # a limit that no float holds
                yield from _numbers(schema)
        elif kind == "boolean":
            yield from (True, False)
        elif kind == "string":
            yield from _texts(schema)
        else:
            yield from ("any", {"any": ["thing", 1, None]})

    def _alternatives(
        self, schema: dict[str, Any], alternatives: list[Any], direction: str, depth: int
    ) -> Iterator[Any]:
        around: dict[str, Any] = {
            key: schema[key] for key in ("type", "properties", "required", "allOf") if key in schema
        }
        outer = next(self._of_kind(around, direction, depth), None) if len(around) > 1 else None
        for one in [] if depth > _DEEPEST + 2 else alternatives:
            for value in islice(self._values(one, direction, depth + 1), _OF_EACH_ALTERNATIVE):
                if isinstance(value, dict):
                    yield {**(outer if isinstance(outer, dict) else {}), **value, **_choosing(schema, one)}
                yield value

    def _lists(self, schema: dict[str, Any], direction: str, depth: int) -> Iterator[Any]:
        least = schema.get("minItems", 0)
        if depth <= _DEEPEST and least <= _LONGEST_LIST:
            values = list(islice(self._values(schema.get("items", {}), direction, depth + 1), max(least, 7)))
            wanted = max(least, min(2, schema.get("maxItems", 2)))
            for number in range(len(values)):
                yield [values[(number + place) % len(values)] for place in range(wanted)]
        if least == 0:
            yield []

    def _objects(self, schema: dict[str, Any], direction: str, depth: int) -> Iterator[Any]:
        properties, required = self._properties(schema, direction)
        full: dict[str, Any] = {}
        others: list[tuple[str, Any]] = []
        for name, inner in properties.items():
            if depth > _DEEPEST and name not in required:
                continue
            values = self._values(inner, direction, depth + 1)
            for number, value in enumerate(islice(values, 202 if depth == 0 else 10)):
                if number == 0:
                    full[name] = value
                else:
                    others.append((name, value))
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and extra and depth <= _DEEPEST:
            more = next(self._values(extra, direction, depth + 1), None)
            full |= {"extra key": more} if more is not None else {}
        yield full
        yield {name: value for name, value in full.items() if name in required}
        for name, value in others:
            yield {**full, name: value}

    def _properties(self, schema: dict[str, Any], direction: str) -> tuple[dict[str, Any], set[str]]:
        """Collect the properties of an object and of all that it is made of."""
        properties: dict[str, Any] = {}
        required: set[str] = set()
        waiting, seen = [schema], 0
        while waiting and seen < _MOST_PARTS:  # a composition may hold itself
            one, seen = followed(self.document, waiting.pop(0)), seen + 1
            properties = {**one.get("properties", {}), **properties}
            required |= set(one.get("required", ()))
            waiting += [*(one.get("allOf") or ()), *(one.get("oneOf") or one.get("anyOf") or ())[:1]]
        hidden = {"request": "readOnly", "response": "writeOnly"}.get(direction, "")
        kept = {
            name: inner
            for name, inner in properties.items()
            if not (isinstance(inner, dict) and inner.get(hidden))
        }
        return {**kept, **{name: {} for name in required - set(properties)}}, required


def _choosing(schema: dict[str, Any], branch: dict[str, Any]) -> dict[str, Any]:
    """Return the discriminator's property with the value that chooses a branch."""
    discriminator = schema.get("discriminator")
    if discriminator is None or "$ref" not in branch:
        return {}
    values = {target: value for value, target in discriminator.get("mapping", {}).items()}
    name = branch["$ref"].rpartition("/")[2]
    return {discriminator["propertyName"]: values.get(branch["$ref"], name)}


def _numbers(schema: dict[str, Any]) -> Iterator[Any]:
    low, high, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    yield from (one for one in (low, high) if one is not None)
    base = low if low is not None else (high if high is not None else 0)
    yield from (base + 1, base - 1, base + (step or 2))
    if step:
        yield step * (int(base / step) + 1)
    if schema.get("type") == "number":
        yield from (base + 0.5, base - 0.5)
        if low is not None and high is not None:
            yield (low + high) / 2


def _texts(schema: dict[str, Any]) -> Iterator[Any]:
    if schema.get("format") in _TEXTS:
        yield _TEXTS[schema["format"]]
        return
    least, most = schema.get("minLength", 0), schema.get("maxLength", _LONGEST_TEXT)
    if least > _LONGEST_TEXT:
        return
    yield "a text & more/é".ljust(least, "x")[:most]
    yield ("abcdef" * (least // 6 + 1))[: max(least, min(6, most))]
    words = ("1" * max(least, 1), "a" * max(least, 1), "A1", "#ff0000", "0:0")
    yield from (word[: least or None] for word in words)
