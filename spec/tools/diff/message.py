"""Compares what goes over the wire in one call: parameters, headers, bodies, responses, links."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from spec.tools.diff.model import MISSING, Direction, same
from spec.tools.diff.reference import as_list, as_map, identity
from spec.tools.diff.schema import meet_schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec.tools.diff.model import Place
    from spec.tools.diff.walker import Comparison, Walk

_SERIALIZATION: Final = ("style", "explode", "allowReserved")


@dataclass(frozen=True)
class Kind:
    """One kind of things that have names in a map.

    Attributes:
        word: What one is called; also the beginning of its rules' names.
        compare: Compares two of them.
        rules: Rules by `added` or `removed` and name, where they are not `WORD-added` and `WORD-removed`.
    """

    word: str
    compare: Comparison
    rules: Mapping[str, str] = field(default_factory=dict)


def compare_named(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place, kind: Kind) -> None:
    """Compare two maps of named things: which came, which went, and the others each for itself."""
    for name in {**old, **new}:
        here = place.into(name, words=f"{kind.word} {name}")
        if name in old and name in new:
            walk.meet(kind.compare, old[name], new[name], here)
        else:
            change = "removed" if name in old else "added"
            rule = kind.rules.get(f"{change} {name}", f"{kind.word}-{change}")
            walk.note(rule, place.into(name), name, old.get(name, MISSING), new.get(name, MISSING))


def compare_parameters(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two lists of parameters; one is known by where it goes and its name."""
    one, other = (
        {identity(document.resolved(value)): (number, value) for number, value in enumerate(as_list(values))}
        for document, values in ((walk.old, old), (walk.new, new))
    )
    for key in {**one, **other}:
        name = f"{key[0]} parameter {key[1]}"
        if key in one and key in other:
            here = place.into("parameters", other[key][0], words=name)
            walk.meet(compare_parameter, one[key][1], other[key][1], here)
        elif key in one:
            here = place.into("parameters", one[key][0])
            walk.note("parameter-removed", here, name, one[key][1], MISSING)
        else:
            required = as_map(walk.new.resolved(other[key][1])).get("required") is True
            rule = "required-parameter-added" if required else "optional-parameter-added"
            walk.note(rule, place.into("parameters", other[key][0]), name, MISSING, other[key][1])


def compare_parameter(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two parameters or two headers."""
    told = {"name", "in", "required", "schema", "content", "allowEmptyValue", *_SERIALIZATION}
    _compare_required(walk, old, new, place)
    for key in ("name", "in"):
        one, other = old.get(key, MISSING), new.get(key, MISSING)
        if same(one, other):
            continue
        if str(one).lower() == str(other).lower():
            walk.note("rewritten", place.into(key), key, one, other)
        else:
            walk.note("serialization-changed", place.into(key), key, one, other)
    for key in _SERIALIZATION:
        one, other = old.get(key, MISSING), new.get(key, MISSING)
        if not same(one, other):
            walk.note("serialization-changed", place.into(key), key, one, other)
    if not same(one := old.get("allowEmptyValue", False), other := new.get("allowEmptyValue", False)):
        rule = "empty-value-allowed" if other is True else "empty-value-refused"
        walk.note(rule, place.into("allowEmptyValue"), "allowEmptyValue", one, other)
    _compare_schema_of(walk, old, new, place)
    _compare_content(walk, as_map(old.get("content")), as_map(new.get("content")), place)
    walk.rest(old, new, told, place)


def _compare_required(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    one, other = (value.get("required") is True for value in (old, new))
    here = place.into("required")
    if one != other:
        walk.note("became-required" if other else "became-optional", here, "it", one, other)
    elif not same(old.get("required"), new.get("required")):
        walk.note("rewritten", here, "required", old.get("required", MISSING), new.get("required", MISSING))


def _compare_schema_of(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    if "schema" in old or "schema" in new:
        here = place.within("schema")
        meet_schemas(walk, old.get("schema", {}), new.get("schema", {}), here)


def meet_bodies(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two request bodies, either of which may be a reference or MISSING."""
    here = place.into("requestBody")
    if old is MISSING or new is MISSING:
        if new is not MISSING:
            required = as_map(walk.new.resolved(new)).get("required") is True
            walk.note("required-body-added" if required else "optional-body-added", here, "", MISSING, new)
        elif old is not MISSING:
            walk.note("body-removed", here, "", old, MISSING)
        return
    walk.meet(compare_body, old, new, place.into("requestBody", words="body"))


def compare_body(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two request bodies."""
    _compare_required(walk, old, new, place)
    _compare_content(walk, as_map(old.get("content")), as_map(new.get("content")), place)
    walk.rest(old, new, {"required", "content"}, place)


def _compare_content(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    here = place.into("content")
    for name in {**old, **new}:
        if name in old and name in new:
            walk.meet(compare_media_type, old[name], new[name], here.into(name, words=name))
        else:
            rule = "media-type-removed" if name in old else "media-type-added"
            walk.note(rule, here.into(name), name, old.get(name, MISSING), new.get(name, MISSING))


def compare_media_type(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two media types."""
    _compare_schema_of(walk, old, new, place)
    _compare_encoding(walk, as_map(old.get("encoding")), as_map(new.get("encoding")), place)
    walk.rest(old, new, {"schema", "encoding"}, place)


def _compare_encoding(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    for name in {**old, **new}:
        one, other = old.get(name, MISSING), new.get(name, MISSING)
        if not same(one, other):
            walk.note("encoding-changed", place.into("encoding", name), name, one, other)


def compare_responses(walk: Walk, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    """Compare two maps of responses by status."""
    direction = (place.direction or Direction.SENT).turned
    rules = {
        f"removed {status}": "success-response-removed" if status[:1] == "2" else "error-response-removed"
        for status in old
    }
    here = replace(place, direction=direction).into("responses")
    for key in [key for key in {**old, **new} if key.startswith("x-")]:
        walk.rest({key: old[key]} if key in old else {}, {key: new[key]} if key in new else {}, (), here)
    one, other = (
        {key: value for key, value in responses.items() if not key.startswith("x-")}
        for responses in (old, new)
    )
    compare_named(walk, one, other, here, Kind("response", compare_response, rules))


def compare_response(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two responses."""
    one, other = (
        {name.lower(): value for name, value in as_map(response.get("headers")).items()}
        for response in (old, new)
    )
    rules = {
        f"added {name}": "required-header-added"
        for name, header in other.items()
        if as_map(walk.new.resolved(header)).get("required") is True
    }
    compare_named(walk, one, other, place.into("headers"), Kind("header", compare_parameter, rules))
    _compare_content(walk, as_map(old.get("content")), as_map(new.get("content")), place)
    links = (as_map(old.get("links")), as_map(new.get("links")))
    compare_named(walk, *links, place.into("links"), Kind("link", compare_link))
    walk.rest(old, new, {"headers", "content", "links"}, place)


def compare_link(walk: Walk, old: Any, new: Any, place: Place) -> None:
    """Compare two links."""
    told = {"operationId", "operationRef", "parameters", "requestBody", "server"}
    for key in sorted(told):
        one, other = old.get(key, MISSING), new.get(key, MISSING)
        if not same(one, other):
            walk.note("link-changed", place.into(key), key, one, other)
    walk.rest(old, new, told, place)
