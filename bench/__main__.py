"""Measure this client beside raw httpx and other clients, in turn, and write docs/benchmarks.md. `make bench` runs it.

    python -m bench [--rounds N] [--most-waits N]

Everything runs in an environment of its own, `.cache/bench`, which has the plain client and, where they can be had, the peers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import slots

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".cache" / "bench"
PYTHON = HOME / "bin" / "python"
PEERS = {"fal-client": "fal_client", "replicate": "replicate", "runwayml": "runwayml", "openai": "openai"}


def _run(*command: object, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=True,
        cwd=HOME,
        env={**os.environ, **environment},
    )
    return done.stdout


def prepare() -> list[str]:
    """Make the environment; return the peers that could be installed."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)  # noqa: S603
    _run(PYTHON, "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", ROOT)
    _run(PYTHON, "-m", "pip", "install", "-q", ROOT)
    had = []
    for name in PEERS:
        with contextlib.suppress(subprocess.CalledProcessError):
            _run(PYTHON, "-m", "pip", "install", "-q", name)
            had.append(name)
    return had


@contextlib.contextmanager
def service(delay: float = 0.0, certificate: Path | None = None) -> Iterator[str]:
    """Serve on loopback; gives the origin."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port = plug.getsockname()[1]
    command = [PYTHON, ROOT / "bench" / "service.py", port, delay, *([certificate] if certificate else [])]
    with subprocess.Popen(list(map(str, command))) as process:  # noqa: S603
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield f"{'https' if certificate else 'http'}://localhost:{port}"
        finally:
            process.terminate()


def certificate() -> Path | None:
    """Make a certificate for loopback with the command `openssl`; None without it."""
    if shutil.which("openssl") is None:
        return None
    file = HOME / "loopback.pem"
    _run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost", "-keyout", file, "-out", HOME / "part.pem",
    )  # fmt: skip
    file.write_text(file.read_text() + (HOME / "part.pem").read_text())
    return file


def measure(name: str, *arguments: object, **environment: str) -> Any:
    """Run one of `measures` in a process of its own."""
    return json.loads(_run(PYTHON, ROOT / "bench" / "measures.py", name, *arguments, **environment))


def starts(commands: dict[str, list[object]], rounds: int, **environment: str) -> dict[str, list[float]]:
    """Return the CPU milliseconds of each command in each round, all of them in turn."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            _run(*command, **environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if number:  # the first compiles
                found[name].append(spent * 1000)
    return found


def spread(values: list[float], digits: int = 1) -> str:
    """Return the least, the median and the greatest value."""
    return f"{min(values):.{digits}f} / **{statistics.median(values):.{digits}f}** / {max(values):.{digits}f}"


def ratios(ours: list[float], raw: list[float]) -> str:
    """Return the spread of the ratios, round by round."""
    return spread([one / other for one, other in zip(ours, raw, strict=True)], 2)


def bars(title: str, values: dict[str, float]) -> str:
    """Return a plot with a bar for each value, as SVG."""
    most = max(values.values()) or 1
    rows = [
        f'<text x="150" y="{45 + 22 * row}" text-anchor="end">{name}</text>'
        f'<rect x="158" y="{33 + 22 * row}" width="{340 * value / most:.0f}" height="15" fill="#4a7ebb"/>'
        f'<text x="{164 + 340 * value / most:.0f}" y="{45 + 22 * row}">{value:.4g}</text>'
        for row, (name, value) in enumerate(values.items())
    ]
    height = 45 + 22 * len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="580" height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/><text x="8" y="18" font-weight="bold">{title}</text>{"".join(rows)}</svg>\n'
    )


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure, and write docs/benchmarks.md."
    )
    parser.add_argument(
        "--rounds", type=int, default=9, help="of processes that start (default: %(default)s)"
    )
    parser.add_argument("--most-waits", type=int, default=1000, help="waits at once (default: %(default)s)")
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    had = prepare()
    bare: list[object] = [PYTHON, "-c", "pass"]
    imports: dict[str, list[object]] = {
        "bare Python": bare,
        "kling_elements": [PYTHON, "-c", "import kling_elements"],
    }
    imports |= {
        name: [PYTHON, "-c", f"import {module}"]
        for name, module in {"httpx": "httpx", **PEERS}.items()
        if name in {"httpx", *had}
    }
    page = [
        "# Benchmarks", "",
        (f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start. "
        "Figures are least / **median** / greatest; ratios are taken round by round, as speeds drift. CPU time unless it says otherwise."), "",
        *([f"Not to be had, and so not measured: {', '.join(sorted({*PEERS} - {*had}))}.", ""] if len(had) < len(PEERS) else []),
        "## Import", "", "| | ms | over bare Python |", "|---|---|---|",
    ]  # fmt: skip
    found = starts(imports, options.rounds)
    for name, values in found.items():
        over = spread([one - other for one, other in zip(values, found["bare Python"], strict=True)])
        page.append(f"| {name} | {spread(values)} | {over} |")
    plots = {"import": bars("Import over bare Python, ms of CPU", {
        name: max(statistics.median(values) - statistics.median(found["bare Python"]), 0.0)
        for name, values in found.items() if name != "bare Python"
    })}  # fmt: skip
    page += ["", "![Import](benchmarks-import.svg)", ""]
    pem = certificate()
    for scheme in ("http", "https") if pem else ("http",):
        environment = {"SSL_CERT_FILE": str(pem)} if scheme == "https" else {}
        with service(certificate=pem if scheme == "https" else None) as url:
            page += [
                f"## Over {'TLS' if scheme == 'https' else 'plain HTTP'}",
                "",
                "| what | raw httpx | ours | ratio |",
                "|---|---|---|---|",
            ]
            script = ROOT / "bench" / "measures.py"
            names = ("first_raw", "first_look", "first_create")
            found = starts(
                {name: [PYTHON, script, name, url] for name in names}, options.rounds, **environment
            )
            for name in names[1:]:
                page.append(
                    f"| a process until its {name.replace('_', ' ')}, ms | {spread(found['first_raw'])} "
                    f"| {spread(found[name])} | {ratios(found[name], found['first_raw'])} |"
                )
            for name, what in (
                ("look", "look, µs"),
                ("look_async", "look under asyncio, µs"),
                ("create", "create, journal off, µs"),
            ):
                got = measure(name, url, **environment)
                page.append(
                    f"| {what} | {spread(got['raw'], 0)} | {spread(got['ours'], 0)} | {ratios(got['ours'], got['raw'])} |"
                )
            if scheme == "http":
                got = measure("journal", url)
                page.append(
                    f"| the journal of a create, beside two bare commits, wall µs | {spread(got['raw'], 0)} "
                    f"| {spread(got['ours'], 0)} | {ratios(got['ours'], got['raw'])} |"
                )
            page.append("")
    page += ["## Waits at once", "", f"Some five looks each, 5 s apart, at a service of 50 ms{' over TLS' if pem else ''}.", "",
             "| waits | looks | errors | CPU s | raw httpx, as many requests, CPU s | ratio |", "|---|---|---|---|---|---|"]  # fmt: skip
    growth = {}
    with service(0.05, pem) as url:
        for count in (1, 10, 100, 300, 1000):
            if count <= options.most_waits:
                got = measure("waits", url, count, SSL_CERT_FILE=str(pem) if pem else "")
                page.append(
                    f"| {count} | {got['looks']} | {got['errors']} | {got['ours']:.2f} | {got['raw']:.2f} | {got['ours'] / got['raw']:.2f} |"
                )
                growth[str(count)] = got["ours"]
    plots["waits"] = bars("CPU seconds of so many waits", growth)
    page += ["", "![Waits](benchmarks-waits.svg)", "", "## When to look", "",
             "A batch of 100 tasks over three slots, simulated (`python -m bench.slots`): how much longer it takes than if each end were seen at once.", ""]  # fmt: skip
    for median in slots.MEDIANS:
        rows = slots.compare(median)
        page += [
            f"Durations with a median of {median:g} s:",
            "",
            "| schedule | longer by | looks a task |",
            "|---|---|---|",
        ]
        page += [f"| {name} | {100 * (over - 1):.1f} % | {looks:.1f} |" for name, over, looks in rows]
        plots[f"slots-{median:g}"] = bars(
            f"Longer than ideal, %, median {median:g} s", {row[0]: 100 * (row[1] - 1) for row in rows}
        )
        page += ["", f"![Schedules](benchmarks-slots-{median:g}.svg)", ""]
    notes = ROOT / "bench" / "notes.md"
    page += [notes.read_text(encoding="utf-8").rstrip()]
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    for name, plot in plots.items():
        (ROOT / "docs" / f"benchmarks-{name}.svg").write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    main()
