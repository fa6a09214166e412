"""The command behind `make demo`: two drawn images become demo.mp4, by the real command line and the mock.

    python -m demo                the mock, on a free loopback port
    LIVE=1 python -m demo         the vendor, with the key from the environment: one task, which costs money

Exit codes are those of `kling-elements`; 130 after Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av

from demo.pictures import draw_pictures
from kling_elements.document import load_document
from kling_elements.settings import API_KEY_VARIABLES, BASE_URL_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET: Final = ROOT / "demo.mp4"
PROMPT: Final = "A hot-air balloon drifts past a lighthouse at dusk"
MOCK_SECONDS: Final = 6  # a task of the mock takes this long, so that there is something to watch
_BAD_INPUT: Final = 2
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_PATIENCE: Final = 10.0  # seconds that a process gets to end by itself
_NEXT: Final = f"""\
Next:
   make test             every test, without a key too
   make mock             keep the mock running, and try the commands against it
   LIVE=1 make demo      the same for real, with your key in {API_KEY_VARIABLES[1]}. It costs money"""
_READY: Final = "serving "  # the mock's first line ends with this word and its address


def main() -> int:
    """Run the demo; gives its exit code."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits one that ignores it
    try:
        if os.environ.get("LIVE", "") not in {"", "0"}:
            return _run_live()
        return _run_with_mock()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return _INTERRUPTED


def _run_with_mock() -> int:
    pictures = _draw()
    print(f"2. Starting the mock: it stands in for the vendor, and a task takes {MOCK_SECONDS} s.")
    with _mock() as url:
        print(f"   It listens on {url}\n")
        # A key of the user's is of no use here, and a proxy can't reach the loopback.
        keyless = {name: value for name, value in os.environ.items() if name not in API_KEY_VARIABLES}
        own = {BASE_URL_VARIABLE: url, API_KEY_VARIABLES[0]: "demo", "NO_PROXY": "*", "no_proxy": "*"}
        environment = {**keyless, **own}
        code = _generate(pictures, environment, "--poll-interval", "1")
    if code == 0:
        _tell_result()
        print(_NEXT)
    return code


def _run_live() -> int:
    if not any(os.environ.get(name, "").strip() for name in API_KEY_VARIABLES):
        print(
            f"LIVE=1 needs a key in the environment: set {' or '.join(API_KEY_VARIABLES)}. Nothing was sent.",
            file=sys.stderr,
        )
        return _BAD_INPUT
    origin = os.environ.get(BASE_URL_VARIABLE) or load_document().servers[0].url
    print(f"LIVE: this creates one task at {origin}. It is billed to your key, and can't be cancelled.")
    print("The images are sent in the request itself (base64), which the vendor's page does not document.")
    if sys.stdin.isatty() and input("Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
        print("Nothing was sent.")
        return 0
    code = _generate(_draw(), dict(os.environ))
    if code == 0:
        _tell_result()
    return code


def _draw() -> tuple[Path, Path]:
    print("1. Drawing two images.")
    pictures = draw_pictures(ROOT / ".demo")
    print(f"   {', '.join(str(picture.relative_to(ROOT)) for picture in pictures)}")
    return pictures


def _generate(pictures: tuple[Path, Path], environment: Mapping[str, str], *more: str) -> int:
    arguments = [
        "generate",
        *(str(picture.relative_to(ROOT)) for picture in pictures),
        *("--prompt", PROMPT, "--output", TARGET.name, "--overwrite"),
        *more,
    ]
    print(f"$ kling-elements {' '.join(_quoted(argument) for argument in arguments)}", flush=True)
    with _process("kling_elements", *arguments, env=environment) as command:
        return command.wait()


@contextlib.contextmanager
def _mock() -> Iterator[str]:
    """Run the mock as a process of its own; gives its address, and ends it whatever happens."""
    options = ("--port", "0", "--seconds", str(MOCK_SECONDS))
    with _process("kling_elements_mock", *options, stdout=subprocess.PIPE) as mock:
        line = mock.stdout.readline() if mock.stdout else ""
        if _READY not in line:
            raise SystemExit("The mock did not start: see above.")
        try:
            yield line.split(_READY)[1].strip()
        finally:
            mock.terminate()


@contextlib.contextmanager
def _process(
    module: str, *arguments: str, env: Mapping[str, str] | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this environment; it never outlives the block."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=stdout, text=True) as process:  # noqa: S603 - our own modules
        try:
            yield process
        except SystemExit:
            process.terminate()  # a SIGTERM reaches one process alone
            raise
        finally:
            # Ctrl-C reaches it too, and it may have something to say.
            try:
                process.wait(_PATIENCE)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                process.kill()


def _tell_result() -> None:
    with av.open(str(TARGET)) as video:
        stream = video.streams.video[0]
        seconds = (video.duration or 0) / av.time_base
        shape = f"{seconds:.0f} s, {stream.width} x {stream.height}, {stream.codec_context.name}"
    print(f"\n{TARGET.name} is there: {shape}, {TARGET.stat().st_size / 1000:.0f} kB. Play it.\n")


def _quoted(argument: str) -> str:
    return f'"{argument}"' if " " in argument else argument


def _leave(*_: object) -> None:
    raise SystemExit(_TERMINATED)


if __name__ == "__main__":
    sys.exit(main())
