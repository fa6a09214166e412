"""The document as the generator can read it: the same on the wire, in the words that it knows.

The committed document keeps the words of the pages. What the generator would drop without a word, or refuse
though it is valid, is said in another way in the copy that it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spec.tools.errors import SpecError, describe_keys
from spec.tools.generator_media import bytes_media_types, drop_binary_in_json, say_answer, say_body
from spec.tools.generator_names import Names
from spec.tools.structure import resolve, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spec.tools.errors import Keys
    from spec.tools.structure import Node

_SCHEMAS: Final = "#/components/schemas/"
_IGNORED_HEADERS: Final = frozenset({"accept", "authorization", "content-type"})
_KINDS: Final[dict[str, set[type]]] = {
    "string": {str},
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
}
_WRITTEN_OTHERWISE: Final = frozenset({"date-time", "binary", "byte", "date", "uuid"})


@dataclass(frozen=True)
class GeneratorInput:
    """The copy for the generator.

    Attributes:
        document: The document; equal to the given one where nothing had to be said in another way.
        stand_ins: The name on the wire of each name that stands in for it (`generator_names`).
        as_text: The places of the parameters that callers pass as text.
    """

    document: dict[str, Any]
    stand_ins: dict[str, str]
    as_text: frozenset[Keys]


def for_generator(document: dict[str, Any], reports: list[str]) -> GeneratorInput:
    """Make the copy for the generator.

    Args:
        document: A checked document. It is not changed.
        reports: Gets a line for each place where the generated client says less than the document.

    Raises:
        SpecError: The document says something that the generated client can't do. Its `keys` name the place.
    """
    made: dict[str, Any] = _copied(document)
    as_text: set[Keys] = set()
    _drop_ignored_headers(made, reports)
    _open_circles(made, reports)
    drop_binary_in_json(made)
    as_bytes = bytes_media_types(made)
    for node in list(walk(made)):
        match node.kind:
            case "parameter" | "header" if "$ref" not in node.value:
                _say_content_as_text(node, reports, as_text)
                _say_style_as_text(made, node, reports, as_text)
            case "schema":
                _open_mixed_enum(node, reports)
                _drop_unsafe_default(node)
                _require_both_ways(made, node)
                _open_choices(made, node)
            case "response":
                say_answer(node, reports, as_bytes)
            case "request body" if "$ref" not in node.value:
                say_body(made, node, reports)
    _name_alternatives(made)
    _move_nullable_to_uses(made)
    names = Names(made, reports)
    names.choose()
    return GeneratorInput(made, names.stand_ins, frozenset(as_text))


def _copied(value: Any) -> Any:
    """Copy a value so that no map in it stands in two places: changing one would change the other."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _say_content_as_text(node: Node, reports: list[str], as_text: set[Keys]) -> None:
    """Say a parameter that is text of a media type as a string: the generator drops it without a word."""
    content = node.value.pop("content", None)
    if content is None:
        return
    media_type = next(iter(content), "any media type")
    node.value["schema"] = {"type": "string"}
    said = node.value.get("description", "")
    node.value["description"] = f"{said} As text of {media_type}.".strip()
    for key in ("example", "examples"):
        node.value.pop(key, None)
    if node.kind == "parameter":
        as_text.add(node.keys)
        reports.append(f"{describe_keys(node.keys)}: the generated client takes it as text of {media_type}")


def _say_style_as_text(document: dict[str, Any], node: Node, reports: list[str], as_text: set[Keys]) -> None:
    """Say as text what the generator would write in its own way: one pair an entry, or Python's repr."""
    parameter, where = node.value, node.value.get("in")
    schema = parameter.get("schema", {})
    while "$ref" in schema:
        schema = resolve(document, schema["$ref"])
    style = parameter.get("style", "form" if where in {"query", "cookie"} else "simple")
    one_pair_each = (style, parameter.get("explode", style == "form")) == ("form", True)
    kind = schema.get("type")
    if where == "query":
        if kind not in {"array", "object"} or one_pair_each:
            return
        if style == "deepObject":
            reports.append(
                f"{describe_keys(node.keys)}: the generated client doesn't write {parameter.get('name')} as"
                " deepObject: pass it through the client's own httpx"
            )
            return
    elif where is None or not (
        kind in {"array", "object"}
        or (where == "header" and {"nullable", "anyOf", "oneOf"} & set(schema))
        or (kind == "string" and schema.get("format") in _WRITTEN_OTHERWISE)
        or (where == "path" and kind == "boolean")
    ):
        return
    if where in {"header", "cookie"} and kind in {"array", "object"}:
        raise SpecError(
            f"the generated client can't write the {kind} {parameter.get('name')!r} in a {where}: make it a"
            " string (`schema: {type: string}`) by an action in spec/overlay.yaml; callers write it then",
            keys=node.keys,
        )
    parameter["schema"] = {"type": "string"}
    for key in ("example", "examples"):
        parameter.pop(key, None)
    as_text.add(node.keys)
    reports.append(
        f"{describe_keys(node.keys)}: the generated client takes {parameter.get('name')} as text, written as"
        f" the {where} has it (style {style})"
    )


def _drop_ignored_headers(made: dict[str, Any], reports: list[str]) -> None:
    """Leave out the header parameters that OpenAPI says to ignore: media types and security describe them."""
    for node in list(walk(made)):
        parameters = node.value.get("parameters")
        if node.kind not in {"operation", "path item"} or not isinstance(parameters, list):
            continue
        kept = []
        for given in parameters:
            one = resolve(made, given["$ref"]) if "$ref" in given else given
            if one.get("in") == "header" and str(one.get("name")).lower() in _IGNORED_HEADERS:
                reports.append(f"{describe_keys(node.keys)}: OpenAPI ignores the header {one['name']} here")
            else:
                kept.append(given)
        node.value["parameters"] = kept
        if not kept:
            del node.value["parameters"]


def _drop_unsafe_default(node: Node) -> None:
    """Leave out a text's default that the generator would escape twice: the service has the same one."""
    default = node.value.get("default")
    if isinstance(default, str) and not (default.isprintable() and not set(default) & {'"', "\\", "'"}):
        del node.value["default"]


def _require_both_ways(made: dict[str, Any], node: Node) -> None:
    """Require of the one class for both directions only what stands in both."""
    properties = node.value.get("properties", {})

    def is_one_way(name: str) -> bool:
        inner = properties.get(name, {})
        while "$ref" in inner:
            inner = resolve(made, inner["$ref"])
        return bool(inner.get("readOnly") or inner.get("writeOnly"))

    required = node.value.get("required")
    if isinstance(required, list) and any(map(is_one_way, required)):
        node.value["required"] = [name for name in required if not is_one_way(name)]


def _open_choices(made: dict[str, Any], node: Node) -> None:
    """Let each object of a choice keep unknown properties: a value of another one would lose some."""
    for part in [*(node.value.get("anyOf") or ()), *(node.value.get("oneOf") or ())]:
        schema = part
        while "$ref" in schema:
            schema = resolve(made, schema["$ref"])
        if schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def _open_circles(made: dict[str, Any], reports: list[str]) -> None:
    """Let a choice or list that holds itself hold any value: the generator makes classes of objects alone."""
    schemas = made.get("components", {}).get("schemas", {})

    def is_open(reference: str) -> bool:
        schema = resolve(made, reference)
        return schema.get("type") != "object" and "properties" not in schema and "allOf" not in schema

    for name, schema in schemas.items():
        start = _SCHEMAS + name
        if not is_open(start) or start not in _reachable(made, start, is_open):
            continue
        for node in list(walk(schema, "schema")):
            reference = node.value.get("$ref")
            if reference == start or (
                reference and is_open(reference) and start in _reachable(made, reference, is_open)
            ):
                node.value.clear()
        reports.append(
            f"{describe_keys(('components', 'schemas', name))}: it holds itself: the generated client takes"
            " any value inside it"
        )


def _name_alternatives(made: dict[str, Any]) -> None:
    """Make components of the objects in a component's choice or list that hold objects themselves.

    The generator does not look into them where they stand.
    """
    schemas = made.get("components", {}).get("schemas", {})
    for name, schema in list(schemas.items()):
        parts = [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
        places: list[tuple[Any, Any, str]] = []
        if parts:
            places += [
                (
                    schema[key],
                    number,
                    f"{name}_type_{number + (len(schema.get('anyOf') or ()) if key == 'oneOf' else 0)}",
                )
                for key in ("anyOf", "oneOf")
                for number in range(len(schema.get(key) or ()))
            ]
        elif schema.get("type") == "array" and isinstance(schema.get("items"), dict):
            places.append((schema, "items", f"{name}_item"))
        for holder, key, wanted in places:
            part = holder[key]
            if "$ref" in part or part.get("type") != "object" or not _holds_classes(part):
                continue
            new = wanted
            while new in schemas:
                new += "_"
            schemas[new] = part
            holder[key] = {"$ref": _SCHEMAS + new}


def _holds_classes(schema: dict[str, Any]) -> bool:
    return any(
        node.value.get("enum") or node.value.get("type") == "object" or "properties" in node.value
        for node in list(walk(schema, "schema"))[1:]
    )


def _open_mixed_enum(node: Node, reports: list[str]) -> None:
    """Take an enum of several types out: the generator makes none. The document keeps it for validation."""
    enum = node.value.get("enum")
    if not isinstance(enum, list):
        return
    kinds = {type(value) for value in enum if value is not None}
    if kinds and node.value.get("type") in _KINDS and not kinds <= _KINDS[node.value["type"]]:
        reports.append(
            f"{describe_keys(node.keys)}: no value fits both its type {node.value['type']} and its enum:"
            " correct one by an action in spec/overlay.yaml"
        )
    if len(kinds) > 1 or not kinds <= {str, int}:
        for key in ("enum", "x-enum-varnames", "default"):
            node.value.pop(key, None)
        reports.append(
            f"{describe_keys(node.keys)}: the generated client takes any value, not only the enum's"
        )


def _move_nullable_to_uses(made: dict[str, Any]) -> None:
    """Say of the uses of a recursive component that they may be null, and no longer of the component.

    The generator makes a union of what may be null, and can't make one that holds itself.
    """
    schemas = made.get("components", {}).get("schemas", {})
    moved = {
        _SCHEMAS + name
        for name, schema in schemas.items()
        if schema.get("nullable") is True
        and (schema.get("type") == "object" or "properties" in schema)
        and _SCHEMAS + name in _reachable(made, _SCHEMAS + name)
    }
    for reference in moved:
        del resolve(made, reference)["nullable"]
    for node in list(walk(made)):
        # In an `allOf` the reference is a part of another schema, which says itself whether it may be null.
        in_all_of = len(node.keys) > 1 and node.keys[-2] == "allOf"
        if node.kind == "schema" and node.value.get("$ref") in moved and not in_all_of:
            node.value.update({"nullable": True, "allOf": [{"$ref": node.value.pop("$ref")}]})


def _reachable(made: dict[str, Any], start: str, through: Callable[[str], bool] = lambda _: True) -> set[str]:
    """Give the components that one refers to, by any number of steps through some of them."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for reference in _references(resolve(made, waiting.pop())):
            if reference not in found:
                found.add(reference)
                if through(reference):
                    waiting.append(reference)
    return found


def _references(schema: dict[str, Any]) -> Iterator[str]:
    for node in walk(schema, "schema"):
        reference = node.value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_SCHEMAS):
            yield reference
