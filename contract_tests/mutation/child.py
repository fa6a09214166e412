"""What happens in a forked process: some tests run, and what they do to the machine has bounds."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import os
import resource
import signal
import socket
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

_MORE_MEMORY_BYTES: Final = 2 << 30
_HERE: Final = {"localhost", "127.0.0.1", "::1", "", None}


@dataclass(frozen=True, slots=True)
class Ran:
    """How some tests went.

    Attributes:
        seconds: What each took, by its place among all tests.
        failed: The ids of those that failed. With `to_the_end` false it is the first one's.
    """

    seconds: dict[int, float]
    failed: tuple[str, ...]


@dataclass(eq=False)
class _Failures:
    found: list[str] = field(default_factory=list)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            self.found.append(item.nodeid)
        return report


def run_tests(
    session: pytest.Session,
    places: Sequence[int],
    *,
    to_the_end: bool,
    before: Callable[[int], None],
) -> Ran:
    """Run tests.

    Args:
        session: All tests.
        places: Which of them, and in which order.
        to_the_end: Whether to go on after one has failed.
        before: Called with each one's place, before it runs.
    """
    failures, seconds = _Failures(), dict[int, float]()
    session.config.pluginmanager.register(failures)
    items = [session.items[place] for place in places]
    for place, item, following in zip(places, items, [*items[1:], None], strict=True):
        before(place)
        started = time.monotonic()
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        seconds[place] = time.monotonic() - started
        if failures.found and not to_the_end:
            break
    session.config.pluginmanager.unregister(failures)
    return Ran(seconds, tuple(dict.fromkeys(failures.found)))


def confine() -> None:
    """Keep this process, and what it may be made to do by a mutant, within bounds.

    It can't fill the memory, finds no file of the user's, and reaches neither other machines nor processes.
    """
    used = _memory_bytes() + _MORE_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (used, used))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A shell that starts a command in the background has it ignore Ctrl-C, and the tests of that would fail.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = tempfile.gettempdir()
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]
    os.environ.update(HOME=folder, TMPDIR=folder)
    ask, kill = socket.getaddrinfo, os.kill

    def ask_only_here(host: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in _HERE:
            raise socket.gaierror(socket.EAI_NONAME, "no other machine is asked")
        return ask(host, *more, **named)

    def kill_only_ours(pid: int, number: int) -> None:
        if number and (pid < 0 or os.getpgid(pid) != os.getpgrp()):
            raise PermissionError(errno.EPERM, "no other process is signalled")
        kill(pid, number)

    socket.getaddrinfo, os.kill = ask_only_here, kill_only_ours


def limit(seconds: float) -> None:
    """End this process by SIGALRM after so many seconds, whatever it does then."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def forget_cached(package: str) -> None:
    """Empty the caches of a package's functions: what was kept must not hide what a mutant computes."""
    for cached in _caches(package):
        cached.cache_clear()


def _caches(package: str) -> Iterator[Any]:
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper):
            name = getattr(found, "__module__", None) or ""
            if name == package or name.startswith(f"{package}."):
                yield found


def _memory_bytes() -> int:
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123
        return int(stream.read().split()[0]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
