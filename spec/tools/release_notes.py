"""What a new document means for those who maintain this client: the diff, the changelog, the next version."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spec.tools import yaml_source
from spec.tools.diff import Change, as_text, bump, changelog_entry, compare, insert_unreleased
from spec.tools.diff.revision import read_document
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spec.tools.layout import Layout

COMMITTED: Final = "HEAD"
SECTION: Final = "### Changed (API document)"
_UNRELEASED: Final = re.compile(r"## \[?unreleased\]?.*", re.IGNORECASE)


@dataclass(frozen=True)
class ReleaseNotes:
    """What to tell, and what to write.

    Attributes:
        changes: Against `since`.
        since: What was compared with, in words.
        changelog: The changelog's new text; None where it stays as it is, or there is none.
        version: The current version and the one to release; None where nothing speaks for another.
    """

    changes: tuple[Change, ...]
    since: str
    changelog: str | None = None
    version: tuple[str, str] | None = None

    @property
    def lines(self) -> list[str]:
        """The whole, for a terminal."""
        lines = ["", f"Against {self.since}: {as_text(self.changes).rstrip()}"]
        if self.changelog is not None:
            lines.append("CHANGELOG.md: the entry under Unreleased is up to date with this.")
        if self.version is not None:
            current, proposed = self.version
            lines.append(f"Version: {current} → {proposed}, if {current} was the last release.")
        return lines


def release_notes(layout: Layout, before: bytes | None, made: Mapping[str, Any]) -> ReleaseNotes | None:
    """Compare a new document with the committed one, or, without git, with the one before.

    Args:
        layout: Where everything stands.
        before: The document that the new one replaces; None if there was none.
        made: The new document.

    Returns:
        What there is to tell; None where there is nothing to compare with.
    """
    old = _read(before)
    committed = _committed(layout.root)
    baseline = old if committed is None else committed
    if baseline is None:
        return None
    since = "the document before" if committed is None else f"the committed document ({COMMITTED})"
    changes = tuple(compare(baseline, made))
    # What an earlier run has written, and this one takes back: the changelog tells the way from one commit to
    # the next, not the tries in between.
    stale = changelog_entry(compare(committed, old)) if committed is not None and old is not None else ""
    return ReleaseNotes(
        changes, since, _changelog(layout.changelog, stale, changes), _version(layout.root, changes)
    )


def revise(changelog: str, stale: str, entry: str) -> str:
    """Put an entry under "Unreleased", and take out what an earlier entry said and this one doesn't.

    Args:
        changelog: The whole changelog.
        stale: The earlier entry.
        entry: The new one.

    Returns:
        The changelog; the same text where there is nothing to do.
    """
    gone = (
        {line.strip() for line in stale.splitlines()} - {line.strip() for line in entry.splitlines()} - {""}
    )
    lines = changelog.split("\n")
    start = next((n for n, line in enumerate(lines) if _UNRELEASED.fullmatch(line.strip())), len(lines))
    end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("## ")), len(lines))
    kept = [line for line in lines[start:end] if line.strip() not in gone]
    if len(kept) < end - start:
        kept = _without_empty_section(kept)
    return insert_unreleased("\n".join([*lines[:start], *kept, *lines[end:]]), entry)


def _without_empty_section(lines: list[str]) -> list[str]:
    """Take out the document's heading if nothing is left below it."""
    for number, line in enumerate(lines):
        if line.strip() != SECTION:
            continue
        after = next((n for n in range(number + 1, len(lines)) if lines[n].strip()), len(lines))
        if after == len(lines) or lines[after].startswith("#"):
            return [*lines[:number], *lines[after:]]
    return lines


def _changelog(file: Path, stale: str, changes: Sequence[Change]) -> str | None:
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    revised = revise(text, stale, changelog_entry(changes))
    return None if revised == text else revised


def _version(root: Path, changes: Sequence[Change]) -> tuple[str, str] | None:
    try:
        current = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        proposed = bump(changes, current)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SpecError):
        return None  # A version kept elsewhere, or none at all: the changes are told all the same.
    return None if proposed == current else (current, proposed)


def _committed(root: Path) -> Mapping[str, Any] | None:
    try:
        return read_document(COMMITTED, root)
    except SpecError:
        return None  # No git, no commit, or no document in it: there is still the one before.


def _read(content: bytes | None) -> Mapping[str, Any] | None:
    if content is None:
        return None
    try:
        value = yaml_source.load(content.decode("utf-8"), "spec/openapi.yaml").value
    except (UnicodeDecodeError, SpecError):
        return None  # Whatever stood there was no document: the new one takes its place.
    return value if isinstance(value, dict) and isinstance(value.get("openapi"), str) else None
