"""Writes changes for people (text), for a pull request (Markdown) and for programs (JSON)."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from spec.tools.diff.model import Rating
from spec.tools.structure import pointer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec.tools.diff.model import Change

NOTHING: Final = "The two documents say the same."
_RATINGS: Final = (Rating.BREAKING, Rating.RISK, Rating.SAFE, Rating.DOCUMENTATION)
_MOST_OPERATIONS: Final = 4
_SAFE: Final = str.maketrans({"<": "&lt;", **{sign: f"\\{sign}" for sign in "\\|*_`[]~"}})


def headline(changes: Sequence[Change]) -> str:
    """Count the changes by rating in one line, worst first."""
    if not changes:
        return NOTHING
    counts = Counter(change.rating for change in changes)
    return ", ".join(f"{counts[rating]} {rating.word}" for rating in _RATINGS)


def _operations(change: Change) -> str:
    names = change.operations
    if not names or (len(names) == 1 and change.place.startswith(names[0])):
        return ""
    more = len(names) - _MOST_OPERATIONS
    return ", ".join(names[:_MOST_OPERATIONS]) + (f" and {more} more" if more > 0 else "")


def as_text(changes: Sequence[Change]) -> str:
    """Write the changes for a terminal; documentation-only ones take one line each."""
    lines = [headline(changes)]
    for rating in _RATINGS:
        found = [change for change in changes if change.rating is rating]
        if not found:
            continue
        lines += ["", rating.name if rating is not Rating.DOCUMENTATION else "DOCUMENTATION ONLY"]
        for change in found:
            if rating is Rating.DOCUMENTATION:
                lines.append(f"  {change.place}: {change.what}")
                continue
            lines += [f"  {change.place}", f"    {change.what}: {change.why}"]
            if operations := _operations(change):
                lines.append(f"    concerns {operations}")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Write text into a Markdown table: nothing in it may end the cell or begin a tag."""
    return " ".join(text.translate(_SAFE).split())


def as_markdown(changes: Sequence[Change], title: str = "API document: what changed") -> str:
    """Write the changes for a pull request: counts, a table, documentation-only changes folded away."""
    lines = [f"## {title}", "", f"**{headline(changes)}**", ""]
    told = [change for change in changes if change.rating is not Rating.DOCUMENTATION]
    folded = [change for change in changes if change.rating is Rating.DOCUMENTATION]
    if told:
        lines += ["| | where | what | for callers | concerns |", "|---|---|---|---|---|"]
        for change in told:
            word = f"**{change.rating.word}**" if change.rating is Rating.BREAKING else change.rating.word
            cells = (change.place, change.what, change.why, _operations(change))
            lines.append(f"| {word} | {' | '.join(map(_cell, cells))} |")
        lines.append("")
    if folded:
        lines += ["<details>", f"<summary>{len(folded)} for readers only</summary>", ""]
        lines += [f"- {_cell(change.place)}: {_cell(change.what)}" for change in folded]
        lines += ["", "</details>", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def as_json(changes: Sequence[Change]) -> str:
    """Write the changes for programs."""
    counts = Counter(change.rating for change in changes)
    return (
        json.dumps(
            {
                "summary": {rating.word: counts[rating] for rating in _RATINGS},
                "changes": [
                    {
                        "rating": change.rating.word,
                        "rule": change.rule,
                        "place": change.place,
                        "pointer": pointer(change.keys),
                        "what": change.what,
                        "why": change.why,
                        "operations": list(change.operations),
                        "old": change.old,
                        "new": change.new,
                    }
                    for change in changes
                ],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )
