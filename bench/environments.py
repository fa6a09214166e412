"""Where the measures run: one environment for each client, and services on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".cache" / "bench"
OURS = "kling-elements"
PEERS = {"fal-client": "fal_client", "replicate": "replicate", "runwayml": "runwayml", "openai": "openai"}
_PRISM = "@stoplight/prism-cli"


def run(*command: object, **environment: str) -> str:
    """Run a command to its end, and return what it prints."""
    done = subprocess.run(  # noqa: S603 - our own commands
        list(map(str, command)),
        stdout=subprocess.PIPE,  # what goes wrong is shown
        text=True,
        check=True,
        cwd=HOME,
        env={**os.environ, **environment},
    )
    return done.stdout


def python_of(name: str) -> Path:
    """Return the Python of a client's environment."""
    return HOME / name / "bin" / "python"


def prepare() -> list[str]:
    """Make the environments; return the peers that could be installed."""
    HOME.mkdir(parents=True, exist_ok=True)
    _install(OURS, str(ROOT), "--force-reinstall", "--no-deps")
    _install(OURS, str(ROOT))
    _install("validators", "jsonschema-rs", "jsonschema")
    had = []
    for name in PEERS:
        with contextlib.suppress(subprocess.CalledProcessError):
            _install(name, name)
            had.append(name)
    return had


def _install(name: str, *arguments: str) -> None:
    if not python_of(name).exists():
        run(sys.executable, "-m", "venv", HOME / name)
    run(python_of(name), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments)


def installed_size(name: str, *leave_out: str) -> float:
    """Return the mebibytes of a client and all that it needs, without bytecode and what every environment has."""
    [packages] = (HOME / name).glob("lib/python*/site-packages")
    others = ("pip", "setuptools", "_distutils_hack", "distutils-precedence", "pkg_resources", *leave_out)
    return sum(
        file.stat().st_size / 2**20
        for entry in packages.iterdir()
        if not entry.name.startswith(others)
        for file in (entry.rglob("*") if entry.is_dir() else [entry])
        if file.is_file() and file.suffix != ".pyc"
    )


def size_of(name: str, package: str) -> float:
    """Return the mebibytes of one package in a client's environment."""
    files = (HOME / name).glob(f"lib/python*/site-packages/{package}/**/*")
    return sum(file.stat().st_size / 2**20 for file in files if file.is_file() and file.suffix != ".pyc")


def prism() -> Path | None:
    """Install Prism if npm can; return its command."""
    command = HOME / "prism" / "node_modules" / ".bin" / "prism"
    if not command.exists() and (npm := shutil.which("npm")):
        with contextlib.suppress(subprocess.CalledProcessError):
            run(npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", HOME / "prism", _PRISM)
    return command if command.exists() else None


def certificates() -> tuple[Path, Path] | None:
    """Make a certificate for loopback; return its file, and one with it and all that clients trust anyway."""
    if shutil.which("openssl") is None:
        return None
    own, key, bundle = HOME / "loopback.pem", HOME / "key.pem", HOME / "bundle.pem"
    command: list[str | Path] = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", own,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command
    usual = run(python_of(OURS), "-c", "import certifi; print(certifi.contents())")
    bundle.write_text(usual + own.read_text())
    own.write_text(own.read_text() + key.read_text())
    return own, bundle


@contextlib.contextmanager
def server(command: list[object], port: int, *, folder: Path = HOME) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block is left; it is entered when the server listens."""
    with subprocess.Popen(  # noqa: S603 - our own commands
        list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(400):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port: int = plug.getsockname()[1]
        return port


@contextlib.contextmanager
def service(
    certificate: Path | None = None, *options: object
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve the stand-in of `service.py`; gives its origin and its process."""
    port = free_port()
    command = [python_of(OURS), ROOT / "bench" / "service.py", port, *options]
    if certificate:
        command += ["--certificate", certificate]
    with server(command, port) as process:
        yield f"{'https' if certificate else 'http'}://localhost:{port}", process
