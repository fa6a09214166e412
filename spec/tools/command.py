"""How the commands of these tools begin, are interrupted, and end: sentences and an exit code, no traceback.

The commands import it before anything else: Ctrl-C counts from then on.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_INTERRUPTED: Final = 130
_said = ["Interrupted. Nothing was changed."]


def _end(*_: object) -> None:
    os.write(2, f"{_said[0]}\n".encode())
    os._exit(_INTERRUPTED)


if (
    os.path.dirname(sys.argv[0]) == os.path.dirname(__file__)  # noqa: PTH120 - pathlib takes a while
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, _end)


def run(work: Callable[[], tuple[Sequence[str], int]], unchanged: str) -> int:
    """Do a command's work, and show the lines that it returns; those that begin with `note:` on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # Names of files are any bytes.
    try:
        with _signals_as_interrupt():
            lines, code = work()
    except SpecError as error:
        return _fail(str(error), *getattr(error, "__notes__", ()), unchanged)
    except RecursionError:
        return _fail("a file is nested too deeply to be read", unchanged)
    except OSError as error:
        return _fail(f"{error.filename or 'this machine'}: {error.strerror or error}", unchanged)
    except KeyboardInterrupt:
        _fail("Interrupted. Nothing is half done: the files are all as before, or all new.")
        return _INTERRUPTED
    _said[0] = "Interrupted. The work was done."
    try:
        for line in lines:
            print(line, file=sys.stderr if line.startswith("note: ") else sys.stdout, flush=True)
    except OSError:  # Nobody reads any more: `| head`.
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - to the end
    return code


def _fail(*lines: str) -> int:
    with contextlib.suppress(OSError):
        print(*lines, sep="\n", file=sys.stderr)
    return 1


@contextlib.contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Clean up on SIGTERM as on Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    old = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, interrupt)
    if old[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back for a few steps that belong together; they count afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
