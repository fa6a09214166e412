"""One entry of the journal, and what becomes of it: pure."""

from __future__ import annotations

import hashlib
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from kling_elements.types import COMPLETED, TERMINAL_STATUSES, UNKNOWN_STATUS, Request, redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.types import TaskData


class State(StrEnum):
    """How far an entry is known to have come."""

    PENDING = "pending"
    """Create was about to be sent. If the process died, a task may or may not exist."""
    UNKNOWN = "unknown"
    """Create was sent and not answered: a task may exist."""
    REFUSED = "refused"
    """The service refused, or was not reached: no task exists."""
    ABANDONED = "abandoned"
    """The user wants to hear no more of it."""
    CREATED = "created"
    """The service gave a task id."""


# A state replaces those of the same or a lower rank: news may come late, and from several processes.
_RANKS = {State.PENDING: 0, State.UNKNOWN: 1, State.REFUSED: 2, State.ABANDONED: 3, State.CREATED: 3}


class Job(NamedTuple):
    """One job of a batch.

    Attributes:
        batch: What identifies the batch.
        key: What identifies the job within it.
    """

    batch: str
    key: str


class Lease(NamedTuple):
    """Who works on an entry.

    Attributes:
        owner: The owner's own name.
        host: The machine, and the process namespace where there is one.
        pid: The owner's process.
        until: When it ends at the latest, in seconds since the epoch.
    """

    owner: str
    host: str
    pid: int
    until: float


class Entry(NamedTuple):
    """What is known of one create.

    Attributes:
        entry_id: The journal's own id.
        created_at: When it was begun, in seconds since the epoch.
        updated_at: When it last changed.
        model: The service's model.
        origin: Where create was sent.
        fingerprint: Which key was used; see `key_fingerprint`.
        digest: Of the request that was sent; see `request_digest`.
        job: The job of a batch that it is for.
        target: The file that the video is to go to.
        state: How far it is known to have come.
        task_id: The service's id of the task.
        status: The service's word, as last seen.
        urls: Addresses of the result, until it is downloaded or they expire. Whoever has one can fetch the
            video.
        expires_at: When the first address expires, in seconds since the epoch.
        file: The file that holds the video.
        request_id: The service's id of the request that told the most recent news.
        note: Why it is refused, unknown or abandoned.
        lease: Who works on it.
    """

    entry_id: str
    created_at: float = 0.0
    updated_at: float = 0.0
    model: str = ""
    origin: str = ""
    fingerprint: str = ""
    digest: str = ""
    job: Job | None = None
    target: str | None = None
    state: State = State.PENDING
    task_id: str | None = None
    status: str | None = None
    urls: tuple[str, ...] = ()
    expires_at: float | None = None
    file: str | None = None
    request_id: str | None = None
    note: str | None = None
    lease: Lease | None = None

    def __repr__(self) -> str:
        shown = {**self._asdict(), "urls": tuple(map(redact_url, self.urls))}
        return f"Entry({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody knows if a task exists."""
        return self.state in {State.PENDING, State.UNKNOWN}

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to do.

        No task, or one that failed, or whose video is where it was to go.

        A completed task that was given no target is finished: its caller has it.
        """
        if self.state is not State.CREATED:
            return not self.is_doubtful
        if self.status == COMPLETED:
            return self.target is None or self.file is not None
        return self.file is not None or self.status in TERMINAL_STATUSES


Place: TypeAlias = tuple[float, str]
"""Where an entry stands in the order of entries: when it was created, and its id."""

_DEFAULTS = Entry._field_defaults
_MERGED_APART = frozenset({"entry_id", "created_at", "updated_at", "state", "status", "task_id", "lease"})


def merge(entry: Entry, news: Mapping[str, Any], **others: Any) -> Entry:
    """The entry after some of its fields became known anew.

    What is known for sure is never unlearnt: not the task's id, not a terminal status, not that a task
    exists. Empty values are no news.

    Args:
        entry: The entry.
        news: What became known.
        others: Fields that change whatever was known, such as `updated_at`.
    """
    known = {name: value for name, value in news.items() if value != _DEFAULTS.get(name)}
    changes = {name: value for name, value in known.items() if name not in _MERGED_APART}
    state = known.get("state", entry.state)
    changes["state"] = state if _RANKS[state] >= _RANKS[entry.state] else entry.state
    changes["task_id"] = entry.task_id or known.get("task_id")
    if entry.status not in TERMINAL_STATUSES and known.get("status") not in {None, UNKNOWN_STATUS}:
        changes["status"] = known["status"]
    if changes.get("file", entry.file):
        # A result's address is as good as the video: it is not kept for longer than it is needed.
        changes |= {"urls": (), "expires_at": None}
    return entry._replace(**changes, **others)


def reconcile(stored: Entry | None, ours: Entry) -> Entry:
    """What a stored entry becomes by one that could not be stored at once; it may have changed since."""
    if stored is None:
        return ours
    newer = max(stored.updated_at, ours.updated_at)
    merged = merge(stored, ours._asdict(), updated_at=newer)
    # The lease that `begin` gave has ended with the create.
    kept = None if stored.state is State.PENDING is not merged.state else stored.lease
    return merged._replace(lease=ours.lease or kept)


def task_news(task: TaskData) -> dict[str, Any]:
    """The fields of an entry that a task tells."""
    return {
        "task_id": task.id,
        "status": task.status,
        "urls": task.urls,
        "expires_at": task.expires_at.timestamp() if task.expires_at else None,
        "request_id": task.request_id,
    }


def place(entry: Entry) -> Place:
    """Return where an entry stands in the order of entries."""
    return entry.created_at, entry.entry_id


def new_entry_id() -> str:
    """Return an id that no other entry has."""
    return os.urandom(16).hex()


def request_digest(request: Request) -> str:
    """What identifies a request: SHA-256 of its method, path and body as they are sent, in hexadecimal."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    digest.update(request.content or b"")
    return digest.hexdigest()
