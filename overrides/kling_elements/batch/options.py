"""Keyword options of `batch` and `resume`, for type checkers, editors and the methods' signatures."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from kling_elements.batch.jobs import Order
from kling_elements.journal import Entry
from kling_elements.task import Task

WORKERS = 3  # "up to 3 concurrent tasks per user": the vendor's page on rate limits


class BatchOptions(TypedDict, total=False):
    """Options of `batch`."""

    directory: str | os.PathLike[str] | None
    """The folder for the videos. None: only jobs that name a file get one, in the current folder; the others'
    results hold the URLs."""
    workers: int
    """Tasks at once, 3 by default, which is the vendor's limit for one user."""
    batch_id: str | None
    """What identifies the batch, so that it can be run again without paying again; by default the absolute
    paths of the file of jobs and of the folder."""
    retry_unknown: bool
    """Create again what was sent before and not answered. It may be paid twice."""
    retry_failed: bool
    """Create again what failed, or has expired. It is paid again."""
    defaults: Mapping[str, Any] | None
    """The request's fields, and `model`, for every job that doesn't have them itself."""
    dry_run: bool
    """Send and change nothing: each result says what would be done. A job whose task would be created is
    `planned`; one whose task exists is `unfinished`."""
    timeout: float | None
    """Seconds to wait for one task at most; None for no limit."""
    poll_interval: float | None
    """Seconds between polls of a task, in place of the schedule."""
    on_update: Callable[[Order, Task], object] | None
    """Called with the `Order` and its task at each change of its status; with the synchronous client from
    other threads."""


class ResumeOptions(TypedDict, total=False):
    """Options of `resume`."""

    directory: str | os.PathLike[str] | None
    """The folder for videos of which no file is noted in the journal; None to leave those."""
    workers: int
    """Tasks at once."""
    timeout: float | None
    """Seconds to wait for one task at most; None for no limit."""
    poll_interval: float | None
    """Seconds between polls of a task, in place of the schedule."""
    on_update: Callable[[Entry, Task], object] | None
    """Called with the entry and its task at each change of its status."""
