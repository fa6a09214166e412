"""The named components of several documents in one: the same ones once, different ones under two names."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from spec.tools.structure import KIND_OF_SECTION, same, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys
    from spec.tools.yaml_source import Source

_Name = tuple[str, str]  # The section of components, and the name in it.
_REFERENCE: Final = re.compile(r"#/components/([^/]+)/([^/]+)")


@dataclass(frozen=True)
class Part:
    """One block's document."""

    file: str  # the page, for errors and reports
    line: int  # the block's first line in it
    document: dict[str, Any]  # OpenAPI 3.0.3; `merge` does not change it
    own_info: bool  # whether `info` is the vendor's own, not derived from the page: the newer format has one
    source: Source

    @property
    def place(self) -> str:
        """The block, as reports name it."""
        return f"{self.file}:{self.line}"

    def at(self, keys: Keys) -> str:
        """Name a place of it, as reports do; the older format has other ways to its places."""
        line = self.source.line(keys) if self.own_info else self.line
        return f"{self.file}:{line}"


def references(
    value: Any, kind: str = "document", keys: Keys = ()
) -> Iterator[tuple[dict[str, Any], str, _Name]]:
    """Give every mention of a component: the map it stands in, its key there, and the component."""
    for node in walk(value, kind, keys):
        if isinstance(node.value.get("$ref"), str) and (match := _REFERENCE.match(node.value["$ref"])):
            yield node.value, "$ref", (match[1], match[2])
        if node.kind == "schema" and isinstance(node.value.get("discriminator"), dict):
            mapping = node.value["discriminator"].get("mapping", {})
            for key, target in mapping.items():
                target = target.get("$ref") if isinstance(target, dict) else target  # noqa: PLW2901
                match = _REFERENCE.match(str(target))
                yield mapping, key, (match[1], match[2]) if match else ("schemas", str(target))
        if node.kind in {"document", "operation"}:
            for requirement in node.value.get("security", []):
                for name in list(requirement):
                    yield requirement, "", ("securitySchemes", name)


def move_components(
    made: dict[str, Any],
    part: Part,
    reports: list[str],
    origins: dict[_Name, tuple[Part, str]],
    reserved: dict[_Name, Any],
) -> dict[str, Any]:
    """Move a part's components into the result. Gives the part with its references following them.

    `reserved` holds what some names mean, whichever part comes first.
    """
    document = copy.deepcopy(part.document)
    mine: dict[_Name, Any] = {
        (section, name): value
        for section, named in document.get("components", {}).items()
        if section in KIND_OF_SECTION
        for name, value in named.items()
    }
    theirs = made.setdefault("components", {})

    def clashes(name: _Name, value: Any) -> bool:
        there = theirs.get(name[0], {}).get(name[1], reserved.get(name))
        return there is not None and not same(_substance(name, there), _substance(name, value))

    uses = {
        name: {use[2] for use in references(value, KIND_OF_SECTION[name[0]])} for name, value in mine.items()
    }
    renamed = {name for name, value in mine.items() if clashes(name, value)}
    while more := {name for name in mine if name not in renamed and uses[name] & renamed}:
        renamed |= more
    names: dict[_Name, str] = {}
    wanted = document
    for number in count(2) if renamed else ():
        names = {name: f"{name[1]}_{number}" for name in renamed}
        wanted = _renamed(document, names)
        if not any(
            clashes((name[0], new), wanted["components"][name[0]][new]) for name, new in names.items()
        ):
            break
    for name in [name for name in mine if name in names]:
        at = part.at(("components", *name))
        reports.append(
            f"{at}: {name[0]}.{name[1]} differs from an earlier file's of that name, or refers to one that"
            f" does: kept as {names[name]}"
        )
    for (section, old), new in names.items():
        origins.setdefault((section, new), (part, old))
    _add(theirs, wanted.get("components", {}), part, reports)
    return wanted


def _add(theirs: dict[str, Any], mine: dict[str, Any], part: Part, reports: list[str]) -> None:
    for section, named in mine.items():
        if section in KIND_OF_SECTION:
            for name, value in named.items():
                theirs.setdefault(section, {}).setdefault(name, value)
        elif not same(theirs.setdefault(section, named), named):
            text = f"`components.{section}` differs from an earlier file's, which is kept"
            reports.append(f"{part.place}: {text}")


def _substance(name: _Name, value: Any) -> Any:
    """Give what must agree: of a security scheme, what it does to a request."""
    if name[0] != "securitySchemes" or not isinstance(value, dict):
        return value
    substance = {key: part for key, part in value.items() if key != "description" and key[:2] != "x-"}
    return {**substance, "name": str(value["name"]).lower()} if value.get("in") == "header" else substance


def _renamed(document: dict[str, Any], names: dict[_Name, str]) -> dict[str, Any]:
    made = copy.deepcopy(document)
    for holder, key, name in list(references(made)):
        if name not in names:
            continue
        new = names[name]
        if key:
            prefix = f"#/components/{name[0]}/"
            rest = holder[key].removeprefix(prefix + name[1])
            holder[key] = new if holder[key] == name[1] else prefix + new + rest
        else:
            _rename_key(holder, name[1], new)
    for (section, old), new in names.items():
        _rename_key(made["components"][section], old, new)
    return made


def _rename_key(holder: dict[str, Any], old: str, new: str) -> None:
    """Rename a key where it stands: the order of keys is part of the output."""
    items = [(new if key == old else key, value) for key, value in holder.items()]
    holder.clear()
    holder.update(items)
