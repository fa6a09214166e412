"""What each call of the journal reads and writes: functions of a table and the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kling_elements.journal.entry import Entry, Job, Lease, State, merge, task_news
from kling_elements.journal.leases import seconds_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.journal.leases import Now
    from kling_elements.journal.store import Table
    from kling_elements.types import TaskData

_SLACK_SECONDS = 450.0  # so much of a lease may be spent before it is written again
CREATE_SECONDS = 600.0  # longer than any create takes: then its entry is doubtful even if its process lives


class NewEntry(NamedTuple):
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


class Begun(NamedTuple):
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


def begin(table: Table, new: NewEntry, entry_id: str, now: float, lease: Lease) -> Begun:
    """Note a create that is about to be sent."""
    if new.job and (earlier := job_entry(table, new.job)) and earlier.state in _STANDING:
        return Begun(earlier.entry_id, earlier)
    table.put(_fresh(new, entry_id, now, lease=lease))
    return Begun(entry_id)


def settle(table: Table, entry_id: str, news: Mapping[str, Any], now: float) -> Entry:
    """Note the outcome of a create, and end the lease that `begin` gave."""
    entry = table.get(entry_id) or Entry(entry_id, created_at=now)
    settled = merge(entry, news, updated_at=now, lease=None)
    table.put(settled)
    if settled.state is State.CREATED and table.quota(settled.origin, settled.fingerprint):
        # So there was some quota left.
        table.set_quota(settled.origin, settled.fingerprint, None)
    return settled


def amend(
    table: Table, task_id: str, origin: str | None, news: Mapping[str, Any], now: float
) -> Entry | None:
    """Note what became known of a task; None if it isn't in the journal."""
    entry = task_entry(table, task_id, origin)
    if entry is None:
        return None
    amended = merge(entry, news, updated_at=now)
    table.put(amended)
    return amended


def adopt(table: Table, task: TaskData, new: NewEntry, entry_id: str, now: float) -> Entry:
    """Take a task into the journal, into the entry with this id if there is one."""
    known, meant = task_entry(table, task.id, new.origin), table.get(entry_id)
    entry = known or meant or _fresh(new, entry_id, now, lease=None)
    news = {**task_news(task), "state": State.CREATED, "target": new.target, "job": new.job}
    if known and not known.job and meant and meant.is_doubtful:
        # It was adopted before anyone knew whose it is: that entry keeps it, and the doubtful one is settled.
        news |= {"model": meant.model, "digest": meant.digest, "job": meant.job}
        news["target"] = new.target or meant.target
        abandon(table, entry_id, f"its task is {task.id}", now)
    adopted = merge(entry, news, updated_at=now, lease=None)
    table.put(adopted)
    return adopted


def abandon(table: Table, entry_id: str, why: str, now: float) -> bool:
    """Note that the user wants to hear no more of it, whether a task exists or not."""
    entry = table.get(entry_id)
    if entry is None:
        return False
    table.put(entry._replace(state=State.ABANDONED, note=why or entry.note, updated_at=now, lease=None))
    return True


def claim(table: Table, entry_id: str, lease: Lease, now: Now) -> bool:
    """Give a lease, unless another owner's holds. One's own is written again when some of it is spent."""
    entry = table.get(entry_id)
    if entry is None:
        return False
    left = seconds_left(entry.lease, now)
    if entry.lease and entry.lease.owner == lease.owner:
        asked = seconds_left(lease, now)
        if left > asked - min(asked / 2, _SLACK_SECONDS):
            return True
    elif left:
        return False
    table.put(entry._replace(lease=lease))
    return True


def release(table: Table, entry_id: str, owner: str) -> None:
    """End a lease of this owner's."""
    entry = table.get(entry_id)
    if entry and entry.lease and entry.lease.owner == owner:
        table.put(entry._replace(lease=None))


def task_entry(table: Table, task_id: str, origin: str | None) -> Entry | None:
    """The newest entry of a task."""
    found = [entry for entry in table.of_task(task_id) if origin in {None, entry.origin}]
    return found[-1] if found else None


def job_entry(table: Table, job: Job) -> Entry | None:
    """The entry that stands for a job: one that has a task, else one that may have, else the newest."""
    found = table.of_job(job)
    return max(found, key=lambda entry: _STANDING.get(entry.state, 0), default=None)


_STANDING = {State.CREATED: 2, State.UNKNOWN: 1, State.PENDING: 1}


def _fresh(new: NewEntry, entry_id: str, now: float, lease: Lease | None) -> Entry:
    return Entry(entry_id, created_at=now, updated_at=now, **new._asdict(), lease=lease)
