"""Who calls: the public clients over one journal, with clocks and sleeps of their own, through the proxy."""

from __future__ import annotations

import os
import pickle
import resource
import select
import shutil
import signal
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx
from attrs import define, field, frozen

from contract_tests.faults.fault import HASTY
from contract_tests.faults.proxy import PATIENCE
from contract_tests.faults.stage import NONE_KEPT
from kling_elements import AsyncKlingElements, Journal, KlingElements, KlingError, Limits, Task
from kling_elements.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contract_tests.faults.fault import Fault
    from contract_tests.faults.oracle import Ask, Tally
    from contract_tests.faults.stage import Stage
    from kling_elements import Event

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


class EndlessError(AssertionError):
    """A call that sleeps and sleeps, or a child process that does not end."""


@frozen
class Call:
    """One call of the public client."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(factory=dict)
    ask: Ask | None = None  # the logical create that it is for
    is_async: bool = False
    scheme: str = "http"  # with https, TLS must never start
    forks: bool = False  # a child process makes it, by a client of its parent's
    is_own: bool = False  # the HTTP connections are the client's own, not the caller's


@frozen
class Outcome:
    """What a call returned or raised, and whether Ctrl-C was pressed during it."""

    value: Any
    error: BaseException | None
    was_interrupted: bool


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="kling-elements-faults-", dir=_QUICK))


@define
class Caller:
    """A machine on which clients run, one after the other, on the same journal."""

    stage: Stage
    tally: Tally
    most_faults: int  # no more are injected then
    folder: Path = field(factory=_new_folder)  # of the journal and the videos
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

    def call(self, call: Call, faults: Sequence[Fault]) -> Outcome:
        """Call the public client, its exchanges disturbed in turn."""
        proxy = self.stage.proxy
        if forks := call.forks and self.may_inject:
            self.note("fork")
        faults = faults[: self.faults_left]
        self._armed = len(faults)
        patience = HASTY if any(fault.is_slow for fault in faults) else _PATIENT
        before, endings = proxy.injected.copy(), proxy.endings.copy()
        self._sleeps = self._interrupts = 0
        proxy.take_interrupts()
        run = self._forked(call, patience) if forks else lambda: self._run(call, patience)
        proxy.arm(faults)
        if self._due and self._due[0] == 0:
            self._befall()
        value, error = None, None
        try:
            value = run()
        except BaseException as raised:  # noqa: BLE001 - whatever comes is what is judged
            error = raised
        finally:
            self.heal()
        result = "returned" if error is None else type(error).__name__
        injected, self._armed = proxy.injected - before, 0
        self.tally.injected += injected
        self.tally.outcomes += proxy.endings - endings
        self.tally.outcomes[f"{call.name}: {result}"] += 1
        self.trace.append(f"{call.name}{call.arguments} {call.options}: {result}, by {dict(injected)}")
        return Outcome(value, error, bool(self._interrupts + proxy.take_interrupts()))

    def client(self) -> KlingElements:
        return KlingElements(**self._options(), http_client=self.stage.http)

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

    def jump(self, seconds: float) -> None:
        """Have the wall clock of this machine jump, back or forth."""
        if self.may_inject:
            self.note("wall clock jumps")
            self.wall_offset += seconds

    def suspend(self, seconds: float) -> None:
        """Have time pass for all, as when the lid is closed."""
        if self.may_inject:
            self.note("asleep for a while")
            self._let_pass(seconds)

    def restart(self) -> None:
        """Begin anew as another process would: nothing is left but the journal."""
        if self.may_inject:
            self.note("restart")
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

    def _run(self, call: Call, patience: float) -> Any:
        options = self._options(patience, call.scheme)
        if not call.is_async:
            with KlingElements(**options, http_client=self.stage.http) as client:
                return getattr(client, call.name)(*call.arguments, **call.options)

        async def run() -> Any:
            http = self._async_http()
            async with http, AsyncKlingElements(**options, http_client=http) as client:
                return await getattr(client, call.name)(*call.arguments, **call.options)

        return anyio.run(run)

    def _async_http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=self.stage.trust, limits=NONE_KEPT, trust_env=False)

    def _forked(self, call: Call, patience: float) -> Callable[[], Any]:
        """Use a client in this process; gives what forks, and calls it in the child."""
        options = self._options(patience, call.scheme)
        client: KlingElements | AsyncKlingElements
        if call.is_async:
            client = AsyncKlingElements(**options, http_client=None if call.is_own else self._async_http())
        else:
            client = KlingElements(**options, http_client=None if call.is_own else self.stage.http)

        def use(name: str, *arguments: Any, **options: Any) -> Any:
            method = getattr(client, name)
            if call.is_async:
                return anyio.run(lambda: method(*arguments, **options))
            return method(*arguments, **options)

        def in_child() -> tuple[Any, BaseException | None]:
            try:
                made = use(call.name, *call.arguments, **call.options)
            except BaseException as raised:  # noqa: BLE001 - whatever comes is what is judged
                return None, raised
            return (made.id, made.status, made.urls), None

        with suppress(KlingError):  # what comes of that does not matter
            use("list")
        return lambda: self._fork(in_child)

    def _fork(self, in_child: Callable[[], tuple[Any, BaseException | None]]) -> Task:
        """Give or raise what came of a create in a child process."""
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the proxy's threads do not go along
            pid = os.fork()
        if pid == 0:
            self._is_child = True
            try:
                result = in_child()
                self._journal.close()  # it is not killed: what it knows is written
                os.write(writer, pickle.dumps(result))
            finally:
                os._exit(0)
        os.close(writer)
        said = b""
        while select.select([reader], [], [], PATIENCE)[0] and (chunk := os.read(reader, 65_536)):
            said += chunk
        os.close(reader)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if not said:
            raise EndlessError("a child process said nothing")
        value, error = pickle.loads(said)  # noqa: S301 - our own child's
        if error is not None:
            raise error
        return Task(*value)

    def _options(self, patience: float = _PATIENT, scheme: str = "http") -> dict[str, Any]:
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
        return Journal(Database(self.folder / "journal.sqlite3"), self._wall, lambda: self.now)

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
