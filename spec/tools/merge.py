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
from spec.tools.equality import same
from spec.tools.errors import SpecError
from spec.tools.naming import derived_operation_id
from spec.tools.structure import METHODS, operations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec.tools.components import Part

_PUSHED_DOWN: Final = ("parameters", "servers")


@dataclass(frozen=True)
class Home:
    """The service that a document is about, as the overlay names it.

    Attributes:
        server: The URL of its server; None where all pages name the same one.
        key_header: The header of its key; None where it is not named.
    """

    server: str | None = None
    key_header: str | None = None


def merge(
    given: Sequence[Part],
    reports: list[str],
    names: dict[tuple[str, str], tuple[Part, str]] | None = None,
    home: Home | None = None,
) -> dict[str, Any]:
    """Make one document."""
    made: dict[str, Any] = {"openapi": "3.0.3", "info": _info(given, reports), "paths": {}}
    origins: dict[tuple[str, str], Part] = {}
    ordered = _home_first(given, home or Home())
    reserved = _key_schemes(ordered, home or Home())
    for part in ordered:
        document = move_components(made, part, reports, {} if names is None else names, reserved)
        _move_servers(made, document)
        _move_paths(made, document, part, origins)
        for key, value in document.items():
            if key == "tags":
                _move_tags(made, value, part, reports)
            elif key not in {"openapi", "info", "paths", "components", "servers"} and not same(
                made.setdefault(key, value), value
            ):
                reports.append(f"{part.place}: `{key}` differs from an earlier page's, which is kept")
    _number_operation_ids(made, origins, reports)
    made["paths"] = _grouped(made["paths"])
    order = ("openapi", "info", "servers", "tags", "externalDocs")
    rest = [key for key in made if key not in {*order, "paths", "components"}]
    return {
        key: made[key] for key in (*order, *rest, "paths", "components") if made.get(key) not in (None, {})
    }


def _home_first(given: Sequence[Part], home: Home) -> list[Part]:
    """Order the parts so that the names of files decide neither about the server nor about the key."""
    named = [(part, part.document["servers"]) for part in given if part.document.get("servers")]
    if home.server is None:
        for part, servers in named[1:]:
            first, others = named[0]
            if servers[0].get("url") != others[0].get("url"):
                raise SpecError(
                    f"this page is of {servers[0].get('url')}, and {first.place} of {others[0].get('url')}:"
                    " name the document's own server by `x-default-server: URL` at the top of"
                    " spec/overlay.yaml",
                    part.file,
                    part.line,
                )

    def distance(part: Part) -> tuple[bool, bool]:
        schemes = part.document.get("components", {}).get("securitySchemes", {})
        headers = {str(scheme.get("name")).lower() for scheme in schemes.values() if isinstance(scheme, dict)}
        is_away = _url(part) is None if home.server is None else _url(part) != home.server
        return is_away, home.key_header is not None and home.key_header.lower() not in headers

    ordered = sorted(given, key=distance)
    away, has_other_key = distance(ordered[0])
    if home.server is not None and away:
        raise SpecError(f"no page is of {home.server}, which `x-default-server` names", None, None, ())
    if has_other_key:
        raise SpecError(f"no page of that server has the key header {home.key_header}", None, None, ())
    return ordered


def _key_schemes(ordered: Sequence[Part], home: Home) -> dict[tuple[str, str], Any]:
    """Give the names that parts of the home have for its key: no other scheme takes one of them."""
    found: dict[tuple[str, str], Any] = {}
    for part in ordered:
        if home.server in {None, _url(part)} and home.key_header is not None:
            for name, scheme in part.document.get("components", {}).get("securitySchemes", {}).items():
                if str(scheme.get("name")).lower() == home.key_header.lower():
                    found.setdefault(("securitySchemes", name), scheme)
    return found


def _url(part: Part) -> Any:
    servers = part.document.get("servers") or [{}]
    return servers[0].get("url")


def _info(given: Sequence[Part], reports: list[str]) -> dict[str, Any]:
    own = [part for part in given if part.own_info]
    if own:
        first = own[0]
        reports.extend(
            f"{part.place}: `info` differs from that of {first.place}, which is kept"
            for part in own
            if part.document["info"] != first.document["info"]
        )
        return dict(first.document["info"])
    info = dict(given[0].document["info"])
    if any(part.document["info"] != info for part in given):
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


def _move_paths(
    made: dict[str, Any], document: dict[str, Any], part: Part, origins: dict[tuple[str, str], Part]
) -> None:
    for path, item in document["paths"].items():
        if path not in made["paths"]:
            _refuse_twin(path, made["paths"], part)
            made["paths"][path] = item
        else:
            _join_path_items(made["paths"][path], item, path, part, origins)
        for method in METHODS:
            if not path.startswith("x-") and method in item:
                origins.setdefault((path, method), part)


def _refuse_twin(path: str, paths: dict[str, Any], part: Part) -> None:
    """Refuse a path that differs from another by its parameters' names alone: OpenAPI forbids the two."""
    shape = re.sub(r"\{[^}]*\}", "{}", path)
    for other in paths:
        if re.sub(r"\{[^}]*\}", "{}", other) == shape:
            raise SpecError(
                f"{path} and {other} are one path with its parameters named differently: agree on one"
                " in the pages'"
                " copies",
                part.file,
                part.line,
            )


def _join_path_items(
    earlier: dict[str, Any],
    later: dict[str, Any],
    path: str,
    part: Part,
    origins: dict[tuple[str, str], Part],
) -> None:
    shared = [key for key in {**earlier, **later} if key not in METHODS]
    for key in shared:
        if same(earlier.get(key), later.get(key)):
            continue
        if key not in _PUSHED_DOWN:
            raise SpecError(
                f"{path}: `{key}` differs from an earlier page's: make them agree", part.file, part.line
            )
        _push_down(earlier, key)
        _push_down(later, key)
    for method in METHODS:
        if method not in later:
            continue
        if method in earlier and not same(earlier[method], later[method]):
            first = origins[path, method]
            raise SpecError(
                f"{method.upper()} {path} is described differently at {first.place}: remove one of"
                " the two pages",
                part.file,
                part.line,
            )
        earlier[method] = later[method]


def _push_down(item: dict[str, Any], key: str) -> None:
    """Move what holds for a path's every operation onto each of them."""
    value = item.pop(key, None)
    for method in METHODS:
        if value is None or method not in item:
            continue
        operation = item[method]
        if key == "parameters":
            own = operation.get("parameters", [])
            names = {(one.get("in"), one.get("name")) for one in own if "$ref" not in one}
            inherited = [
                one for one in value if "$ref" in one or (one.get("in"), one.get("name")) not in names
            ]
            operation["parameters"] = [*copy.deepcopy(inherited), *own]
        else:
            operation.setdefault(key, copy.deepcopy(value))


def _move_tags(made: dict[str, Any], tags: list[dict[str, Any]], part: Part, reports: list[str]) -> None:
    known = made.setdefault("tags", [])
    by_name = {tag["name"]: tag for tag in known}
    for tag in tags:
        if tag["name"] not in by_name:
            known.append(tag)
        elif not same(by_name[tag["name"]], tag):
            reports.append(
                f"{part.place}: the tag {tag['name']!r} differs from an earlier page's, which is kept"
            )


def _number_operation_ids(
    made: dict[str, Any], origins: dict[tuple[str, str], Part], reports: list[str]
) -> None:
    """Number derived operation ids that clash; refuse given ones that do."""
    seen: dict[str, tuple[str, str]] = {}
    for path, method, operation in operations(made):
        name = operation["operationId"]
        part = origins[path, method]
        if name in seen and name != derived_operation_id(method, path):
            other = origins[seen[name]]
            raise SpecError(
                f"{method.upper()} {path}: the operation id {name} is taken by {other.place}: give"
                " one of the two"
                " another id in its page's copy",
                part.file,
                part.line,
            )
        number = 1
        while operation["operationId"] in seen:
            number += 1
            operation["operationId"] = f"{name}_{number}"
        if number > 1:
            reports.append(
                f"{part.place}: the derived operation id {name} is taken: {operation['operationId']}"
            )
        seen[operation["operationId"]] = (path, method)


def _grouped(paths: dict[str, Any]) -> dict[str, Any]:
    """Put paths of the same first tag next to each other, in the order of first appearance."""
    tags = {
        path: next((item[method].get("tags", [""])[0] for method in METHODS if method in item), "")
        for path, item in paths.items()
        if not path.startswith("x-")
    }
    first = list(dict.fromkeys(tags.values()))
    return dict(
        sorted(
            paths.items(), key=lambda entry: first.index(tags[entry[0]]) if entry[0] in tags else len(first)
        )
    )
