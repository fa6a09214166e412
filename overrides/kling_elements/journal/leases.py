"""Who holds a lease, and whether the holder lives."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

from kling_elements.journal.entry import Lease


@functools.cache
def this_host() -> str:
    """A name for what process ids are unique in.

    The machine, and on Linux the process namespace (containers may share a journal).
    """
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{platform.node()} {namespace}".strip()


def own_lease(owner: str, until: float) -> Lease:
    """A lease of this process."""
    return Lease(owner, this_host(), os.getpid(), until)


def is_live(lease: Lease | None, now: float) -> bool:
    """Whether a lease still holds: its time isn't over, and its process isn't known to have died.

    Args:
        lease: The lease.
        now: Seconds since the epoch.
    """
    if lease is None or now >= lease.until:
        return False
    return lease.host != this_host() or _process_lives(lease.pid)


def _process_lives(pid: int) -> bool:
    if os.name != "posix" or pid <= 0:
        return True  # elsewhere signal 0 isn't harmless: go by the time alone
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is another user's
    return True
