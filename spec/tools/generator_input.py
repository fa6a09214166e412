"""The document as the generator can read it: the same on the wire, in the words that it knows.

The committed document keeps the words of the pages. What the generator would drop without a word, or refuse
though it is valid, is said in another way in the copy that it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spec.tools.errors import SpecError
from spec.tools.generator_media import bytes_media_types, drop_binary_in_json, say_answer, say_body
from spec.tools.generator_names import Names
from spec.tools.generator_schemas import (
    drop_unsafe_default,
    move_nullable_to_uses,
    name_alternatives,
    open_choices,
    open_circles,
    open_mixed_enum,
    require_both_ways,
    unwrap_all_of,
)
from spec.tools.structure import followed, walk

if TYPE_CHECKING:
    from spec.tools.errors import Keys, Notes
    from spec.tools.structure import Node

IGNORED_HEADERS: Final = frozenset({"accept", "authorization", "content-type"})
_WRITTEN_OTHERWISE: Final = frozenset({"date-time", "binary", "byte", "date", "uuid"})


@dataclass(frozen=True)
class GeneratorInput:
    """The copy for the generator."""

    # the document; equal to the given one where nothing had to be said in another way
    document: dict[str, Any]
    stand_ins: dict[str, str]  # the name on the wire of each name that stands in for it (`generator_names`)
    as_text: frozenset[Keys]  # the places of the parameters that callers pass as text


def for_generator(document: dict[str, Any], reports: Notes) -> GeneratorInput:
    """Make the copy of a checked document for the generator.

    `reports` gets a line for each place where the generated client says less than the document.
    """
    made: dict[str, Any] = _copied(document)
    as_text: set[Keys] = set()
    _drop_ignored_headers(made, reports)
    open_circles(made, reports)
    drop_binary_in_json(made)
    as_bytes = bytes_media_types(made)
    for node in list(walk(made)):
        match node.kind:
            case "parameter" | "header" if "$ref" not in node.value:
                _say_content_as_text(node, reports, as_text)
                _say_style_as_text(made, node, reports, as_text)
            case "schema":
                unwrap_all_of(node)
                open_mixed_enum(node, reports)
                drop_unsafe_default(node)
                require_both_ways(made, node)
                open_choices(made, node)
            case "response":
                say_answer(node, reports, as_bytes)
            case "request body" if "$ref" not in node.value:
                say_body(made, node, reports)
    name_alternatives(made)
    move_nullable_to_uses(made)
    names = Names(made, reports)
    names.choose()
    return GeneratorInput(made, names.stand_ins, frozenset(as_text))


def _copied(value: Any) -> Any:
    """Copy a value so that no map in it stands in two places: changing one would change the other."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _say_as_text(parameter: dict[str, Any]) -> None:
    parameter["schema"] = {"type": "string"}
    for key in ("example", "examples"):
        parameter.pop(key, None)


def _say_content_as_text(node: Node, reports: Notes, as_text: set[Keys]) -> None:
    """Say a parameter that is text of a media type as a string: the generator drops it without a word."""
    content = node.value.pop("content", None)
    if content is None:
        return
    media_type = next(iter(content), "any media type")
    _say_as_text(node.value)
    said = node.value.get("description", "")
    node.value["description"] = f"{said} As text of {media_type}.".strip()
    if node.kind == "parameter":
        as_text.add(node.keys)
        reports.append((node.keys, f"the generated client takes it as text of {media_type}"))


def _say_style_as_text(document: dict[str, Any], node: Node, reports: Notes, as_text: set[Keys]) -> None:
    """Say as text what the generator would write in its own way: one pair an entry, or Python's repr."""
    parameter, where, name = node.value, node.value.get("in"), node.value.get("name")
    schema = followed(document, parameter.get("schema", {}))
    style = parameter.get("style", "form" if where in {"query", "cookie"} else "simple")
    one_pair_each = (style, parameter.get("explode", style == "form")) == ("form", True)
    kind = schema.get("type")
    is_compound = kind in {"array", "object"}
    if where is not None and not {"type", "enum", "anyOf", "oneOf", "allOf", "properties"} & set(schema):
        _say_as_text(parameter)  # Of any other value it would write Python's repr.
        as_text.add(node.keys)
        return
    if where == "query":
        if style == "deepObject" and is_compound:
            problem = f"the generated client doesn't write {name} as deepObject: pass it through its httpx"
            reports.append((node.keys, problem))
        if not is_compound or one_pair_each or style == "deepObject":
            return
    elif where is None or not (
        is_compound
        or (where in {"header", "path"} and {"nullable", "anyOf", "oneOf"} & set(schema))
        or (kind == "string" and schema.get("format") in _WRITTEN_OTHERWISE)
        or (where == "path" and kind == "boolean")
    ):
        return
    if where in {"header", "cookie"} and is_compound:
        problem = f"the generated client can't write the {kind} {name!r} in a {where}: make it a string"
        advice = "(`schema: {type: string}`) by an action in spec/overlay.yaml; callers write it then"
        raise SpecError(f"{problem} {advice}", keys=node.keys)
    _say_as_text(parameter)
    as_text.add(node.keys)
    problem = f"the generated client takes {name} as text, written as the {where} has it (style {style})"
    reports.append((node.keys, problem))


def _drop_ignored_headers(made: dict[str, Any], reports: Notes) -> None:
    """Leave out the header parameters that OpenAPI says to ignore: media types and security describe them."""
    for node in list(walk(made)):
        if node.kind not in {"operation", "path item"} or not node.value.get("parameters"):
            continue
        kept = []
        for given in node.value["parameters"]:
            one = followed(made, given)
            if one.get("in") == "header" and str(one.get("name")).lower() in IGNORED_HEADERS:
                reports.append((node.keys, f"OpenAPI ignores the header {one['name']} here"))
            else:
                kept.append(given)
        node.value["parameters"] = kept
        if not kept:
            del node.value["parameters"]
