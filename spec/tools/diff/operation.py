"""Compares two operations: their names, tags, security, servers and callbacks, and what each call carries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spec.tools.diff.message import (
    Kind,
    compare_named,
    compare_parameters,
    compare_responses,
    meet_bodies,
)
from spec.tools.diff.model import MISSING, Direction, same
from spec.tools.diff.reference import as_list, as_map
from spec.tools.structure import METHODS

if TYPE_CHECKING:
    from spec.tools.diff.model import Place
    from spec.tools.diff.walker import Walk


def compare_operation(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two operations that stand for one another."""
    told = {
        "operationId", "tags", "parameters", "requestBody", "responses", "security", "servers", "callbacks",
    }  # fmt: skip
    one, other = old.get("operationId", MISSING), new.get("operationId", MISSING)
    if not same(one, other):
        rule = "callback-operation-id-changed" if place.callback else "operation-id-changed"
        walk.note(rule, place.into("operationId"), "operationId", one, other)
    _compare_tags(walk, old, new, place)
    compare_parameters(walk, old.get("parameters"), new.get("parameters"), place)
    meet_bodies(walk, old.get("requestBody", MISSING), new.get("requestBody", MISSING), place)
    compare_responses(walk, as_map(old.get("responses")), as_map(new.get("responses")), place)
    _compare_security(walk, old.get("security"), new.get("security"), place)
    compare_servers(walk, old.get("servers"), new.get("servers"), place)
    callbacks = (as_map(old.get("callbacks")), as_map(new.get("callbacks")))
    compare_named(walk, *callbacks, place.into("callbacks"), Kind("callback", compare_callback))
    walk.rest(old, new, told, place)


def _compare_tags(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    one, other = old.get("tags", MISSING), new.get("tags", MISSING)
    if same(one, other):
        return
    first = [tags[0] if isinstance(tags, list) and tags else "default" for tags in (one, other)]
    here = place.into("tags")
    if first[0] != first[1] and not place.callback:
        walk.note("first-tag-changed", here, "tags", *first)
    else:
        walk.note("tags-changed", here, "tags", one, other)


def _alternatives(security: Any) -> dict[str, Any]:
    found = {}
    for alternative in security if isinstance(security, list) else []:
        words = [
            name + (f" ({', '.join(sorted(map(str, as_list(scopes))))})" if scopes else "")
            for name, scopes in sorted(as_map(alternative).items())
        ]
        found[" and ".join(words)] = alternative
    return found


def _compare_security(walk: Walk, old: Any, new: Any, place: Place) -> None:
    if same(old, new):
        return
    here = place.into("security")
    one, other = _alternatives(old), _alternatives(new)
    open_before, open_now = (not alternatives or "" in alternatives for alternatives in (one, other))
    gone = [name for name in one if name and name not in other]
    come = [name for name in other if name and name not in one]
    before = len(walk.findings)
    if open_before and not open_now:
        walk.note("security-required", here, "", MISSING, " or ".join(other))
    elif open_now:
        if not open_before:
            walk.note("security-dropped", here, "", " or ".join(one), MISSING)
        elif gone or come:
            walk.note(
                "rewritten",
                here,
                "security",
                " or ".join(filter(None, one)),
                " or ".join(filter(None, other)),
            )
    else:
        for name in gone:
            walk.note("security-alternative-removed", here, "", name, MISSING)
        for name in come:
            walk.note("security-alternative-added", here, "", MISSING, name)
    if before == len(walk.findings):
        walk.note(
            "rewritten", here, "security", *(MISSING if value is None else value for value in (old, new))
        )


def compare_servers(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two lists of servers; the first is the one that callers get by default."""
    one, other = (
        {
            str(as_map(server).get("url", "without a url")): server
            for server in (servers if isinstance(servers, list) else [])
        }
        for servers in (old, new)
    )
    here = place.into("servers")
    for url in {**one, **other}:
        if url in one and url in other:
            _compare_server(walk, as_map(one[url]), as_map(other[url]), here.into(url, words=f"server {url}"))
        elif url in one:
            walk.note("server-removed", here, url, url, MISSING)
        else:
            walk.note("server-added", here, url, MISSING, url)
    if one and other:
        first, second = next(iter(one)), next(iter(other))
        if first != second and first in other:
            walk.note("first-server-changed", here, "", first, second)
        elif first == second and [u for u in one if u in other] != [u for u in other if u in one]:
            walk.note("rewritten", here, "servers", list(one), list(other))


def _compare_server(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    one, other = as_map(old.get("variables")), as_map(new.get("variables"))
    for name in {**one, **other}:
        before, after = one.get(name, MISSING), other.get(name, MISSING)
        if not same(before, after):
            walk.note("server-variable-changed", place.into("variables", name), name, before, after)
    walk.rest(old, new, {"url", "variables"}, place)


def compare_callback(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two callbacks: what the caller sends and receives is the other way round inside."""
    inside = replace(place, direction=(place.direction or Direction.SENT).turned, callback=True)
    for address in {**old, **new}:
        here = inside.into(address)
        if address not in old or address not in new:
            rule = "callback-removed" if address in old else "callback-added"
            walk.note(rule, here, address, old.get(address, MISSING), new.get(address, MISSING))
        else:
            compare_path_item(walk, as_map(old[address]), as_map(new[address]), here)


def compare_path_item(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    """Compare two path items inside a callback or a webhook."""
    for method in METHODS:
        one, other = old.get(method, MISSING), new.get(method, MISSING)
        if one is MISSING and other is MISSING:
            continue
        here = place.into(method)
        if one is MISSING or other is MISSING:
            walk.note("callback-removed" if other is MISSING else "callback-added", here, method, one, other)
        else:
            walk.meet(compare_operation, one, other, here)
    compare_parameters(walk, old.get("parameters"), new.get("parameters"), place)
    compare_servers(walk, old.get("servers"), new.get("servers"), place)
    walk.rest(old, new, {*METHODS, "parameters", "servers"}, place)
