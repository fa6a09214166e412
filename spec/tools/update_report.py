"""What a maintainer must know and decide after a fresh page, in ten lines. Pure functions of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spec.tools.diff import Rating, as_markdown, headline

if TYPE_CHECKING:
    from spec.tools.diff import Change
    from spec.tools.release_notes import ReleaseNotes
    from spec.tools.suite import SuiteResult

MOST_LINES: Final = 10
_MOST_CHANGES: Final = 2
_MOST_NAMED: Final = 3
_LONGEST: Final = 300


@dataclass(frozen=True)
class Outcome:
    """What has become of a page.

    Attributes:
        name: Its file under spec/upstream/.
        kept: The file under spec/history/ that holds it as it was; None if nothing was replaced.
        known: Whether the file was there before.
        changed: Whether the document or the client has changed.
        notes: What the change means for callers; None where there is none, or nothing to compare with.
        reports: What the tools had to say: the overlay's superfluous actions among it.
        suite: What the tests said; None if they were not run.
        taken_over: Whether the tree has been changed.
    """

    name: str
    kept: str | None
    known: bool
    changed: bool = False
    notes: ReleaseNotes | None = None
    reports: tuple[str, ...] = ()
    suite: SuiteResult | None = None
    taken_over: bool = False

    @property
    def is_news(self) -> bool:
        """Whether the page differs from the one that was there."""
        return not self.known or self.kept is not None

    @property
    def changes(self) -> tuple[Change, ...]:
        """The document's changes."""
        return () if self.notes is None else self.notes.changes

    @property
    def superfluous(self) -> list[str]:
        """The overlay's actions that the pages have made superfluous."""
        return [line for line in self.reports if "any more" in line and ": action " in line]


def report(outcome: Outcome) -> list[str]:
    """Say it in ten lines at most."""
    file = f"spec/upstream/{outcome.name}"
    if not outcome.is_news:
        return [f"{file}: the fresh copy is the same, byte for byte. Nothing to do."]
    lines = [_what_became(outcome, file)]
    if not outcome.changed:
        lines.append("API document and client: the same as before; the page has changed in its prose only.")
    else:
        lines.append(f"API document: {headline(outcome.changes)} (all of it: make diff)")
        lines += [
            f"  {change.rating.word}: {change.place}: {change.what}"
            for change in outcome.changes[:_MOST_CHANGES]
        ]
    lines.append(_overlay(outcome))
    lines.append(_tests(outcome))
    decisions = _decisions(outcome)
    room = MOST_LINES - len(lines)
    return [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in [*lines, *decisions[:room]]]


def _what_became(outcome: Outcome, file: str) -> str:
    if not outcome.taken_over:
        return f"{file}: NOT taken over; the tree is as it was."
    if outcome.kept is None:
        return f"{file}: new. (No page has its operations or its name.)"
    return f"{file}: replaced. The copy before is spec/history/{outcome.kept}."


def _overlay(outcome: Outcome) -> str:
    if not outcome.superfluous:
        others = len(outcome.reports)
        return "Overlay: every action still matches and still counts." + (
            f" Other notes: {others}; `make regenerate-check` shows them." if others else ""
        )
    named = "; ".join(line.partition(": action ")[2] for line in outcome.superfluous)
    return f"Overlay: superfluous now: action {named}"


def _tests(outcome: Outcome) -> str:
    suite = outcome.suite
    if suite is None:
        return "Tests: not run."
    if suite.passed:
        return f"Tests: {suite.summary}"
    more = len(suite.failed) - _MOST_NAMED
    named = ", ".join(suite.failed[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"Tests: {suite.summary}" + (f": {named}" if named else "")


def _decisions(outcome: Outcome) -> list[str]:
    """Say what is left to a person."""
    wanted = []
    worst = max((change.rating for change in outcome.changes), default=None)
    if outcome.suite is not None and not outcome.suite.passed:
        again = "" if outcome.taken_over else " Repeat with ARGS=--keep to mend it in the tree"
        wanted.append(f"is it the tests or the overrides that must follow the page?{again}")
    if worst is Rating.BREAKING:
        wanted.append(
            "do callers break? Read each breaking change; keep the old way in overrides/ if one can"
        )
    elif worst is Rating.RISK:
        wanted.append("does an answer bring what the overrides don't expect? Read each risk")
    if outcome.superfluous:
        wanted.append("remove the superfluous actions from spec/overlay.yaml, then `make regenerate`")
    if outcome.notes is not None and outcome.notes.version is not None:
        current, proposed = outcome.notes.version
        wanted.append(f"release {proposed} (now {current})? The changelog's entry is under Unreleased")
    if not wanted:
        return ["To decide: nothing. Commit it."] if outcome.taken_over else []
    return [f"To decide: {wanted[0]}", *(f"           {line}" for line in wanted[1:])]


def report_as_markdown(outcome: Outcome) -> str:
    """Write the text of a pull request."""
    told = "\n".join(report(outcome)).replace("```", "'''")
    changes = f"\n{as_markdown(outcome.changes)}" if outcome.changes else ""
    return f"A fresh copy of the vendor's page.\n\n```text\n{told}\n```\n{changes}"
