"""What a maintainer must know and decide after a fresh page, in ten lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from spec.tools.diff import Rating, as_markdown, headline

if TYPE_CHECKING:
    from spec.tools.release_notes import ReleaseNotes

MOST_LINES: Final = 10
ELSEWHERE: Final = frozenset(
    {"first-server-changed", "server-variable-changed", "security-scheme-changed", "security-required"}
    | {"security-alternative-removed", "security-scheme-removed"}
)
"""Rules of changes that send calls to another host, or the key another way: a maintainer decides on these."""
_MOST_CHANGES: Final = 2
_LONGEST: Final = 300


@frozen
class Outcome:
    """What has become of a page."""

    name: str  # its file under spec/upstream/
    is_news: bool = True  # whether it differs from the file that was there
    # the file under spec/history/ that holds it as it was; None if nothing was replaced
    kept: str | None = None
    changed: bool = False  # whether the document or the client has changed
    # what the change means for callers; None if there was nothing to compare with
    notes: ReleaseNotes | None = None
    reports: tuple[str, ...] = ()  # notes of the tools; the overlay's superfluous actions are among them
    tests: str = ""  # the result of the tests, in words
    tests_failed: bool = False
    taken_over: bool = False  # whether the tree has been changed


def report(outcome: Outcome) -> list[str]:
    """Report the outcome in ten lines at most."""
    file = f"spec/upstream/{outcome.name}"
    if not outcome.is_news:
        return [f"{file}: the fresh copy is the same, byte for byte. Nothing to do."]
    if not outcome.taken_over:
        lines = [f"{file}: NOT taken over; the tree is as it was."]
    elif outcome.kept is None:
        lines = [f"{file}: new. (No file has its operations or its name.)"]
    else:
        lines = [f"{file}: replaced. The copy before is spec/history/{outcome.kept}."]
    changes = outcome.notes.changes if outcome.notes else ()
    if outcome.changed:
        lines.append(f"API document: {headline(changes)} (all of it: make diff)")
        lines += [f"  {one.rating.word}: {one.place}: {one.what}" for one in changes[:_MOST_CHANGES]]
    else:
        lines.append("API document and client: as before; only prose, or what is not selected, has changed.")
    superfluous = [line.partition(": action ")[2] for line in outcome.reports if "any more" in line]
    if superfluous:
        lines.append(f"Overlay: superfluous now: action {'; '.join(superfluous)}")
    elif outcome.reports:
        lines.append(f"Overlay and tools: {len(outcome.reports)} notes (make regenerate-check)")
    lines.append(f"Tests: {outcome.tests}")
    worst = max((change.rating for change in changes), default=Rating.SAFE)
    again = "" if outcome.taken_over else " (ARGS=--keep takes the page over to fix them in the tree)"
    moved = any(change.rule in ELSEWHERE for change in changes)
    decisions = [
        (moved, f"may calls go to that host or key header, and the key with them?{again}"),
        (outcome.tests_failed, f"which must follow the page, the tests or the overrides?{again}"),
        (
            worst is Rating.BREAKING,
            "do callers break? Read each breaking change; overrides/ may keep the old way",
        ),
        (worst is Rating.RISK, "does a response bring what the overrides don't expect? Read each risk"),
        (bool(superfluous), "remove the superfluous actions from spec/overlay.yaml, then `make regenerate`"),
        (bool(outcome.notes and outcome.notes.version), outcome.notes.version if outcome.notes else ""),
    ]
    wanted = [text for is_open, text in decisions if is_open] or ["nothing. Commit it."]
    lines += [f"To decide: {text}" for text in wanted]
    return [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines[:MOST_LINES]]


def report_as_markdown(outcome: Outcome) -> str:
    """Write the text of a pull request."""
    text = "\n".join(report(outcome)).replace("```", "'''")
    changes = outcome.notes.changes if outcome.notes else ()
    table = f"\n{as_markdown(changes)}" if changes else ""
    return f"A fresh copy of the vendor's page.\n\n```text\n{text}\n```\n{table}"
