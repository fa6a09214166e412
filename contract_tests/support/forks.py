"""Work in forked processes: what is imported here is there at once, and what goes wrong there stays there."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.context import ForkProcess

W = TypeVar("W")
R = TypeVar("R")

_FORK: Final = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Death:
    """A process that gave no answer.

    Attributes:
        exit_code: Minus the number of the signal that ended it; None if it was killed since it took too long.
    """

    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Done(Generic[W, R]):
    """What became of one piece of work.

    Attributes:
        work: Which.
        answer: What the process answered, if it did.
        seconds: How long it took.
    """

    work: W
    answer: R | Death
    seconds: float


@dataclass(frozen=True, slots=True)
class _Child:
    process: ForkProcess
    folder: str
    started: float

    def end(self, *, kill: bool) -> int | None:
        """Wait for the process (or kill it), for all that it has started, and remove its files."""
        if kill:
            self.process.kill()
        self.process.join()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.process.exitcode


def forked(
    work: Iterable[W], task: Callable[[W], R], jobs: int, patience_seconds: float
) -> Iterator[Done[W, R]]:
    """Do each piece of work in a process of its own, which writes nowhere but into a folder of its own.

    Args:
        work: What to do. It is asked for the next piece when there is room for it.
        task: Does one, in the new process.
        jobs: How many at a time.
        patience_seconds: After that long a process is killed.

    Yields:
        What became of each, in the order in which they end.
    """
    waiting, running = iter(work), dict[Connection, tuple[_Child, W]]()
    try:
        while True:
            while len(running) < jobs:
                try:
                    piece = next(waiting)
                except StopIteration:
                    break
                pipe, child = _start(task, piece)
                running[pipe] = child, piece
            if not running:
                return
            for ready in wait(list(running), timeout=1.0):
                if isinstance(ready, Connection):
                    child, piece = running.pop(ready)
                    yield Done(piece, _answer(ready, child), time.monotonic() - child.started)
            for pipe, (child, piece) in list(running.items()):
                seconds = time.monotonic() - child.started
                # What a dead process has forked may still hold its pipe open.
                is_dead = not child.process.is_alive() and not pipe.poll()
                if is_dead or seconds > patience_seconds:
                    del running[pipe]
                    pipe.close()
                    code = child.end(kill=not is_dead)
                    yield Done(piece, Death(code if is_dead else None), seconds)
    finally:
        for child, _ in running.values():
            child.end(kill=True)


def _start(task: Callable[[W], Any], piece: W) -> tuple[Connection, _Child]:
    ours, theirs = _FORK.Pipe(duplex=False)
    folder = tempfile.mkdtemp(prefix="forked-")
    Path(folder).chmod(0o755)
    process = _FORK.Process(target=_in_child, args=(task, piece, theirs, folder))
    process.start()
    theirs.close()
    return ours, _Child(process, folder, time.monotonic())


def _answer(pipe: Connection, child: _Child) -> Any:
    try:
        answer = pipe.recv()
    except EOFError:
        return Death(child.end(kill=False))
    finally:
        pipe.close()
    child.end(kill=False)
    return answer


def _in_child(task: Callable[[W], Any], piece: W, pipe: Connection, folder: str) -> None:
    """Do one piece of work and say what came out; never returns."""
    # A group of its own: what it leaves running can be ended with it.
    os.setpgid(0, 0)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    tempfile.tempdir = folder
    try:
        pipe.send(task(piece))
    finally:
        pipe.close()
        # Threads of the tests must not keep the process.
        os._exit(0)
