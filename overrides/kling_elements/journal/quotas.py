"""What the journal remembers of the day's quotas: until when one that is used up is thought to be so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from kling_elements.journal.operations import NewEntry


def write_quota(connection: sqlite3.Connection, owner: NewEntry, until: float | None) -> bool:
    """Note that the quota of a key at an origin is used up until then; None: it isn't after all."""
    connection.execute(
        "DELETE FROM quotas WHERE origin = ? AND fingerprint = ?", (owner.origin, owner.fingerprint)
    )
    if until is not None:
        connection.execute("INSERT INTO quotas VALUES (?, ?, ?)", (owner.origin, owner.fingerprint, until))
    return True


def read_quota(connection: sqlite3.Connection, owner: NewEntry) -> float:
    """Until when the quota is used up, in seconds since the epoch; zero if it isn't known to be."""
    found = connection.execute(
        "SELECT until FROM quotas WHERE origin = ? AND fingerprint = ?", (owner.origin, owner.fingerprint)
    ).fetchone()
    return float(found[0]) if found else 0.0
