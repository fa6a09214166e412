"""spec/select.yaml: which operations of a whole OpenAPI document are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec.tools.yaml_source import Source

_KEYS: Final = ("path", "method", "tag", "operationId")
_SIDES: Final = ("page", "document")


@dataclass(frozen=True)
class Selection:
    """Which operations are wanted, and whether a page or a document wins where both describe one."""

    # patterns by key; an operation is wanted if all patterns of one entry match. None: all are
    entries: tuple[dict[str, str], ...] | None = None
    prefer: str = "page"  # "page" or "document"
    source: Source | None = None  # the file as read; None without one
    used: set[int] = field(default_factory=set)  # the numbers of the entries that matched an operation

    def wants(self, path: str, method: str, tags: Iterable[object], operation_id: object) -> bool:
        """Return whether an operation is wanted, and note the entries that say so."""
        if self.entries is None:
            return True
        values: dict[str, list[object]] = {"path": [path], "method": [method], "tag": [*tags]}
        values["operationId"] = [operation_id]
        found = {
            number
            for number, entry in enumerate(self.entries)
            if all(any(_matches(one, entry[key]) for one in values[key]) for key in entry)
        }
        self.used.update(found)
        return bool(found)

    def refuse_unused(self) -> None:
        """Raise SpecError if an entry matched no operation of any document."""
        for number, entry in enumerate(self.entries or ()):
            if number not in self.used and self.source is not None:
                said = ", ".join(f"{key}: {value}" for key, value in entry.items())
                problem = f"no operation of the documents in spec/upstream/ is `{said}`"
                raise self.source.error(f"{problem}: correct or remove the entry", ("operations", number))


def _matches(value: object, pattern: str) -> bool:
    """Compare a value with a pattern, in which `*` is any text."""
    parts = map(re.escape, pattern.split("*"))
    return isinstance(value, str) and re.fullmatch(".*".join(parts), value, re.DOTALL) is not None


def read_selection(source: Source) -> Selection:
    """Read the file."""
    root = source.value
    if not isinstance(root, dict) or not set(root) <= {"operations", "prefer"}:
        raise source.error("expected `operations`, and `prefer: page` or `prefer: document`")
    prefer, given = root.get("prefer", "page"), root.get("operations")
    if prefer not in _SIDES:
        raise source.error("`prefer` is `page` or `document`", ("prefer",))
    if "operations" not in root:
        return Selection(None, prefer, source)
    if not isinstance(given, list) or not given:
        raise source.error("`operations` must be a list of at least one entry", ("operations",))
    for number, entry in enumerate(given):
        if not isinstance(entry, dict) or not entry or not set(entry) <= set(_KEYS):
            raise source.error(f"an entry has one or more of {', '.join(_KEYS)}", ("operations", number))
        for key, value in entry.items():
            if not isinstance(value, str) or not value:
                problem = "expected a pattern: text, with * for any text"
                raise source.error(problem, ("operations", number, key))
        if "method" in entry:
            entry["method"] = entry["method"].lower()
    return Selection(tuple(given), prefer, source)
