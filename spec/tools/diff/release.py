"""What changes mean for the next release: its version, and its changelog entry. Pure functions of text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from spec.tools.diff.model import Rating
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec.tools.diff.model import Change

_VERSION: Final = re.compile(
    r"(\d+)\.(\d+)\.(\d+)(?P<suffix>(?:-|\.?dev|a|b|rc).+|(?:-|\.?dev|a|b|rc)?)(?:\+.*)?"
)
_UNRELEASED: Final = "## [Unreleased]"
_SECTION: Final = "### Changed (API document)"


def bump(changes: Sequence[Change], current_version: str) -> str:
    """Propose the next version as semantic versioning demands.

    Before 1.0.0 a breaking change raises the minor number and anything else the patch number, which is how
    package managers read such versions. From 1.0.0 on a breaking change raises the major number, any other
    change of the API the minor number, and documentation the patch number. A pre-release (`1.2.0rc1`,
    `1.2.0-rc.1`) becomes its own release where that is enough.

    Args:
        changes: What `compare` gives.
        current_version: The last version, such as `0.3.1`.

    Returns:
        The version to release; the current one if there are no changes.

    Raises:
        SpecError: The current version is none.
    """
    found = _VERSION.fullmatch(current_version.strip())
    if found is None:
        raise SpecError(f"{current_version!r} is no version: write three numbers, such as 0.3.1")
    if not changes:
        return current_version.strip()
    major, minor, patch = (int(found[number]) for number in (1, 2, 3))
    worst = max(change.rating for change in changes)
    level = 0 if worst is Rating.BREAKING else 2 if worst is Rating.DOCUMENTATION else 1
    if major == 0:
        level = 1 if worst is Rating.BREAKING else 2
    if found["suffix"] and not any((minor, patch)[level:]):
        return f"{major}.{minor}.{patch}"
    return (f"{major + 1}.0.0", f"{major}.{minor + 1}.0", f"{major}.{minor}.{patch + 1}")[level]


def changelog_entry(changes: Sequence[Change]) -> str:
    """Write one line for each change that callers can notice, and one that counts the others.

    Returns:
        Markdown bullets, worst first; an empty text if there are no changes.
    """
    lines = []
    for change in changes:
        if change.rating is Rating.DOCUMENTATION:
            continue
        mark = f"**{change.rating.word}** " if change.rating > Rating.SAFE else ""
        lines.append(f"- {mark}{change.place}: {change.what} ({change.why}).")
    if not lines and changes:
        lines.append("- Descriptions and examples only.")
    return "".join(f"{line}\n" for line in lines)


def insert_unreleased(changelog_text: str, entry: str) -> str:
    """Put an entry under "Unreleased" of a changelog, making the headings where they are missing.

    Args:
        changelog_text: The whole changelog; it may be empty.
        entry: What `changelog_entry` gives.

    Returns:
        The changelog with those lines of the entry that it lacked. Doing it twice changes nothing.
    """
    newline = "\r\n" if "\r\n" in changelog_text else "\n"
    lines = changelog_text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not entry.strip():
        return changelog_text
    start, end = _unreleased(lines)
    if start is None:
        first = next((number for number, line in enumerate(lines) if line.startswith("## ")), len(lines))
        lines[first:first] = [*_gap(lines, first), _UNRELEASED, ""]
        start, end = _unreleased(lines)
    assert start is not None  # noqa: S101 - it was inserted above
    known = {line.strip() for line in lines[start:end]}
    fresh = [line for line in entry.splitlines() if line.strip() and line.strip() not in known]
    if not fresh:
        return changelog_text
    section = next((n for n in range(start, end) if lines[n].strip() == _SECTION), None)
    if section is None:
        place = _last_filled(lines, start, end)
        lines[place:end] = ["", _SECTION, "", *fresh, *([""] if end < len(lines) else [])]
    else:
        stop = next((n for n in range(section + 1, end) if lines[n].startswith("### ")), end)
        place = _last_filled(lines, section, stop)
        gap = [""] if place == section + 1 else []
        lines[place:stop] = [*gap, *fresh, *([""] if stop < len(lines) else [])]
    return newline.join(lines) + newline


def _gap(lines: list[str], place: int) -> list[str]:
    return [""] if place and lines[place - 1].strip() else []


def _unreleased(lines: list[str]) -> tuple[int | None, int]:
    """Give the line of the heading and the line after its section."""
    for number, line in enumerate(lines):
        if re.fullmatch(r"## \[?unreleased\]?.*", line.strip(), re.IGNORECASE):
            rest = range(number + 1, len(lines))
            return number, next((n for n in rest if re.match(r"## |\[[^]]+\]: ", lines[n])), len(lines))
    return None, len(lines)


def _last_filled(lines: list[str], start: int, end: int) -> int:
    """Give the line after the last one that is not empty."""
    return next((n + 1 for n in range(end - 1, start - 1, -1) if lines[n].strip()), end)
