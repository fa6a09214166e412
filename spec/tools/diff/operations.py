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
from spec.tools.diff.schemas import class_name, compare_schema, makes_class
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
    before, after = Document(dict(old), names[0]), Document(dict(new), names[1])
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
    if not walk.count:  # A parameter written at a path or at all its operations, for example.
        walk.note("rewritten", top, "the document", "as it was", "the same in other words")
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
    _compare_security(walk, pair.at("security"), top and top.at("security"))
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


# --- servers and security


def _compare_servers(walk: Walk, pair: Pair, *above: Pair | None) -> None:
    """Compare the servers of two operations: their own, else those of `above`; callers get the first."""
    if all(MISSING is value for one in (pair, *above[:1]) if one for value in one.values):
        return
    levels = [one for one in (pair, *above) if one]
    lists = [
        next((as_list(level.values[side]) for level in levels if as_list(level.values[side])), [{"url": "/"}])
        for side in (0, 1)
    ]
    here = pair.of(
        *(evolve(node, value=value) for node, value in zip((pair.old, pair.new), lists, strict=True))
    )
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
                if variables.at(name).differs:
                    walk.note("server-variable-changed", variables.at(name), str(name))
            walk.rest(server, {"url", "variables"})
    if walk.count == before:
        walk.written(pair)


def _alternatives(security: Any) -> list[str]:
    """Write the ways to be authorised, each as the schemes that it needs together."""
    found = []
    for alternative in as_list(security):
        words = [
            str(name) + (f" ({', '.join(sorted(map(str, as_list(scopes))))})" if scopes else "")
            for name, scopes in sorted(as_map(alternative).items())
        ]
        found.append(" and ".join(words))
    return found


def _compare_security(walk: Walk, pair: Pair, above: Pair | None) -> None:
    values = [
        default if value is MISSING else value
        for value, default in zip(pair.values, above.values if above else pair.values, strict=True)
    ]
    one, other = map(_alternatives, values)
    is_open = [not alternatives or "" in alternatives for alternatives in (one, other)]
    before = walk.count
    if is_open == [True, False]:
        walk.note("security-required", pair, "", MISSING, " or ".join(other))
    elif is_open == [False, True]:
        walk.note("security-dropped", pair, "", " or ".join(one), MISSING)
    elif not all(is_open):
        for name in [name for name in one if name not in other]:
            walk.note("security-alternative-removed", pair, "", name, MISSING)
        for name in [name for name in other if name not in one]:
            walk.note("security-alternative-added", pair, "", MISSING, name)
    if walk.count == before and not same(*values):
        walk.note("rewritten", pair, "security", *values)
    for side, value in zip((pair.old, pair.new), values, strict=True):
        for name in {name for alternative in as_list(value) for name in as_map(alternative)}:
            walk.uses_of_schemes.setdefault(name, set()).add(f"{side.place.subject} (security)")


def _compare_security_scheme(walk: Walk, pair: Pair) -> None:
    known = ("type", "name", "in", "scheme", "flows", "openIdConnectUrl")
    for key in known:
        here = pair.at(key)
        if key == "name" and str(here.old.value).lower() == str(here.new.value).lower():
            walk.written(here)  # The names of headers ignore case.
        elif here.differs:
            walk.note("security-scheme-changed", here, key)
    walk.rest(pair, known)


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
    "securitySchemes": _compare_security_scheme,
    "examples": _compare_example,
    "links": _compare_example,
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
