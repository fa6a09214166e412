"""What changes mean for the next release: its version, and its changelog entry."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

from spec.tools.diff.model import Rating
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spec.tools.diff.model import Change

_VERSION: Final = re.compile(
    r"(\d+)\.(\d+)\.(\d+)(?P<suffix>(?:-|\.?dev|a|b|rc).+|(?:-|\.?dev|a|b|rc)?)(?:\+.*)?"
)
_UNRELEASED: Final = re.compile(
    r"^## \[?unreleased\]?.*?(?=^## |^\[[^]\n]+\]: |\Z)", re.IGNORECASE | re.MULTILINE | re.DOTALL
)
_HEADING: Final = "### Changed (API document)"
_SECTION: Final = re.compile(
    rf"^{re.escape(_HEADING)}[ \t]*(?:\n|\Z)(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL
)


def bump(changes: Sequence[Change], current_version: str) -> str:
    """Propose the next version as semantic versioning demands.

    Before 1.0.0 a breaking change raises the minor number and anything else the patch number. From 1.0.0 on a
    breaking change raises the major number, documentation the patch number, anything else the minor number. A
    pre-release (`1.2.0rc1`) becomes its own release where that is enough.
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


def proposal(root: Path, changes: Sequence[Change]) -> str:
    """Propose a version by the one in pyproject.toml; nothing if it stays, or is kept elsewhere."""
    try:
        current = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        proposed = bump(changes, current)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SpecError):
        return ""
    return (
        "" if proposed == current else f"Version: {current} → {proposed}, if {current} was the last release."
    )


def changelog_entry(changes: Sequence[Change]) -> str:
    """Write a Markdown bullet for each change that callers can notice, worst first."""
    lines = []
    for change in changes:
        if change.rating > Rating.DOCUMENTATION:
            mark = f"**{change.rating.word}** " if change.rating > Rating.SAFE else ""
            lines.append(f"- {mark}{change.place}: {change.what} ({change.why}).")
    if not lines and changes:
        lines.append("- Descriptions and examples only.")
    return "".join(f"{line}\n" for line in lines)


def revise(changelog: str, stale: str, entry: str) -> str:
    """Put an entry under "Unreleased", and take out what an earlier entry said and this one doesn't."""
    newline = "\r\n" if "\r\n" in changelog else "\n"
    text = changelog.replace("\r\n", "\n")
    wanted = entry.splitlines()
    gone = set(stale.splitlines()) - set(wanted)
    block = _UNRELEASED.search(text)
    if block is None:
        first = re.search(r"^## |^\[[^]\n]+\]: ", text, re.MULTILINE)
        start = end = first.start() if first else len(text)
    else:
        start, end = block.span()
    unreleased = text[start:end] or "## [Unreleased]\n"
    section = _SECTION.search(unreleased)
    lines = section[1].strip("\n").split("\n") if section else []
    kept = [line for line in lines if line.strip() not in gone]
    fresh = [line for line in wanted if line not in map(str.strip, kept)]
    if not fresh and kept == lines:
        return changelog
    body = "\n".join([*kept, *fresh]).strip("\n")
    before, after = unreleased, ""
    if section:
        before, after = unreleased[: section.start()], unreleased[section.end() :]
    parts = [text[:start], before, f"{_HEADING}\n\n{body}" if body else "", after, text[end:]]
    made = "\n\n".join(part.strip("\n") for part in parts if part.strip("\n"))
    return f"{made}\n".replace("\n", newline)
