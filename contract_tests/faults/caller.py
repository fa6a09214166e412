"""Who calls: the public clients over one journal, with clocks and sleeps of their own, through the proxy."""

import os
import resource
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
from attrs import define, field, frozen

from contract_tests.faults.fault import HASTY, Fault
from contract_tests.faults.oracle import Ask, Tally
from contract_tests.faults.proxy import PATIENCE
from contract_tests.faults.stage import NONE_KEPT, Stage
from kling_elements import AsyncKlingElements, Event, Journal, KlingElements, KlingError, Limits, Task
from kling_elements.journal import journal_at

LOOKS: Final = 60.0
"""Seconds of waiting; on the fake clock, so they take none."""
_KEY: Final = "key-of-the-faults-0123456789"
_PATIENT: Final = 10.0  # seconds that a request may take
_MOST_SLEEPS: Final = 2000  # of one call; no deadline allows as many
# In memory where there is such a folder: a journal waits for the disk at every write.
_QUICK: Final = next((str(path) for path in [Path("/dev/shm")] if os.access(path, os.W_OK)), None)  # noqa: S108 - mkdtemp makes a folder of its own in it
_FULL: Final = "journal on a full disk"
_DAMAGES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "journal damaged: its first bytes": lambda whole: bytes(16) + whole[16:],
    "journal damaged: its head": lambda whole: b"\xff" * 100 + whole[100:],
    "journal damaged: its second half": lambda whole: whole[: len(whole) // 2],
}
DISK_TROUBLES: Final = (_FULL, *_DAMAGES)
JUMP, SLEEP, RESTART = "wall clock jumps", "asleep for a while", "restart"


class EndlessError(AssertionError):
    """A call that sleeps and sleeps, or a child process that does not end."""


@frozen
class Call:
    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(factory=dict)
    ask: Ask | None = None  # the logical create that it is for
    is_async: bool = False
    scheme: str = "http"  # with https, TLS must never start
    forks: bool = False  # a child process makes it, by a client of its parent's
    is_own: bool = False  # the HTTP connections are the client's own, not the caller's


@define
class Caller:
    """A machine on which clients run, one after the other, on the same journal."""

    stage: Stage
    tally: Tally
    most_faults: int  # no more are injected then
    folder: Path = field(factory=lambda: Path(tempfile.mkdtemp(dir=_QUICK)))  # of the journal and the videos
    trace: list[str] = field(factory=list)  # what was done, for a reader of a finding
    now: float = 0.0  # of the monotonic clock
    wall_offset: float = 0.0  # how far the wall clock is ahead of the service's
    had_disk_trouble: bool = False
    _journal: Journal = field(init=False)
    _armed: int = field(default=0, init=False)  # faults of this call, which are counted after it
    _sleeps: int = field(default=0, init=False)
    _refusals: int = field(default=0, init=False)
    _interrupts: int = field(default=0, init=False)
    _due: tuple[int, Callable[[], None]] | None = field(default=None, init=False)  # at which event, and what
    _undo_trouble: Callable[[], object] | None = field(default=None, init=False)
    _is_child: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._journal = self._open_journal()

    def call(self, call: Call, faults: Sequence[Fault]) -> tuple[Any, BaseException | None, bool]:
        """Call the client through faults; gives what it returned or raised, and if Ctrl-C came."""
        proxy = self.stage.proxy
        if forks := call.forks and self.may_inject:
            self.note("fork")
        faults = faults[: self.faults_left]
        self._armed, before = len(faults), proxy.injected.copy()
        self._sleeps = self._interrupts = proxy.interrupts = 0
        value, error = None, None
        try:
            with self._client(call, HASTY if any(fault.is_slow for fault in faults) else _PATIENT) as use:
                if forks:
                    with suppress(KlingError):  # what comes of that does not matter
                        use("list")
                proxy.faults.extend(faults)
                if self._due and self._due[0] == 0:
                    self._befall()
                value = self._fork(use, call) if forks else use(call.name, *call.arguments, **call.options)
        except BaseException as raised:  # noqa: BLE001 - whatever comes is what is judged
            error = raised
        finally:
            self.heal()
        result = "returned" if error is None else type(error).__name__
        injected, self._armed = proxy.injected - before, 0
        self.tally.injected += injected
        self.tally.outcomes[f"{call.name}: {result}"] += 1
        self.trace.append(f"{call.name}{call.arguments} {call.options}: {result}, by {dict(injected)}")
        return value, error, bool(self._interrupts + proxy.interrupts)

    def client(self) -> KlingElements:
        return KlingElements(**self._options(_PATIENT, "http"), http_client=self.stage.http)

    def heal(self) -> None:
        """Let the storm pass: nothing is disturbed any more, and what was begun is over."""
        self._refusals, self._due = 0, None
        if self._undo_trouble:
            self._undo_trouble()
            self._undo_trouble = None
        self.stage.proxy.listen()
        self.stage.proxy.settle()

    def refuse(self, times: int) -> None:
        """Have the next connections refused: the proxy listens again after so many."""
        self._refusals = min(times, self.faults_left)
        if self._refusals:
            self.stage.proxy.refuse()

    def interrupt(self, events: int) -> None:
        """Press Ctrl-C at the next call's event of this number."""

        def press() -> None:
            self._interrupts += 1
            self.note("Ctrl-C, between two steps")
            raise KeyboardInterrupt

        self._due = events, press

    def trouble_disk(self, how: str, events: int) -> None:
        """Have the journal's file fail in the next call, from this event on (0: at once) to its end."""
        path = self.folder / "journal.sqlite3"

        def fail() -> None:
            if how == _FULL:
                self._undo_trouble = _fill_disk()
            elif path.exists() and (whole := path.read_bytes()):
                path.write_bytes(_DAMAGES[how](whole))
                self._undo_trouble = lambda: _restore(path, whole)
            else:
                return
            self.had_disk_trouble = True
            self.note(how)

        self._due = events, fail

    def disturb(self, how: str, hours: float) -> None:
        """Have this machine's clock jump, time pass for all, or another process go on with the journal."""
        if not self.may_inject:
            return
        self.note(how)
        if how == JUMP:
            self.wall_offset += hours * 3600
        elif how == SLEEP:
            self._let_pass(abs(hours) * 3600)
        else:
            self.reopen_journal()

    def reopen_journal(self) -> None:
        self._journal.close()
        self._journal = self._open_journal()

    def close(self) -> None:
        self._journal.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def faults_left(self) -> int:
        return max(0, self.most_faults - self.tally.faults - self._armed)

    @property
    def may_inject(self) -> bool:
        return self.faults_left > 0

    def note(self, fault: str) -> None:
        self.tally.injected[fault] += 1
        self.trace.append(fault)

    @contextmanager
    def _client(self, call: Call, patience: float) -> Iterator[Callable[..., Any]]:
        """Open a client; gives what calls a method of it, by its name."""
        options = self._options(patience, call.scheme)
        if not call.is_async:
            with KlingElements(**options, http_client=None if call.is_own else self.stage.http) as client:
                yield lambda name, *args, **more: getattr(client, name)(*args, **more)
            return
        http = httpx.AsyncClient(verify=self.stage.trust, limits=NONE_KEPT, trust_env=False)
        awaited = AsyncKlingElements(**options, http_client=None if call.is_own else http)
        try:
            yield lambda name, *args, **more: anyio.run(lambda: getattr(awaited, name)(*args, **more))
        finally:
            anyio.run(awaited.aclose)
            anyio.run(http.aclose)

    def _fork(self, use: Callable[..., Any], call: Call) -> Task:
        """Give or raise what came of a create in a child process, by its parent's client."""
        context = get_context("fork")
        here, there = context.Pipe()

        def in_child() -> None:
            self._is_child = True
            try:
                made = use(call.name, *call.arguments, **call.options)
                said: tuple[Any, ...] = None, (made.id, made.status, made.urls)
            except BaseException as raised:  # noqa: BLE001 - whatever comes is what is judged
                said = raised, ()
            self._journal.close()  # it is not killed: what it knows is written
            there.send(said)
            os._exit(0)

        child = context.Process(target=in_child)
        with warnings.catch_warnings(), here, there:
            warnings.simplefilter("ignore", DeprecationWarning)  # the proxy's threads do not go along
            child.start()
            came = here.poll(PATIENCE)
            error, task = here.recv() if came else (EndlessError("a child process said nothing"), ())
        child.kill()
        child.join()
        if error is not None:
            raise error
        return Task(*task)

    def _options(self, patience: float, scheme: str) -> dict[str, Any]:
        return {
            "api_key": _KEY,
            "base_url": f"{scheme}://127.0.0.1:{self.stage.proxy.port}",
            "timeout": patience,
            "clock": lambda: self.now,
            "sleep": self._sleep,
            "journal": self._journal,
            # Rates are kept on the process's clock, which does not move while a client sleeps on this one.
            "limits": Limits(rates=()),
            "on_event": self._on_event,
        }

    def _let_pass(self, seconds: float) -> None:
        self.now += seconds
        if not self._is_child:
            self.stage.served.mock.advance(seconds)

    def _sleep(self, seconds: float) -> None:
        self._sleeps += 1
        if self._sleeps > _MOST_SLEEPS:
            raise EndlessError(f"a call has slept {_MOST_SLEEPS} times")
        self._let_pass(seconds)
        if not self._refusals:
            self.stage.proxy.listen()

    def _on_event(self, event: Event) -> None:
        if event.name == "request.failed" and self._refusals:
            self._refusals -= 1
            self.note("connection refused")
        if self._due:
            self._due = self._due[0] - 1, self._due[1]
            if self._due[0] == 0:
                self._befall()

    def _befall(self) -> None:
        assert self._due
        act, self._due = self._due[1], None
        if self.may_inject:
            act()

    def _open_journal(self) -> Journal:
        return journal_at(self.folder / "journal.sqlite3", self._wall, lambda: self.now)

    def _wall(self) -> float:
        return self.stage.served.mock.clock.time() + self.wall_offset


def _fill_disk() -> Callable[[], object]:
    """Let no file of this process grow any more; gives what undoes it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _restore(path: Path, whole: bytes) -> None:
    backup = path.with_suffix(".backup")
    backup.write_bytes(whole)
    backup.replace(path)
