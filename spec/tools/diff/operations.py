"""Compares two documents: their operations, what each call carries, and the components that they share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from spec.tools.diff.document import Document, Node, Pair, defined_at
from spec.tools.diff.messages import (
    compare_bodies,
    compare_body,
    compare_named,
    compare_parameter,
    compare_parameters,
    compare_response,
    compare_responses,
)
from spec.tools.diff.model import MISSING, Direction, Place, as_list, as_map, same
from spec.tools.diff.normal import with_references_alone
from spec.tools.diff.schemas import class_name, compare_schema, makes_class
from spec.tools.diff.security import compare_security, compare_security_scheme
from spec.tools.diff.walk import Walk
from spec.tools.errors import SpecError
from spec.tools.structure import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spec.tools.diff.model import Change
    from spec.tools.errors import Keys


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], names: tuple[str, str] = ("old", "new")
) -> list[Change]:
    """Compare two OpenAPI documents."""
    before, after = (
        Document(with_references_alone(dict(one)), name) for one, name in zip((old, new), names, strict=True)
    )
    for document in (before, after):
        for key in ("paths", "components", "info", "webhooks"):
            if not isinstance(document.root.get(key, {}), dict):
                message = "this is no OpenAPI document: a map must stand here"
                raise SpecError(message, document.file, keys=(key,))
    if same(old, new):
        return []
    walk = Walk(before, after)
    place = Place("the document")
    top = Pair(Node(before, before.root, place), Node(after, after.root, place))
    _compare_top(walk, top)
    for path in top.at("paths").keys:
        _compare_path(walk, top, path)
    for name in top.at("webhooks").keys:
        _compare_webhook(walk, top.at("webhooks").at(name), str(name))
    _compare_components(walk, top)
    if not walk.count:  # Of references with neighbours both ways to write them were made one.
        same_again = same(before.root, after.root)
        words = ("as it was", "the same in other words") if same_again else ("one thing", "another")
        walk.note("rewritten" if same_again else "unknown-changed", top, "the document", *words)
    return walk.changes()


def _compare_top(walk: Walk, top: Pair) -> None:
    if top.at("openapi").differs:
        walk.note("openapi-changed", top.at("openapi"))
    for key in top.at("info").keys:
        if top.at("info").at(key).differs:
            walk.note("info-changed", top.at("info").at(key), f"info.{key}")
    _compare_servers(walk, top.at("servers"))
    walk.documentation(top.at("tags"), "tags")
    walk.rest(top, {"openapi", "info", "servers", "paths", "webhooks", "components", "tags", "security"})


def _compare_webhook(walk: Walk, pair: Pair, name: str) -> None:
    """Compare two webhooks, whose requests callers receive."""
    here = _placed(pair, Place(f"webhook {name}", ("webhooks", name), operation=True))
    here = evolve(here, direction=Direction.RECEIVED, use=f"webhook {name}", callback=True)
    _compare_callback_item(walk, here, name)


def _placed(pair: Pair, place: Place) -> Pair:
    return pair.each(lambda node: evolve(node, place=place))


def _compare_path(walk: Walk, top: Pair, path: str) -> None:
    item = top.at("paths").at(path).each(Node.resolved)
    walk.met |= {node.target for node in (item.old, item.new) if node.target}
    item = _placed(item, Place(f"path {path}", ("paths", path)))
    walk.rest(item, {*METHODS, "servers", "parameters"})
    for method in METHODS:
        place = Place(f"{method.upper()} {path}", ("paths", path), operation=True)
        above = _placed(item, place)
        here = above.at(method)
        is_map = [isinstance(value, dict) for value in here.values]
        if all(is_map):
            compare_operation(walk, here, above, top)
        elif here.differs:
            rule = "operation-removed" if is_map[0] else "operation-added" if is_map[1] else "unknown-changed"
            walk.note(rule, here)


def compare_operation(walk: Walk, pair: Pair, item: Pair | None = None, top: Pair | None = None) -> None:
    """Compare two operations, with what their path and the document say for all; both None in a callback."""
    label = pair.use or pair.place.subject
    words = ("callback", "callback's response") if pair.callback else ("request", "response")
    request = evolve(pair, use=f"{label} ({words[0]})")
    response = evolve(pair, use=f"{label} ({words[1]})", direction=pair.direction.turned)
    if pair.at("operationId").differs:
        rule = "callback-operation-id-changed" if pair.callback else "operation-id-changed"
        walk.note(rule, pair.at("operationId"))
    _compare_tags(walk, pair)
    compare_parameters(walk, request.at("parameters"), item and item.at("parameters"))
    compare_bodies(walk, request.at("requestBody", "body"))
    compare_responses(walk, response.at("responses"))
    compare_security(walk, pair.at("security"), top and top.at("security"))
    _compare_servers(walk, pair.at("servers"), item and item.at("servers"), top and top.at("servers"))
    callbacks = evolve(pair, use=label).at("callbacks")
    compare_named(walk, callbacks, "callback", _compare_callback)
    known = "operationId tags parameters requestBody responses security servers callbacks"
    walk.rest(pair, known.split())


def _compare_tags(walk: Walk, pair: Pair) -> None:
    here = pair.at("tags")
    first = [next(iter(as_list(tags)), "default") for tags in here.values]
    if first[0] != first[1] and not pair.callback:
        walk.note("first-tag-changed", here, "", *first)
    elif here.differs:
        walk.note("tags-changed", here)


def _compare_callback(walk: Walk, pair: Pair) -> None:
    """Compare two callbacks: inside, the caller receives the request and sends the response."""
    for address in pair.keys:
        inside = evolve(pair.at(address), callback=True, direction=pair.direction.turned)
        _compare_callback_item(walk, inside, str(address))


def _compare_callback_item(walk: Walk, pair: Pair, name: str) -> None:
    if MISSING in pair.values:
        walk.note("callback-removed" if pair.new.value is MISSING else "callback-added", pair, name)
        return
    item = pair.each(Node.resolved)
    for method in METHODS:
        here = item.at(method)
        if all(isinstance(value, dict) for value in here.values):
            compare_operation(walk, here)
        elif here.differs:
            walk.note("callback-removed" if here.new.value is MISSING else "callback-added", here, method)
    compare_parameters(walk, item.at("parameters"))
    _compare_servers(walk, item.at("servers"))
    walk.rest(item, {*METHODS, "parameters", "servers"})


# --- servers


def _compare_servers(walk: Walk, pair: Pair, *above: Pair | None) -> None:
    """Compare the servers of two operations: their own, else those of `above`; callers get the first."""
    if all(MISSING is value for one in (pair, *above[:1]) if one for value in one.values):
        return
    levels = [one.values for one in (pair, *above) if one]
    lists = [
        next(filter(None, (as_list(values[side]) for values in levels)), [{"url": "/"}]) for side in (0, 1)
    ]
    here = pair.of(evolve(pair.old, value=lists[0]), evolve(pair.new, value=lists[1]))
    one, other = (
        {str(as_map(server).get("url")): number for number, server in enumerate(found)} for found in lists
    )
    before = walk.count
    first, second = next(iter(one)), next(iter(other))
    if first != second:
        walk.note("first-server-changed", here, "", first, second)
    for url in {**one, **other}:
        if url not in other and url != "/":
            walk.note("server-removed", here, "", url, MISSING)
        elif url not in one and url != second:
            walk.note("server-added", here, "", MISSING, url)
        elif url in one and url in other:
            server = here.of(here.old.at(one[url]), here.new.at(other[url]))
            variables = server.at("variables", f"server {url}")
            for name in variables.keys:
                _compare_variable(walk, variables.at(name), str(name))
            walk.rest(server, {"url", "variables"})
    if walk.count == before:
        walk.written(pair)


def _compare_variable(walk: Walk, pair: Pair, name: str) -> None:
    """Compare what may stand at one place of a server's URL: calls use the default."""
    if not all(isinstance(value, dict) for value in pair.values) or pair.at("default").differs:
        if pair.differs:
            walk.note("server-variable-changed", pair, name)
        return
    old, new = pair.at("enum").values
    if MISSING in (old, new) and old != new:
        walk.note("limit-tightened" if old is MISSING else "limit-loosened", pair.at("enum"), name)
    else:
        walk.choice(pair.at("enum"), f"{name}: value", as_list(old), as_list(new))
        walk.written(pair.at("enum"))
    walk.rest(pair, {"default", "enum"})


# --- components


def _compare_example(walk: Walk, pair: Pair) -> None:
    walk.documentation(pair, "example")


_SECTIONS: Final[dict[str, Callable[[Walk, Pair], None]]] = {
    "schemas": compare_schema,
    "responses": compare_response,
    "parameters": compare_parameter,
    "headers": compare_parameter,
    "requestBodies": compare_body,
    "callbacks": _compare_callback,
    "securitySchemes": compare_security_scheme,
    "examples": _compare_example,
    "links": _compare_example,
    "pathItems": partial(_compare_callback_item, name="path item"),
}


def _defined(node: Node, way: Keys) -> Node:
    return defined_at(node.document, way, node.value)


def _compare_components(walk: Walk, top: Pair) -> None:
    """Compare the components that no operation led to, and note those that came and went."""
    components = top.at("components")
    schemas = as_map(components.at("schemas").new.value)
    classes = {
        class_name(defined_at(walk.new, (name,), value))
        for name, value in schemas.items()
        if makes_class(value)
    }
    for section, compare_component in _SECTIONS.items():
        for name in components.at(section).keys:
            here = components.at(section).at(name)
            way = ("components", section, str(name))
            pair = here.each(partial(_defined, way=way))
            pair = evolve(pair, direction=Direction.NEITHER)
            kind = "security-scheme" if section == "securitySchemes" else "component"
            if pair.old.value is MISSING:
                walk.note(f"{kind}-added", pair)
            elif pair.new.value is MISSING:
                gone = (
                    section == "schemas"
                    and makes_class(pair.old.value)
                    and class_name(pair.old) not in classes
                )
                walk.note("schema-removed" if gone else f"{kind}-removed", pair)
            else:
                for use in walk.uses_of_schemes.get(name, ()) if kind != "component" else ():
                    walk.follow(evolve(pair, direction=Direction.SENT, use=use), compare_component)
                if section == "schemas" and pair.new.target not in walk.met:
                    compare_schema(walk, pair)
                elif pair.new.target not in walk.met:
                    walk.follow(pair, compare_component)
    walk.rest(components, _SECTIONS)
