"""A journal of created tasks, so that a killed process loses nothing that was paid.

`Journal` is what a client writes to. Built in layers: `entry` decides what an entry becomes, purely;
`operations` says what each call reads and writes; `books` keep entries (in SQLite, or in memory); `store`
owns the file; `keeper` turns to memory when that fails; `journal` is the face of it all.
"""

from __future__ import annotations

from kling_elements.journal.entry import Entry, Job, State, request_digest
from kling_elements.journal.fingerprint import key_fingerprint
from kling_elements.journal.journal import Journal, JournalUnread
from kling_elements.journal.location import JOURNAL_VARIABLE, journal_path
from kling_elements.journal.queries import Begun, NewEntry

__all__ = [
    "JOURNAL_VARIABLE",
    "Begun",
    "Entry",
    "Job",
    "Journal",
    "JournalUnread",
    "NewEntry",
    "State",
    "journal_path",
    "key_fingerprint",
    "request_digest",
]
