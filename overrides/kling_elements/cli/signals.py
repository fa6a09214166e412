"""Ctrl-C, SIGTERM and a closed terminal as one exception; they wait while a create is being sent.

A create that was sent is billed, whether its response is read or not. So the first signal during one waits a
moment for the response, because it has the task's id; a second signal leaves at once.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, Self

GRACE = 2.0  # seconds; service managers give a process 5 to 10 before they kill it

_NAMES = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP"}


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end.

    Attributes:
        signal_number: Which.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number

    @property
    def name(self) -> str:
        """Its usual name."""
        return _NAMES[signal.Signals(self.signal_number).name]

    @property
    def exit_code(self) -> int:
        """The exit code that a shell expects."""
        return 128 + self.signal_number

    def __str__(self) -> str:
        return f"interrupted ({self.name})"


class Interruptions:
    """Turns signals into `Interrupted`, in the main thread, while it is entered.

    Args:
        on_hold: Called when a signal has to wait for a create, with the seconds that it will wait at most.
    """

    def __init__(self, on_hold: Callable[[float], object]) -> None:
        self._on_hold = on_hold
        self._received: int | None = None
        self._was_raised = False
        self._is_held = False
        self._timer: threading.Timer | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                number = getattr(signal, name, None)
                # A signal that is ignored on purpose (nohup, a shell's background job) stays ignored.
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop_timer()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """Let a signal wait: a create is being sent."""
        self._is_held = True

    def release(self) -> None:
        """Let signals through again.

        Raises:
            Interrupted: If one came meanwhile.
        """
        self._is_held = False
        self._stop_timer()
        if self._received is not None and not self._was_raised:
            self._raise()

    @contextmanager
    def again(self) -> Iterator[None]:
        """Let one more signal through: what is waited for meanwhile need not be.

        Raises:
            Interrupted: If one comes.
        """
        self._was_raised = False
        try:
            yield
        finally:
            self._was_raised = True

    def _receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        if self._was_raised:
            return  # cleaning up is under way
        is_first = self._received is None
        self._received = self._received or number
        if self._is_held and is_first:
            # The signal may have come in the middle of a line to stderr: it can't be written to from here.
            with suppress(RuntimeError):
                self._on_hold(GRACE)
            self._timer = threading.Timer(GRACE, _send_again, (number,))
            self._timer.daemon = True
            self._timer.start()
            return
        self._raise()

    def _raise(self) -> None:
        self._was_raised = True
        self._stop_timer()
        if self._received is not None:
            raise Interrupted(self._received)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _send_again(number: int) -> None:
    """Wake the main thread out of whatever it waits for."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)
