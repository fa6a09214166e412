"""What a regeneration means for callers: changes since the last commit, a version, and a changelog entry."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from spec.tools.diff import Change, as_text, changelog_entry, compare, proposal, revise
from spec.tools.diff.revision import parse_document, read_document
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec.tools.layout import Layout

_COMMITTED: Final = "HEAD"
_MOST_LINES: Final = 60


@frozen
class ReleaseNotes:
    """What a changed document means for callers."""

    changes: tuple[Change, ...]
    since: str  # what it was compared with, in words
    changelog: str | None  # the changelog with the entry; None if it stays as it is
    version: str  # a line that proposes the next version; empty if the version stays

    @property
    def lines(self) -> list[str]:
        """Lines to show."""
        told = as_text(self.changes).rstrip().splitlines()
        if len(told) > _MOST_LINES:
            told = [*told[:_MOST_LINES], f"… and {len(told) - _MOST_LINES} more lines: make diff"]
        lines = [f"Against {self.since}: {told[0]}", *told[1:]]
        if self.changelog is not None:
            lines.append("CHANGELOG.md: the entry under Unreleased is up to date.")
        return [*lines, self.version] if self.version else lines


def release_notes(layout: Layout, before: bytes | None, made: Mapping[str, Any]) -> ReleaseNotes | None:
    """Compare a new document with the committed one, or, outside git, with the one before."""
    old = committed = None
    with contextlib.suppress(SpecError):  # There was none, or what was there is none.
        old = parse_document(before or b"", layout.document.name)
    with contextlib.suppress(SpecError):  # No git, no commit, or no document in it.
        committed = read_document(_COMMITTED, layout.root)
    baseline = old if committed is None else committed
    if baseline is None:
        return None
    since = "the document before" if committed is None else f"the committed document ({_COMMITTED})"
    changes = tuple(compare(baseline, made))
    # An earlier run's entry: the changelog describes the way from commit to commit, not the attempts between.
    stale = changelog_entry(compare(committed, old)) if committed is not None and old is not None else ""
    changelog = None
    if layout.changelog.is_file():
        try:
            text = layout.changelog.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise SpecError("this is not UTF-8: save it again as UTF-8", layout.changelog.name) from error
        revised = revise(text, stale, changelog_entry(changes))
        changelog = None if revised == text else revised
    return ReleaseNotes(changes, since, changelog, proposal(layout.root, changes))
