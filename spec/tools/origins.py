"""Find the line of a page, or of the overlay, that a place in the finished document comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spec.tools.errors import SpecError, brief
from spec.tools.structure import METHODS, resolve

if TYPE_CHECKING:
    from spec.tools.components import Part
    from spec.tools.errors import Keys, Notes
    from spec.tools.overlay import Action
    from spec.tools.yaml_source import Source

_LONGEST_NOTE = 240
_MISSING = object()


@dataclass
class Origins:
    """Where the operations and components of a document come from."""

    parts: list[Part] = field(default_factory=list)  # the blocks of the pages, in their order
    # for each component that was renamed, its part and its name there, by section and new name
    names: dict[tuple[str, str], tuple[Part, str]] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)  # the document before the overlay
    overlay: Source | None = None
    # the places that the overlay changed, with the action
    touched: list[tuple[Keys, Action]] = field(default_factory=list)

    def error(self, message: str, keys: Keys, document: dict[str, Any]) -> SpecError:
        """Make the error that names the line which a place of a document comes from."""
        file, line = self.place(keys, document)
        if len(keys) > 3 and keys[0] == "paths":  # noqa: PLR2004 - inside an operation
            holder, start = self.place(keys[:3], document)
            message += f" ({str(keys[2]).upper()} {keys[1]} is described at {holder}:{start})"
        return SpecError(message, file, line, keys)

    def lines(self, notes: Notes, document: dict[str, Any]) -> list[str]:
        """Write notes with the line that each place comes from; those that say the same become one."""
        places: dict[str, list[Keys]] = {}
        for keys, text in notes:
            places.setdefault(brief(text, _LONGEST_NOTE), []).append(keys)
        lines = []
        for text, found in places.items():
            file, line = self.place(found[0], document)
            more = f" (so in {len(found)} places)" if len(found) > 1 else ""
            lines.append(str(SpecError(text + more, file, line, found[0])))
        return lines

    def place(self, keys: Keys, document: dict[str, Any]) -> tuple[str, int | None]:
        """Give the file and the line that a place of a document comes from."""
        before, now = (_get(one, keys, _MISSING) for one in (self.published, document))
        if self.overlay is not None and before != now:
            within = [
                (len(location), number, action)
                for number, (location, action) in enumerate(self.touched)
                if keys[: len(location)] == location
            ]
            if within and not (isinstance(before, dict) and isinstance(now, dict)):
                length, _, action = max(within, key=lambda one: one[:2])
                return self.overlay.file, self.overlay.line((*action.keys, "update", *keys[length:]))
        return self._page(keys, document)

    def _page(self, keys: Keys, document: dict[str, Any]) -> tuple[str, int | None]:
        if len(keys) > 2 and keys[0] == "components":  # noqa: PLR2004 - its section and its name
            named = (str(keys[1]), str(keys[2]))
            if named in self.names:
                part, name = self.names[named]
                return part.file, _line(part, ("components", named[0], name, *keys[3:]))
            for part in self.parts:
                if named[1] in part.document.get("components", {}).get(named[0], {}):
                    return part.file, _line(part, keys)
        for part in self.parts:
            if len(keys) > 1 and keys[0] == "paths" and _describes(part, keys):
                return part.file, _line(part, _by_name(part, keys, document))
        return (self.parts[0].file, self.parts[0].line) if self.parts else ("spec/upstream", None)


def _get(document: Any, keys: Keys, default: Any = None) -> Any:
    for key in keys:
        try:
            document = document[key]
        except (LookupError, TypeError):
            return default
    return document


def _describes(part: Part, keys: Keys) -> bool:
    item = part.document.get("paths", {}).get(keys[1])
    return isinstance(item, dict) and (len(keys) == 2 or keys[2] not in METHODS or keys[2] in item)  # noqa: PLR2004


def _by_name(part: Part, keys: Keys, document: dict[str, Any]) -> Keys:
    """Find a parameter of a part by its name: its number changes where lists are joined."""
    if "parameters" not in keys[2:4]:
        return keys
    at = keys.index("parameters", 2)
    if len(keys) == at + 1:
        return keys
    wanted = _get(document, keys[: at + 2])
    found = [
        (parameter != wanted, (*holder, "parameters", number, *keys[at + 2 :]))
        for holder in (keys[:at], keys[:2])
        for number, parameter in enumerate(_get(part.document, (*holder, "parameters")) or [])
        if _named(part.document, parameter) == _named(document, wanted)
    ]
    return min(found, key=lambda one: one[0], default=(True, keys[:at]))[1]


def _named(document: dict[str, Any], parameter: Any) -> tuple[Any, Any]:
    if isinstance(parameter, dict) and "$ref" in parameter:
        try:
            parameter = resolve(document, parameter["$ref"])
        except LookupError:
            return None, parameter["$ref"]
    return (parameter.get("in"), parameter.get("name")) if isinstance(parameter, dict) else (None, None)


def _line(part: Part, keys: Keys) -> int | None:
    """Give the line of a place in a part's document, which the older format says in its own way."""
    return part.source.line(keys if part.own_info else _in_excerpt(part, keys))


def _in_excerpt(part: Part, keys: Keys) -> Keys:
    if keys[:1] != ("paths",) or len(keys) < 4:  # noqa: PLR2004 - path, method, what is in it
        return keys if keys[:1] == ("components",) else ("paths",)
    in_media = _swapped(_swapped(keys[4:], "content"), "schema", "schemaArray", 0)
    match keys[3]:
        case "parameters":
            location, name = _named(part.document, _get(part.document, keys[:5]))
            inside = _swapped(keys[5:], "schema", "schema", 0)
            return ("paths", "request", "parameters", str(location), str(name), *inside)
        case "requestBody":
            return ("paths", "request", "body", *in_media)
        case "responses":
            return ("paths", "response", *in_media)
        case _:
            return ("paths",)


def _swapped(keys: Keys, old: str, *new: str | int) -> Keys:
    """Put others in the place of the first key of a name."""
    at = keys.index(old) if old in keys else len(keys)
    return (*keys[:at], *(new if old in keys else ()), *keys[at + 1 :])
