"""Compares who may call: the ways to be authorised, and the schemes that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from spec.tools.diff.model import MISSING, as_list, as_map

if TYPE_CHECKING:
    from spec.tools.diff.document import Pair
    from spec.tools.diff.walk import Walk

_Way = frozenset[tuple[str, str]]
"""A way to be authorised: the schemes that it needs together, and their scopes."""


def _ways(security: Any) -> list[_Way]:
    return [
        frozenset(
            (str(name), scope)
            for name, scopes in as_map(alternative).items()
            for scope in ("", *map(str, as_list(scopes)))
        )
        for alternative in as_list(security)
    ]


def _in_words(way: _Way) -> str:
    schemes: dict[str, list[str]] = {}
    for name, scope in sorted(way):
        schemes.setdefault(name, []).extend([scope] if scope else [])
    return " and ".join(
        name + (f" ({', '.join(scopes)})" if scopes else "") for name, scopes in schemes.items()
    )


def compare_security(walk: Walk, pair: Pair, above: Pair | None) -> None:
    """Compare the ways to be authorised; who has all that one needs may have more."""
    usual = (above or pair).values
    values = [usual[side] if value is MISSING else value for side, value in enumerate(pair.values)]
    old, new = map(_ways, values)
    is_open = [not ways or frozenset() in ways for ways in (old, new)]
    old, new = ([way for way in ways if way] for ways in (old, new))
    before = walk.count
    if is_open == [True, False]:
        walk.note("security-required", pair, "", MISSING, " or ".join(map(_in_words, new)))
    elif is_open == [False, True]:
        walk.note("security-dropped", pair, "", " or ".join(map(_in_words, old)), MISSING)
    for way in old if new else ():  # Where nothing is needed, nobody is refused.
        if not any(other <= way for other in new):
            walk.note("security-alternative-removed", pair, "", _in_words(way), MISSING)
    for way in new if is_open[0] == is_open[1] else ():
        if way not in old:
            walk.note("security-alternative-added", pair, "", MISSING, _in_words(way))
    if walk.count == before:
        inherited = pair.of(evolve(pair.old, value=values[0]), evolve(pair.new, value=values[1]))
        walk.written(pair if pair.differs else inherited)
    for side, value in zip((pair.old, pair.new), values, strict=True):
        for name in {name for alternative in as_list(value) for name in as_map(alternative)}:
            walk.uses_of_schemes.setdefault(name, set()).add(f"{side.place.subject} (security)")


def compare_security_scheme(walk: Walk, pair: Pair) -> None:
    """Compare two security schemes; the names of headers and of HTTP schemes ignore case."""
    for key in ("type", "name", "in", "scheme", "openIdConnectUrl"):
        here = pair.at(key)
        ignores_case = key == "scheme" or (key == "name" and pair.at("in").values == ("header", "header"))
        if ignores_case and str(here.old.value).lower() == str(here.new.value).lower():
            walk.written(here)
        elif here.differs:
            walk.note("security-scheme-changed", here, key)
    for name in pair.at("flows").keys:
        _compare_flow(walk, pair.at("flows").at(name), str(name))
    walk.rest(pair, ("type", "name", "in", "scheme", "openIdConnectUrl", "flows"))


def _compare_flow(walk: Walk, pair: Pair, name: str) -> None:
    """Compare two flows of OAuth 2, or two of anything that is malformed."""
    if not all(isinstance(value, dict) for value in pair.values):
        if pair.differs:
            rule = "security-scheme-extended" if pair.old.value is MISSING else "security-scheme-changed"
            walk.note(rule, pair, f"flow {name}")
        return
    for scope in pair.at("scopes").keys:
        here = pair.at("scopes").at(scope)
        if here.old.value is MISSING:
            walk.note("security-scheme-extended", here, f"scope {scope}")
        elif here.new.value is MISSING:
            walk.note("security-scheme-changed", here, f"scope {scope}")
        else:
            walk.documentation(here, f"scope {scope}")
    for key in [key for key in pair.keys if key != "scopes" and pair.at(key).differs]:
        walk.note("security-scheme-changed", pair.at(key), f"{name} {key}")
