"""What each call of the journal reads and writes.

Functions of a book and the time, the same on disk and in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from kling_elements.journal.entry import Entry, Job, Lease, State, merge, task_news
from kling_elements.journal.leases import is_live

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kling_elements.journal.tables import Book
    from kling_elements.types import TaskData

_CREATE_SECONDS = 600.0  # longer than any create takes: then its entry is doubtful even if its process lives


@frozen
class NewEntry:
    """What is known before create is sent.

    Attributes:
        model: The service's model.
        origin: Where create will be sent.
        fingerprint: Of the key; see `Journal.fingerprint`.
        digest: Of the request; see `request_digest`.
        job: The job of a batch that it is for.
        target: The file that the video is to go to.
    """

    model: str
    origin: str
    fingerprint: str
    digest: str = ""
    job: Job | None = None
    target: str | None = None


@frozen
class Begun:
    """What `Journal.begin` did.

    Attributes:
        entry_id: The entry's id.
        earlier: The entry that already stands for the same job. If there is one, nothing was written, and
            create must not be sent.
        is_recorded: Whether it is on the disk. If not, a killed process leaves no trace of its create.
    """

    entry_id: str
    earlier: Entry | None = None
    is_recorded: bool = True


def begin(book: Book, new: NewEntry, entry_id: str, now: float, lease: Lease) -> Begun:
    """Note a create that is about to be sent."""
    if new.job and (earlier := job_entry(book, new.job)) and earlier.state in _STANDING:
        return Begun(earlier.entry_id, earlier)
    book.put(_fresh(new, entry_id, now, lease=evolve(lease, until=now + _CREATE_SECONDS)))
    return Begun(entry_id)


def settle(book: Book, entry_id: str, news: Mapping[str, Any], now: float) -> Entry:
    """Note the outcome of a create, and end the lease that `begin` gave."""
    entry = book.get(entry_id) or Entry(entry_id, created_at=now)
    settled = evolve(merge(entry, news), updated_at=now, lease=None)
    book.put(settled)
    return settled


def amend(book: Book, task_id: str, origin: str | None, news: Mapping[str, Any], now: float) -> Entry | None:
    """Note what became known of a task; None if it isn't in the journal."""
    entry = task_entry(book, task_id, origin)
    if entry is None:
        return None
    merged = merge(entry, news)
    if merged == entry:
        return entry
    amended = evolve(merged, updated_at=now)
    book.put(amended)
    return amended


def adopt(book: Book, task: TaskData, new: NewEntry, entry_id: str, now: float) -> Entry:
    """Take a task into the journal, into the entry with this id if there is one."""
    entry = (
        task_entry(book, task.id, new.origin) or book.get(entry_id) or _fresh(new, entry_id, now, lease=None)
    )
    news = {**task_news(task), "state": State.CREATED, "target": new.target, "job": new.job}
    adopted = evolve(merge(entry, news), updated_at=now, lease=None)
    book.put(adopted)
    return adopted


def abandon(book: Book, entry_id: str, why: str, now: float) -> bool:
    """Note that the user wants to hear no more of it, whether a task exists or not."""
    entry = book.get(entry_id)
    if entry is None:
        return False
    book.put(evolve(entry, state=State.ABANDONED, note=why or entry.note, updated_at=now, lease=None))
    return True


def claim(book: Book, entry_id: str, lease: Lease, now: float) -> bool:
    """Give a lease, unless another owner's holds."""
    entry = book.get(entry_id)
    if entry is None or (entry.lease and entry.lease.owner != lease.owner and is_live(entry.lease, now)):
        return False
    book.put(evolve(entry, lease=lease))
    return True


def release(book: Book, entry_id: str, owner: str) -> None:
    """End a lease of this owner's."""
    entry = book.get(entry_id)
    if entry and entry.lease and entry.lease.owner == owner:
        book.put(evolve(entry, lease=None))


def task_entry(book: Book, task_id: str, origin: str | None) -> Entry | None:
    """The newest entry of a task."""
    found = [entry for entry in book.of_task(task_id) if origin in {None, entry.origin}]
    return found[-1] if found else None


def job_entry(book: Book, job: Job) -> Entry | None:
    """The entry that stands for a job: one that has a task, else one that may have, else the newest."""
    found = book.of_job(job)
    return max(found, key=lambda entry: _STANDING.get(entry.state, 0), default=None)


def known_tasks(book: Book, task_ids: Iterable[str], origin: str | None) -> set[str]:
    """Those of the tasks that are in the journal."""
    return {task_id for task_id in task_ids if task_entry(book, task_id, origin)}


def unfinished(book: Book, origin: str | None, fingerprint: str | None) -> list[Entry]:
    """Created tasks that there is something left to do for, the oldest first."""
    return [
        entry for entry in book.unfinished() if not entry.is_doubtful and _is_of(entry, origin, fingerprint)
    ]


def doubtful(book: Book, origin: str | None, fingerprint: str | None, now: float) -> list[Entry]:
    """Creates of which nobody knows if they made a task, without those that are under way right now."""
    return [
        entry
        for entry in book.unfinished()
        if entry.is_doubtful and not is_live(entry.lease, now) and _is_of(entry, origin, fingerprint)
    ]


_STANDING = {State.CREATED: 2, State.UNKNOWN: 1, State.PENDING: 1}


def _fresh(new: NewEntry, entry_id: str, now: float, lease: Lease | None) -> Entry:
    return Entry(
        entry_id,
        created_at=now,
        updated_at=now,
        model=new.model,
        origin=new.origin,
        fingerprint=new.fingerprint,
        digest=new.digest,
        job=new.job,
        target=new.target,
        lease=lease,
    )


def _is_of(entry: Entry, origin: str | None, fingerprint: str | None) -> bool:
    return origin in {None, entry.origin} and fingerprint in {None, entry.fingerprint}


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
