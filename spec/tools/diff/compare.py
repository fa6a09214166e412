"""Compares two documents from the top: which operation has become which, then the components they share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from spec.tools.diff.message import compare_body, compare_link, compare_parameter, compare_response
from spec.tools.diff.model import MISSING, Change, Direction, Place, same
from spec.tools.diff.operation import compare_callback, compare_operation, compare_path_item, compare_servers
from spec.tools.diff.rate import rated
from spec.tools.diff.reference import as_map, operations, spread
from spec.tools.diff.schema import compare_schema, makes_class
from spec.tools.diff.walker import Walk
from spec.tools.structure import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spec.tools.diff.walker import Comparison

_TOLD: Final = frozenset(
    {"openapi", "info", "servers", "paths", "webhooks", "components", "tags", "security"}
)
_TAGS: Final = "tags"


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], names: tuple[str, str] = ("old", "new")
) -> list[Change]:
    """Compare two OpenAPI documents.

    Args:
        old: The document before.
        new: The document after.
        names: What to call the two in errors.

    Returns:
        The changes, worst first. Empty if and only if the documents are the same JSON.

    Raises:
        SpecError: A reference leads nowhere or in a circle, or a document is none at its top.
    """
    before, after = spread(dict(old), names[0]), spread(dict(new), names[1])
    if same(old, new):
        return []
    walk = Walk(before, after)
    top = Place("the document")
    _compare_top(walk, before.root, after.root, top)
    _compare_paths(walk, as_map(before.root.get("paths")), as_map(after.root.get("paths")))
    _compare_webhooks(walk, as_map(before.root.get("webhooks")), as_map(after.root.get("webhooks")))
    _compare_components(walk)
    if not walk.findings:  # A parameter written at a path or at all its operations, for example.
        walk.note("rewritten", top, "the document", "as it was", "the same in other words")
    return rated(walk)


def _compare_top(walk: Walk, old: dict[str, Any], new: dict[str, Any], top: Place) -> None:
    if not same(old.get("openapi"), new.get("openapi")):
        values = old.get("openapi", MISSING), new.get("openapi", MISSING)
        walk.note("openapi-changed", top.into("openapi"), "openapi", *values)
    one, other = as_map(old.get("info")), as_map(new.get("info"))
    for key in {**one, **other}:
        if not same(one.get(key, MISSING), other.get(key, MISSING)):
            here = top.into("info", key)
            walk.note("info-changed", here, f"info.{key}", one.get(key, MISSING), other.get(key, MISSING))
    compare_servers(walk, old.get("servers"), new.get("servers"), top)
    walk.documentation(_TAGS, old.get(_TAGS, MISSING), new.get(_TAGS, MISSING), top.into(_TAGS))
    walk.documentation("security", old.get("security", MISSING), new.get("security", MISSING), top)
    walk.rest(old, new, _TOLD, top)


def _template(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _parameters(path: str) -> list[str]:
    return re.findall(r"\{([^}]*)\}", path)


def _compare_paths(walk: Walk, old: dict[str, Any], new: dict[str, Any]) -> None:
    by_template = {_template(path): path for path in new if path not in old}
    one = {(path, method): operation for path, method, operation in operations(old)}
    other = {(path, method): operation for path, method, operation in operations(new)}
    renamed = {
        path: by_template[_template(path)]
        for path in old
        if path not in new and _template(path) in by_template
    }
    partners = {
        key: (renamed.get(key[0], key[0]), key[1])
        for key in one
        if (renamed.get(key[0], key[0]), key[1]) in other
    }
    ids = {
        operation["operationId"]: key
        for key, operation in other.items()
        if "operationId" in operation and key not in partners.values()
    }
    for key, operation in one.items():
        if key not in partners and (moved := ids.get(operation.get("operationId"))) is not None:
            partners[key] = moved
    for path, name in renamed.items():
        walk.note("path-parameter-renamed", Place(f"path {name}", ("paths", name)), "", path, name)
    for key, operation in one.items():
        if key in partners:
            _compare_pair(walk, (key, operation), (partners[key], other[partners[key]]), key[0] in renamed)
        else:
            walk.note("operation-removed", _operation_place(key), _label(key), operation, MISSING)
    for key, operation in other.items():
        if key not in partners.values():
            walk.note("operation-added", _operation_place(key), _label(key), MISSING, operation)
    _compare_path_items(walk, old, new, renamed)


def _compare_path_items(
    walk: Walk, old: dict[str, Any], new: dict[str, Any], renamed: dict[str, str]
) -> None:
    """Compare what stands beside the operations of a path."""
    for path, item in old.items():
        after = new.get(renamed.get(path, path), {})
        place = Place(f"path {path}", ("paths", path))
        compare_servers(walk, as_map(item).get("servers"), as_map(after).get("servers"), place)
        walk.rest(as_map(item), as_map(after), {*METHODS, "servers"}, place)
        _compare_malformed(walk, item, after, place)
    for path, item in new.items():
        if path not in old and path not in renamed.values():
            walk.rest({}, as_map(item), {*METHODS, "servers"}, Place(f"path {path}", ("paths", path)))


def _compare_malformed(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Note what stands where a path item or an operation should, and is no map."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        if not same(old, new):
            walk.note("unknown-changed", place, "no map", old, new)
        return
    for method in METHODS:
        one, other = old.get(method, MISSING), new.get(method, MISSING)
        if not same(one, other) and not all(
            value is MISSING or isinstance(value, dict) for value in (one, other)
        ):
            walk.note("unknown-changed", place.into(method), method, one, other)


def _label(key: tuple[str, str]) -> str:
    return f"{key[1].upper()} {key[0]}"


def _operation_place(key: tuple[str, str]) -> Place:
    return Place(_label(key), ("paths", *key), direction=Direction.SENT, operation=True)


def _compare_pair(
    walk: Walk,
    old: tuple[tuple[str, str], dict[str, Any]],
    new: tuple[tuple[str, str], dict[str, Any]],
    path_renamed: bool,  # noqa: FBT001 - one of the two cases of a pair whose places differ
) -> None:
    place = _operation_place(new[0])
    before = old[1]
    if old[0] != new[0]:
        if not path_renamed:
            walk.note("operation-moved", place, "", _label(old[0]), _label(new[0]))
        before = _with_renamed_parameters(walk, before, _parameters(old[0][0]), _parameters(new[0][0]))
    compare_operation(walk, before, new[1], place)


def _with_renamed_parameters(
    walk: Walk, operation: dict[str, Any], old: list[str], new: list[str]
) -> dict[str, Any]:
    """Give the path parameters of the old operation their new names, told already as the path's."""
    names = dict(zip(old, new, strict=False))
    parameters = []
    for parameter in operation.get("parameters") or []:
        resolved = as_map(walk.old.resolved(parameter))
        if resolved.get("in") == "path" and names.get(name := str(resolved.get("name"))) not in {None, name}:
            parameters.append({**resolved, "name": names[name]})
        else:
            parameters.append(parameter)
    return {**operation, "parameters": parameters} if parameters else operation


def _compare_webhooks(walk: Walk, old: dict[str, Any], new: dict[str, Any]) -> None:
    for name in {**old, **new}:
        place = Place(
            f"webhook {name}", ("webhooks", name), direction=Direction.RECEIVED, operation=True, callback=True
        )
        if name in old and name in new:
            compare_path_item(walk, as_map(old[name]), as_map(new[name]), place)
        else:
            rule = "callback-removed" if name in old else "callback-added"
            walk.note(rule, place, name, old.get(name, MISSING), new.get(name, MISSING))


def _compare_value(walk: Walk, old: Any, new: Any, place: Place) -> None:
    walk.documentation("example", old, new, place)


def _compare_security_scheme(walk: Walk, old: Any, new: Any, place: Place) -> None:
    told = {"type", "name", "in", "scheme", "flows", "openIdConnectUrl"}
    for key in sorted(told):
        one, other = old.get(key, MISSING), new.get(key, MISSING)
        if not same(one, other):
            walk.note("security-scheme-changed", place.into(key), key, one, other)
    walk.rest(old, new, told, place)


_SECTIONS: Final[dict[str, tuple[str, Comparison]]] = {
    "schemas": ("schema", compare_schema),
    "responses": ("response", compare_response),
    "parameters": ("parameter", compare_parameter),
    "headers": ("header", compare_parameter),
    "requestBodies": ("request body", compare_body),
    "links": ("link", compare_link),
    "callbacks": ("callback", compare_callback),
    "securitySchemes": ("security scheme", _compare_security_scheme),
    "examples": ("example", _compare_value),
}


def _compare_components(walk: Walk) -> None:
    one, other = (as_map(document.root.get("components")) for document in (walk.old, walk.new))
    for section, (kind, compare_component) in _SECTIONS.items():
        waiting = [(name, name) for name in walk.old.names(section) if name in walk.new.names(section)]
        told: set[tuple[str, str]] = set()
        while waiting or (waiting := _renamed(walk, section, told)):
            old_name, new_name = waiting.pop(0)
            told.add((old_name, new_name))
            place = _component_place(walk, section, kind, (old_name, new_name))
            if old_name != new_name:
                walk.note("component-renamed", place, "", old_name, new_name)
            values = walk.old.component(section, old_name), walk.new.component(section, new_name)
            if values[0] is not None or values[1] is not None:
                walk.meet(compare_component, *values, place)
    for section, (kind, _) in _SECTIONS.items():
        _compare_names(walk, section, kind)
    walk.rest(one, other, _SECTIONS, Place("the document", ("components",)))


def _renamed(walk: Walk, section: str, told: set[tuple[str, str]]) -> list[tuple[str, str]]:
    pairs = [(old[1], new) for old, new in walk.renamed.items() if old[0] == section]
    return [pair for pair in pairs if pair not in told]


def _compare_names(walk: Walk, section: str, kind: str) -> None:
    """Tell which components came and which went."""
    renamed = dict(_renamed(walk, section, set()))
    old, new = walk.old.names(section), walk.new.names(section)
    titles = set(_titles(walk.new.root))
    for name in old:
        if name in new or name in renamed:
            continue
        place = _component_place(walk, section, kind, (name, name))
        value = walk.old.component(section, name)
        if section == "schemas":
            class_name = as_map(value).get("title", name)
            gone = makes_class(value) and class_name not in titles and class_name not in new
            rule = "schema-removed" if gone else "component-removed"
            walk.note(rule, place, str(class_name) if gone else name, value, MISSING)
        elif section == "securitySchemes":
            walk.note("security-scheme-removed", place, name, value, MISSING)
        else:
            walk.note("component-removed", place, name, value, MISSING)
    for name in new:
        if name not in old and name not in renamed.values():
            rule = {"schemas": "schema-added", "securitySchemes": "security-scheme-added"}.get(
                section, "component-added"
            )
            place = _component_place(walk, section, kind, (name, name))
            walk.note(rule, place, name, MISSING, walk.new.component(section, name))


def _titles(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if makes_class(found) and isinstance(title := found.get("title"), str):
                yield title
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _component_place(walk: Walk, section: str, kind: str, names: tuple[str, str]) -> Place:
    value = walk.new.component(section, names[1]) or walk.old.component(section, names[0])
    title = as_map(value).get("title")
    called = (
        f"{title} ({names[1]})"
        if section == "schemas" and isinstance(title, str) and title != names[1]
        else names[1]
    )
    return Place(f"{kind} {called}", ("components", section, names[1]), component=(section, *names))
