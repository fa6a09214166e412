"""Who holds a lease, and whether the holder lives."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
from pathlib import Path
from typing import NamedTuple

from kling_elements.journal.entry import Lease

_PROCESS = " process "  # parts the machine from what tells two processes of one number apart


class Now(NamedTuple):
    """The time.

    Attributes:
        wall: Seconds since the epoch, by a clock that may be set.
        monotonic: Seconds by the machine's monotonic clock.
    """

    wall: float
    monotonic: float


@functools.cache
def this_host() -> str:
    """Return a name for what process ids are unique in.

    The machine, and on Linux the process namespace (containers may share a journal).
    """
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{socket.gethostname()} {namespace}".strip()


def own_lease(owner: str, seconds: float, now: Now) -> Lease:
    """Return a lease of this process."""
    pid = os.getpid()
    started = _own_start(pid)
    process = f"{_PROCESS}{started} {now.monotonic + seconds:.3f}" if started else ""
    return Lease(owner, f"{this_host()}{process}", pid, now.wall + seconds)


def seconds_left(lease: Lease | None, now: Now) -> float:
    """Return how long a lease still holds; zero if its time is over or its holder has died.

    Where the system says when a process was started, the monotonic clock counts: the other may jump.
    """
    if lease is None:
        return 0.0
    host, _, process = lease.host.partition(_PROCESS)
    left = max(0.0, lease.until - now.wall)
    if host != this_host():
        return left
    with contextlib.suppress(ValueError):
        started, until = process.split(" ")
        if (found := _started(lease.pid)) is not None:
            return max(0.0, float(until) - now.monotonic) if found == started else 0.0
    return left if _process_lives(lease.pid) else 0.0


def _started(pid: int) -> str | None:
    """When a process was started, in ticks since this boot; None if nothing says so."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return f"{_boot()}-{int(after_name[19])}"
    except (OSError, ValueError, IndexError):
        return None


@functools.cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


_own_start = functools.cache(_started)  # a forked child has another id


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
