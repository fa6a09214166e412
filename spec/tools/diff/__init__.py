"""The semantic diff of two OpenAPI documents, rated for callers of the generated client.

    changes = compare(old, new)             # two documents as plain values
    print(as_text(changes))                 # or as_markdown, as_json
    bump(changes, "0.3.1")                  # "0.4.0" if something breaks
    revise(changelog, "", changelog_entry(changes))

`python -m spec.tools.diff FROM TO` is the command.
"""

from spec.tools.diff.model import Change, Rating
from spec.tools.diff.operations import compare
from spec.tools.diff.release import bump, changelog_entry, proposal, revise
from spec.tools.diff.render import as_json, as_markdown, as_text, headline

__all__ = [
    "Change",
    "Rating",
    "as_json",
    "as_markdown",
    "as_text",
    "bump",
    "changelog_entry",
    "compare",
    "headline",
    "proposal",
    "revise",
]
