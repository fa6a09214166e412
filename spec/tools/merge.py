"""The documents of several pages → one.

Components of one name that agree are one component. Those that differ get a number at the end of the name,
with a report; so do those that refer to one of them, because they mean something else then.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spec.tools.components import move_components
from spec.tools.errors import SpecError
from spec.tools.naming import derived_operation_id, numbered
from spec.tools.structure import METHODS, operations, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec.tools.components import Part

_PUSHED_DOWN: Final = ("parameters", "servers")
_APART: Final = frozenset({"openapi", "info", "paths", "components", "servers", "tags"})


@dataclass(frozen=True)
class Home:
    """The service that a document is about, as the overlay names it."""

    server: str | None = None  # the URL of its server; None where all pages name the same one
    key_header: str | None = None  # the header of its key; None where it is not named


def merge(
    given: Sequence[Part],
    reports: list[str],
    names: dict[tuple[str, str], tuple[Part, str]] | None = None,
    home: Home | None = None,
) -> dict[str, Any]:
    """Make one document with the operations of all parts, of which there is one at least.

    Those of one tag stand together. The parts' order decides which of two keeps a name, those of the home
    first. `reports` gets a line for each thing that a maintainer should know, and `names` each renamed
    component's part and its name there.
    """
    made: dict[str, Any] = {"openapi": "3.0.3", "info": _info(given, reports), "paths": {}}
    origins: dict[tuple[str, str], Part] = {}
    ordered = _home_first(given, home or Home())
    reserved = _key_schemes(ordered, home or Home())
    for part in ordered:
        document = move_components(made, part, reports, {} if names is None else names, reserved)
        _move_servers(made, document)
        _move_paths(made, document, part, origins)
        _move_tags(made, document.get("tags", []), part, reports)
        rest = {key: value for key, value in document.items() if key not in _APART}
        reports += [
            f"{part.place}: `{key}` differs from an earlier page's, which is kept"
            for key, value in rest.items()
            if not same(made.setdefault(key, value), value)
        ]
    _number_operation_ids(made, origins, reports)
    made["paths"] = _grouped(made["paths"])
    order = ("openapi", "info", "servers", "tags", "externalDocs")
    others = [key for key in made if key not in {*order, "paths", "components"}]
    return {key: made[key] for key in (*order, *others, "paths", "components") if made.get(key)}


def _home_first(given: Sequence[Part], home: Home) -> list[Part]:
    """Order the parts so that the names of files decide neither about the server nor about the key."""
    named = [part for part in given if part.document.get("servers")]
    for part in named if home.server is None else ():
        if _url(part) != _url(named[0]):
            problem = f"this page is of {_url(part)}, and {named[0].place} of {_url(named[0])}: name the"
            problem += " document's own server by `x-default-server: URL` at the top of spec/overlay.yaml"
            raise SpecError(problem, part.file, part.line)

    def distance(part: Part) -> tuple[bool, bool]:
        headers = {str(scheme.get("name")).lower() for scheme in _schemes(part).values()}
        is_away = _url(part) is None if home.server is None else _url(part) != home.server
        return is_away, home.key_header is not None and home.key_header.lower() not in headers

    ordered = sorted(given, key=distance)
    away, has_other_key = distance(ordered[0])
    if home.server is not None and away:
        raise SpecError(f"no page is of {home.server}, which `x-default-server` names", keys=())
    if has_other_key:
        raise SpecError(f"no page of that server has the key header {home.key_header}", keys=())
    return ordered


def _key_schemes(ordered: Sequence[Part], home: Home) -> dict[tuple[str, str], Any]:
    """Give the names that parts of the home have for its key: no other scheme takes one of them."""
    found: dict[tuple[str, str], Any] = {}
    for part in ordered:
        for name, scheme in _schemes(part).items():
            is_key = str(scheme.get("name")).lower() == str(home.key_header).lower()
            if home.key_header is not None and is_key and home.server in {None, _url(part)}:
                found.setdefault(("securitySchemes", name), scheme)
    return found


def _schemes(part: Part) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = part.document.get("components", {}).get("securitySchemes", {})
    return found


def _url(part: Part) -> Any:
    return (part.document.get("servers") or [{}])[0].get("url")


def _info(given: Sequence[Part], reports: list[str]) -> dict[str, Any]:
    first = next((part for part in given if part.own_info), given[0])
    info = dict(first.document["info"])
    others = [part for part in given if part.own_info and part.document["info"] != info]
    reports += [f"{part.place}: `info` differs from that of {first.place}, which is kept" for part in others]
    if not first.own_info and any(part.document["info"] != info for part in given):
        servers = [server["url"] for part in given for server in part.document.get("servers", [])]
        info["title"] = f"API of {servers[0].split('//')[-1]}" if servers else "API"
    return info


def _move_servers(made: dict[str, Any], document: dict[str, Any]) -> None:
    """Keep the first page's servers for the document, and other ones on their operations."""
    servers = document.get("servers")
    if made["paths"] and not same(_called(servers), _called(made.get("servers"))):
        for path, _, operation in operations(document):
            if "servers" not in document["paths"][path]:
                # OpenAPI's own default, said aloud where another page's servers would be taken instead.
                operation.setdefault("servers", copy.deepcopy(servers or [{"url": "/"}]))
    elif servers is not None:
        made["servers"] = servers


def _called(servers: Any) -> Any:
    """Give of servers what a request takes from them."""
    known = ("url", "variables")
    return servers and [{key: one[key] for key in known if key in one} for one in servers]


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _move_paths(
    made: dict[str, Any], document: dict[str, Any], part: Part, origins: dict[tuple[str, str], Part]
) -> None:
    shapes = {_shape(path): path for path in made["paths"]}
    for path, item in document["paths"].items():
        twin = shapes.setdefault(_shape(path), path)
        if twin != path:  # OpenAPI forbids the two.
            problem = f"{path} and {twin} are one path with its parameters named differently: agree on one"
            raise SpecError(f"{problem} in the pages' copies", part.file, part.line)
        if path in made["paths"]:
            _join_path_items(made["paths"][path], item, path, part, origins)
        else:
            made["paths"][path] = item
        for method in METHODS:
            if not path.startswith("x-") and method in item:
                origins.setdefault((path, method), part)


def _join_path_items(
    earlier: dict[str, Any],
    later: dict[str, Any],
    path: str,
    part: Part,
    origins: dict[tuple[str, str], Part],
) -> None:
    for key in [key for key in {**earlier, **later} if key not in METHODS]:
        if same(earlier.get(key), later.get(key)):
            continue
        if key not in _PUSHED_DOWN:
            problem = f"{path}: `{key}` differs from an earlier page's: make them agree"
            raise SpecError(problem, part.file, part.line)
        _push_down(earlier, key)
        _push_down(later, key)
    for method in [method for method in METHODS if method in later]:
        if method in earlier and not same(earlier[method], later[method]):
            problem = f"{method.upper()} {path} is described differently at {origins[path, method].place}"
            raise SpecError(f"{problem}: remove one of the two pages", part.file, part.line)
        earlier[method] = later[method]


def _push_down(item: dict[str, Any], key: str) -> None:
    """Move what holds for a path's every operation onto each of them."""
    value = item.pop(key, [])
    for operation in [item[method] for method in METHODS if method in item and value]:
        if key == "parameters":
            own = operation.get("parameters", [])
            names = {(one.get("in"), one.get("name")) for one in own if "$ref" not in one}
            kept = [one for one in value if "$ref" in one or (one.get("in"), one.get("name")) not in names]
            operation["parameters"] = [*copy.deepcopy(kept), *own]
        else:
            operation.setdefault(key, copy.deepcopy(value))


def _move_tags(made: dict[str, Any], tags: list[dict[str, Any]], part: Part, reports: list[str]) -> None:
    known = made.setdefault("tags", [])
    by_name = {tag["name"]: tag for tag in known}
    for tag in tags:
        if tag["name"] not in by_name:
            known.append(tag)
        elif not same(by_name[tag["name"]], tag):
            text = f"the tag {tag['name']!r} differs from an earlier page's, which is kept"
            reports.append(f"{part.place}: {text}")


def _number_operation_ids(
    made: dict[str, Any], origins: dict[tuple[str, str], Part], reports: list[str]
) -> None:
    """Number derived operation ids that clash; refuse given ones that do."""
    seen: dict[str, tuple[str, str]] = {}
    for path, method, operation in operations(made):
        name, part = operation["operationId"], origins[path, method]
        if name in seen and name != derived_operation_id(method, path):
            problem = f"{method.upper()} {path}: the operation id {name} is taken by"
            problem += f" {origins[seen[name]].place}: give one of the two another id in its page's copy"
            raise SpecError(problem, part.file, part.line)
        operation["operationId"] = new = next(one for one in numbered(name) if one not in seen)
        if new != name:
            reports.append(f"{part.place}: the derived operation id {name} is taken: {new}")
        seen[new] = (path, method)


def _grouped(paths: dict[str, Any]) -> dict[str, Any]:
    """Put paths of the same first tag next to each other, in the order of first appearance."""
    tags = {
        path: next((item[method].get("tags", [""])[0] for method in METHODS if method in item), "")
        for path, item in paths.items()
        if not path.startswith("x-")
    }
    first = list(dict.fromkeys(tags.values()))
    places = {path: first.index(tags[path]) if path in tags else len(first) for path in paths}
    return dict(sorted(paths.items(), key=lambda entry: places[entry[0]]))
