"""Schemas as pages write them → schemas as OpenAPI 3.0.3 writes them.

Pages mix the 3.0 dialect with the JSON Schema of 3.1. What 3.0 can say in other words is said so. A keyword
that only refuses values, and that no generated code looks at, is kept under `x-` with a note; so is a pattern
that not every reader can check. No keyword is dropped, and one that isn't known is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from spec.tools.judge import is_portable

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec.tools.errors import Keys
    from spec.tools.yaml_source import Source

TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")

# 3.0 keywords by the kind of their value. In examples, defaults and enums, which are data, nothing is one.
_SAME: Final = (
    "title description format multipleOf maximum minimum maxLength minLength pattern maxItems minItems"
    " uniqueItems maxProperties minProperties enum default example nullable readOnly writeOnly deprecated xml"
    " externalDocs required"
)
_SCHEMA_LIST: Final = frozenset({"allOf", "anyOf", "oneOf"})
_SCHEMAS_INSIDE: Final = _SCHEMA_LIST | {"items", "not", "properties", "additionalProperties"}
# What these mean depends on their neighbours.
_LATER: Final = "type exclusiveMinimum exclusiveMaximum refIdentifier contentMediaType contentEncoding"
_REFUSING: Final = (
    "patternProperties prefixItems if then else dependentRequired dependentSchemas dependencies propertyNames"
    " contains minContains maxContains unevaluatedProperties unevaluatedItems contentSchema $schema $id"
    " $anchor $defs definitions"
)
_VERBATIM, _ONLY_REFUSES = frozenset(f"{_SAME} {_LATER}".split()), frozenset(_REFUSING.split())
_UNREAD: Final = "no generated code looks at it"
_REASONS: Final = {"pattern": "nothing checks it, as ECMA-262 and Python's `re` don't both read it"}
_ENUM_TYPE: Final = re.compile(r"enum<(\w+)>")
_PREFIX: Final = "#/components/schemas/"

# What a null-only alternative is in 3.0, where `nullable` counts only beside a `type`.
_ONLY_NULL: Final[dict[str, Any]] = {"type": "object", "nullable": True, "enum": [None]}


@dataclass(frozen=True)
class SchemaReader:
    """Converts the schemas of one document."""

    source: Source  # where they stand
    # for the older format, whose inline schemas may carry a component's name: takes the name, the converted
    # schema and its place, and gives what to put there instead. None: such names are errors
    on_named: Callable[[str, dict[str, Any], Keys], dict[str, Any]] | None = None
    # the places of the keywords that were kept under `x-`
    kept: dict[str, list[Keys]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Return a line for each keyword that was kept under `x-`."""
        return [
            f"{self.source.file}:{self.source.line(places[0])}: the schema keyword `{keyword}` (in"
            f" {len(places)} places) is kept as `x-{keyword.lstrip('$')}`: {_REASONS.get(keyword, _UNREAD)}"
            for keyword, places in self.kept.items()
        ]

    def schema(self, value: Any, keys: Keys) -> dict[str, Any]:
        """Convert one schema with all that it holds; nothing is shared with the given maps."""
        if isinstance(value, bool):
            return {} if value else {"not": {}}
        if not isinstance(value, dict):
            raise self.source.error(f"expected a schema, found {_kind(value)}", keys)
        made: dict[str, Any] = {}
        for keyword, content in value.items():
            self._keyword(keyword, content, (*keys, keyword), made)
        made = _without_null_alternatives(made)
        self._exclusive_limits(made, keys)
        self._types(value, made, keys)
        _say_content(made)
        if "patternProperties" in value and made.get("additionalProperties") is not True:
            made.pop("additionalProperties", None)  # It spoke of what no pattern takes.
        if "prefixItems" in value or made.get("type") == "array":
            # 3.1 may leave items out; 3.0 says "anything" aloud. Beside a prefix they are only the others.
            made["items"] = {} if "prefixItems" in value else made.get("items", {})
        return self._named(value, _reference_alone(made), keys)

    def _keyword(self, keyword: str, content: Any, keys: Keys, made: dict[str, Any]) -> None:
        if keyword == "pattern" and isinstance(content, str) and not is_portable(content):
            made["x-pattern"] = content
            self.kept.setdefault(keyword, []).append(keys)
        elif keyword in _VERBATIM or keyword.startswith("x-"):
            made[keyword] = content
        elif keyword in _SCHEMAS_INSIDE:
            made[keyword] = self._inside(keyword, content, keys)
        elif keyword in _ONLY_REFUSES:
            made[f"x-{keyword.lstrip('$')}"] = content
            self.kept.setdefault(keyword, []).append(keys)
        elif (convert := _CONVERTED.get(keyword)) is not None:
            convert(self, content, keys, made)
        else:
            advice = "correct it in the page's copy, or teach spec/tools/schemas.py what it means"
            problem = f"the schema keyword `{keyword}` is not known to OpenAPI 3.0: {advice}"
            raise self.source.error(problem, keys)

    def _inside(self, keyword: str, content: Any, keys: Keys) -> Any:
        """Convert the schemas that a keyword holds."""
        if keyword in _SCHEMA_LIST:
            if not isinstance(content, list) or not content:
                raise self.source.error(f"expected a list of schemas, found {_kind(content)}", keys)
            return [self.schema(item, (*keys, place)) for place, item in enumerate(content)]
        if keyword == "properties":
            if not isinstance(content, dict):
                raise self.source.error(f"expected properties by name, found {_kind(content)}", keys)
            return {name: self._unwrapped(item, (*keys, name)) for name, item in content.items()}
        if keyword == "additionalProperties" and isinstance(content, bool):
            return content
        return self._unwrapped(content, keys)

    def _unwrapped(self, value: Any, keys: Keys) -> dict[str, Any]:
        """Take off the one-element `allOf` that the older format puts around each property."""
        while (
            self.on_named is not None
            and isinstance(value, dict)
            and list(value) == ["allOf"]
            and isinstance(value["allOf"], list)
            and len(value["allOf"]) == 1
        ):
            value, keys = value["allOf"][0], (*keys, "allOf", 0)
        return self.schema(value, keys)

    def _required(self, content: Any, keys: Keys, made: dict[str, Any]) -> None:
        if "required" in made or self.on_named is None:
            raise self.source.error("`requiredProperties` has no place here: use `required`", keys)
        made["required"] = content

    def _const(self, content: Any, _: Keys, made: dict[str, Any]) -> None:
        made.update({"enum": [content]} if content is not None else _ONLY_NULL)

    def _comment(self, content: Any, _: Keys, made: dict[str, Any]) -> None:
        made["x-comment"] = content

    def _reference(self, content: Any, keys: Keys, made: dict[str, Any]) -> None:
        if not isinstance(content, str) or not content.startswith("#/"):
            problem = f"a reference must begin with #/ and stay in the document: {content!r}"
            raise self.source.error(problem, keys)
        if content.startswith("#/$defs/") or "/$defs/" in content:
            raise self.source.error("a reference into `$defs`: make a component of what it names", keys)
        made["$ref"] = content

    def _discriminator(self, content: Any, keys: Keys, made: dict[str, Any]) -> None:
        """Write a mapping to names or to references, which some pages have, as one to references' texts."""
        if not isinstance(content, dict) or not isinstance(content.get("mapping", {}), dict):
            raise self.source.error(f"expected a discriminator, found {_kind(content)}", keys)
        made["discriminator"] = dict(content)
        if "mapping" in content:
            made["discriminator"]["mapping"] = {
                value: self._mapped(target, (*keys, "mapping", value))
                for value, target in content["mapping"].items()
            }

    def _mapped(self, target: Any, keys: Keys) -> str:
        if isinstance(target, dict) and list(target) == ["$ref"]:
            target = target["$ref"]
        if not isinstance(target, str):
            raise self.source.error(f"expected the name of a schema, found {_kind(target)}", keys)
        return target if target.startswith("#") else _PREFIX + target

    def _examples(self, content: Any, keys: Keys, made: dict[str, Any]) -> None:
        """Make 3.1's list of examples the one example of 3.0, and keep the others under an extension."""
        if not isinstance(content, list):
            raise self.source.error(f"expected a list of examples, found {_kind(content)}", keys)
        if content and "example" not in made:
            made["example"], content = content[0], content[1:]
        if content:
            made["x-examples"] = content

    def _exclusive_limits(self, made: dict[str, Any], keys: Keys) -> None:
        """Make 3.1's exclusive limits, which are numbers, 3.0's, which are flags on the inclusive ones."""
        limits = (("exclusiveMinimum", "minimum", max), ("exclusiveMaximum", "maximum", min))
        for keyword, inclusive, tighter in limits:
            limit, other = made.get(keyword), made.get(inclusive)
            if limit is None or isinstance(limit, bool):
                continue
            if not isinstance(limit, (int, float)):
                raise self.source.error(f"expected a number, found {_kind(limit)}", (*keys, keyword))
            if isinstance(other, (int, float)) and limit != other and tighter(limit, other) == other:
                del made[keyword]  # The inclusive limit excludes it anyway.
            else:
                made[inclusive], made[keyword] = limit, True

    def _types(self, value: dict[str, Any], made: dict[str, Any], keys: Keys) -> None:
        types = value.get("type")
        if types is None:
            if "type" in value:
                raise self.source.error("expected the name of a type, found null", (*keys, "type"))
            return
        names = types if isinstance(types, list) else [types]
        for name in names:
            if name not in {*TYPES, "null", "any", "file"} and not _ENUM_TYPE.fullmatch(str(name)):
                problem = f"{name!r} is no type of OpenAPI ({', '.join(TYPES)})"
                raise self.source.error(problem, (*keys, "type"))
        _set_types(made, [str(name) for name in names])

    def _named(self, value: dict[str, Any], made: dict[str, Any], keys: Keys) -> dict[str, Any]:
        if "refIdentifier" not in value:
            return made
        identifier = made.pop("refIdentifier")
        if self.on_named is None or not isinstance(identifier, str) or not identifier.startswith(_PREFIX):
            problem = f"{identifier!r} names no schema: expected {_PREFIX}NAME"
            raise self.source.error(problem, (*keys, "refIdentifier"))
        return self.on_named(identifier.removeprefix(_PREFIX), made, keys)


_CONVERTED: Final[dict[str, Callable[[SchemaReader, Any, Keys, dict[str, Any]], None]]] = {
    "$ref": SchemaReader._reference,  # noqa: SLF001 - this table is part of the class
    "$comment": SchemaReader._comment,  # noqa: SLF001
    "requiredProperties": SchemaReader._required,  # noqa: SLF001
    "discriminator": SchemaReader._discriminator,  # noqa: SLF001
    "const": SchemaReader._const,  # noqa: SLF001
    "examples": SchemaReader._examples,  # noqa: SLF001
}


def _kind(value: Any) -> str:
    """Name a value's kind for a person."""
    names = {dict: "a map", list: "a list", str: "a string", bool: "true or false", type(None): "nothing"}
    return "an empty list" if value == [] else names.get(type(value), f"{value!r}")


def _say_content(made: dict[str, Any]) -> None:
    """Make 3.1's ways to say that a string is bytes 3.0's, which are formats; keep what says more."""
    encoding, media_type = (made.pop(key, None) for key in ("contentEncoding", "contentMediaType"))
    is_text = str(media_type).startswith("text/") or str(media_type).endswith("json")
    if encoding == "base64":
        made.setdefault("format", "byte")
    elif encoding is not None:
        made["x-contentEncoding"] = encoding
    elif media_type is not None and not is_text:
        made.setdefault("format", "binary")
    if media_type not in {None, "application/octet-stream"}:
        made["x-contentMediaType"] = media_type


def _set_types(made: dict[str, Any], names: list[str]) -> None:
    """Say a type, or several, in 3.0's words."""
    kinds = [] if "any" in names else [name for name in names if name != "null"]
    if names == ["null"]:
        made.update(_ONLY_NULL)
        return
    if "null" in names:
        _allow_null(made)
    if len(kinds) == 1:
        _set_type(made, kinds[0])
        return
    made.pop("type")
    if not kinds:
        return
    # The other keywords stay beside the choice: each counts only for values of the type it is about.
    alternatives: list[dict[str, Any]] = [{"type": kind} for kind in kinds]
    if made.pop("nullable", False):
        alternatives[0]["nullable"] = True
    if "anyOf" in made:
        made["allOf"] = [*made.get("allOf", []), {"anyOf": alternatives}]
    else:
        made["anyOf"] = alternatives


def _set_type(made: dict[str, Any], kind: str) -> None:
    """Set one type. The older format also has two of its own: `enum<TYPE>` and `file`."""
    enum = _ENUM_TYPE.fullmatch(kind)
    made["type"] = enum[1] if enum else "string" if kind == "file" else kind
    if kind == "file":
        made.setdefault("format", "binary")


def _allow_null(made: dict[str, Any]) -> None:
    made["nullable"] = True
    if isinstance(made.get("enum"), list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]


def _without_null_alternatives(made: dict[str, Any]) -> dict[str, Any]:
    """Make 3.1's choice of something or null 3.0's `nullable`."""
    for choice in ("anyOf", "oneOf"):
        alternatives = made.get(choice)
        if alternatives is None or _ONLY_NULL not in alternatives:
            continue
        others = [one for one in alternatives if one != _ONLY_NULL]
        if len(others) == 1 and "type" in others[0] and not set(others[0]) & set(made):
            merged = {**others[0], **{key: content for key, content in made.items() if key != choice}}
            _allow_null(merged)
            return merged
    return made


def _reference_alone(made: dict[str, Any]) -> dict[str, Any]:
    """Put a reference that has neighbours into an `allOf`: beside `$ref` they count for nothing in 3.0."""
    if "$ref" not in made or len(made) == 1:
        return made
    reference = {"$ref": made.pop("$ref")}
    return {"allOf": [reference, *made.pop("allOf", [])], **made}
