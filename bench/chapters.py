"""The chapters of the page, each with what it measures."""

from __future__ import annotations

import json
import os
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

from bench import plots, slots
from bench.environments import (
    HOME,
    OURS,
    PEERS,
    ROOT,
    free_port,
    installed_size,
    python_of,
    run,
    server,
    service,
    size_of,
)
from bench.page import spread

if TYPE_CHECKING:
    from bench.page import Page

Certificates = tuple[Path, Path] | None
_ENVIRONMENT = {
    "KLING_ELEMENTS_JOURNAL": str(HOME / "journal.sqlite3"),
    "KLING_ELEMENTS_API_KEY": "a-key-of-no-account",
}
_BENCH = ROOT / "bench"


def measure(name: str, *arguments: object, of: str = OURS, **environment: str) -> Any:
    """Run one of `measures` in a process of its own."""
    return json.loads(run(python_of(of), _BENCH / "measures.py", name, *arguments, **environment))


def imports(page: Page, had: list[str], rounds: int) -> None:
    """What the import of a package costs."""
    commands = {
        "bare Python": (OURS, "pass"),
        OURS: (OURS, "import kling_elements"),
        "httpx": (OURS, "import httpx"),
    }
    commands |= {name: (name, f"import {PEERS[name]}") for name in had}
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, (environment, code) in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run(python_of(environment), "-c", code)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if number:  # the first reads from the disk
                found[name].append(
                    1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
                )
    bare = found.pop("bare Python")
    page.chapter("Import", "Milliseconds over bare Python, in the same round.")
    page.table("", "ms", "over bare Python, ms")
    for name, values in found.items():
        page.figures[f"import {name}"] = over = [one - other for one, other in zip(values, bare, strict=True)]
        page.row(name, spread(values), spread(over))
    medians = {name: max(statistics.median(page.figures[f"import {name}"]), 0.0) for name in found}
    page.plot("import", "Import", plots.bars("Import over bare Python, ms of CPU", medians))


def first_requests(page: Page, had: list[str], rounds: int, found: Certificates) -> None:
    """What a process takes until its first request is at the service."""
    commands = {"raw httpx": (OURS, "raw"), "a look": (OURS, "look"), "a create, journal off": (OURS, "create"),
                "a create, with the journal": (OURS, "create_journalled"), "the command `status`": (OURS, "command")}  # fmt: skip
    commands |= {name: (name, PEERS[name]) for name in had if found or name != "fal-client"}
    environment = {**os.environ, **_ENVIRONMENT, **({"SSL_CERT_FILE": str(found[1])} if found else {})}
    spent: dict[str, list[float]] = {name: [] for name in commands}
    # One of an older version would name keys slowly.
    Path(_ENVIRONMENT["KLING_ELEMENTS_JOURNAL"]).unlink(missing_ok=True)
    with service(found[0] if found else None, "--hold") as (url, process):
        for number in range(rounds + 1):
            for name, (client, which) in commands.items():
                command = [python_of(client), _BENCH / "first.py", which, url]
                seconds = _until_request(list(map(str, command)), environment, process)
                if number:
                    spent[name].append(seconds * 1000)
    page.chapter("Until the first request",
             f"What a new process spends until its first request is at the service{' over TLS' if found else ''}, with the usual certificates.")  # fmt: skip
    page.table("", "ms", "ratio to raw httpx")
    medians = {}
    for name, values in spent.items():
        ratio = [one / other for one, other in zip(values, spent["raw httpx"], strict=True)]
        page.figures[f"first request, {name}"] = ratio
        page.row(name, spread(values), spread(ratio, 2))
        medians[name] = statistics.median(ratio)
    page.plot("first", "First request", plots.bars("Until the first request, ratio to raw httpx", medians))


def _until_request(
    command: list[str], environment: dict[str, str], process: subprocess.Popen[bytes]
) -> float:
    """Run a command until its request is at the service; return the CPU seconds."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603
    while not select.select([process.stdout], [], [], 0.02)[0]:
        if child.poll() is not None:
            _, text = child.communicate()
            raise RuntimeError(f"{command} ended before it asked: {text.decode()[-2000:]}")
    os.read(process.stdout.fileno(), 4096)
    child.kill()
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = -9
    if child.stderr:
        child.stderr.close()
    return usage.ru_utime + usage.ru_stime


def in_process(page: Page, had: list[str]) -> None:
    """What the code itself costs, without sockets."""
    page.chapter("Without sockets",
                 "Each client over httpx's own `MockTransport`: what its code costs beside that of httpx. Our create validates the "
             "request and the response, strikes the key out of what it keeps, and returns a typed task.")  # fmt: skip
    page.table("what, µs", "raw httpx", "client", "ratio")
    for name, what in (("look", "look"), ("look_async", "look under asyncio"),
                       ("create_in_process", "create, journal off")):  # fmt: skip
        got = measure(name)
        page.ratio_row(f"{what}, {OURS}", got["raw"], got["ours"])
    for name in (each for each in ("openai", "runwayml") if each in had):
        got = json.loads(run(python_of(name), "-m", "bench.peers", PEERS[name], PYTHONPATH=str(ROOT)))
        page.ratio_row(f"look, {name}", got["raw"], got["ours"])
    page.add("")


def over_sockets(page: Page, found: Certificates) -> None:
    """Looks and creates over loopback."""
    for scheme in ("http", "https") if found else ("http",):
        environment = {"SSL_CERT_FILE": str(found[1])} if found and scheme == "https" else {}
        with service(found[0] if found and scheme == "https" else None) as (url, _):
            over = "TLS" if scheme == "https" else "plain HTTP"
            page.chapter(
                f"Over {over}",
                "Looks go over kept connections, and each create opens one of its own; so does raw httpx here.",
            )
            page.table("what, µs", "raw httpx", "ours", "ratio")
            for name, what in (
                ("look", "look"),
                ("look_async", "look under asyncio"),
                ("create", "create, journal off"),
            ):
                got = measure(name, url, **environment)
                page.ratio_row(f"{what} over {over}", got["raw"], got["ours"])
            page.add("")


def journal(page: Page) -> None:
    """What the journal adds to a create."""
    with service() as (url, _):
        got = measure("journal", url)
    page.chapter(
        "The journal",
        "A create with it less one without, beside two bare commits to SQLite on the same disk: wall time.",
    )
    page.table("what, µs", "two bare commits", "ours", "ratio")
    page.ratio_row("the journal of a create", got["raw"], got["ours"])
    page.add("")


def waits(page: Page, most: int, found: Certificates) -> None:
    """Many waits in one process."""
    page.chapter("Waits at once",
                 f"Waits of one process, each with a look each 5 s for 15 s, at a service that takes 50 ms{' over TLS' if found else ''}; "
             "beside raw httpx with as many requests over 32 kept connections.")  # fmt: skip
    page.table("waits", "looks", "errors", "CPU s", "raw httpx, CPU s", "ratio")
    counts, ours, raw = [], [], []
    with service(found[0] if found else None, "--delay", 0.05) as (url, _):
        for count in (1, 10, 100, 1000):
            if count <= most:
                got = measure("waits", url, count, **({"SSL_CERT_FILE": str(found[1])} if found else {}))
                counts.append(float(count))
                ours.append(got["ours"])
                raw.append(got["raw"])
                page.figures[f"{count} waits"] = [got["ours"] / got["raw"]]
                page.row(f"{count:,}", f"{got['looks']:,}", str(got["errors"]), f"{got['ours']:.2f}", f"{got['raw']:.2f}",
                         f"**{got['ours'] / got['raw']:.2f}**")  # fmt: skip
    svg = plots.lines("CPU seconds by waits at once", counts, {"ours": ours, "raw httpx": raw}, "s")
    page.plot("waits", "Waits", svg)


def batches(page: Page, most: int) -> None:
    """A batch that grows."""
    page.chapter(
        "Batches",
        "Batches whose tasks are done at the first look, without sockets and without a journal's file.",
    )
    page.table("jobs", "CPU s", "CPU ms a job", "peak memory, MiB")
    counts, memory, seconds = [], [], []
    for count in (1, 10, 100, 1000, 10_000, 100_000):
        if count <= most:
            got = measure("batch", count)
            counts.append(float(count))
            memory.append(got["mebibytes"])
            seconds.append(got["seconds"])
            each = 1000 * got["seconds"] / count
            page.row(
                f"{got['done']:,}", f"{got['seconds']:.2f}", f"{each:.2f}", f"**{got['mebibytes']:.1f}**"
            )
    page.figures["batch memory"] = [memory[-1] - memory[0]]
    for name, title, what, values, unit in (
        ("batch-memory", "Memory", "Peak memory", memory, "MiB"), ("batch-time", "Time", "CPU seconds", seconds, "s"),
    ):  # fmt: skip
        page.plot(name, title, plots.lines(f"{what} by jobs of a batch", counts, {"ours": values}, unit))


def schedules(page: Page) -> None:
    """When to look, simulated."""
    page.chapter("When to look",
                 "A batch of 100 tasks over three slots, simulated (`python -m bench.slots`): how much longer it takes "
             "than if each end were seen at once.")  # fmt: skip
    for median in slots.MEDIANS:
        rows = slots.compare(median)
        page.add("", f"Durations with a median of {median:g} s:")
        page.table("schedule", "longer by", "looks a task")
        for name, over, looks in rows:
            page.row(name, f"{100 * (over - 1):.1f} %", f"{looks:.1f}")
        svg = plots.bars(
            f"Longer than ideal, %, median {median:g} s", {row[0]: 100 * (row[1] - 1) for row in rows}
        )
        page.plot(f"slots-{median:g}", "Schedules", svg)


def mocks(page: Page, prism: Path | None) -> None:
    """The mock beside Prism."""
    page.add("## The mock", "")
    if prism is None:
        page.add("Prism could not be installed (npm), and so the mock was not compared.", "")
        return
    document, ours, theirs = ROOT / "spec" / "openapi.yaml", free_port(), free_port()
    commands: dict[str, tuple[int, list[object]]] = {
        "our mock": (ours, [sys.executable, "-m", "kling_elements_mock", "--port", ours, "--seconds", 3600]),
        "Prism": (theirs, [prism, "mock", document, "--port", theirs, "--verboseLevel", "error"]),
    }
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(3):
        for name, (port, command) in commands.items():  # a new one each time, as ours keeps the tasks
            with server(command, port):
                for what in ("create", "look"):
                    answer = run(sys.executable, _BENCH / "load.py", f"http://127.0.0.1:{port}", what)
                    rate, others = json.loads(answer)
                    if others:
                        raise RuntimeError(f"{name} refused {others} requests ({what})")
                    found.setdefault((name, what), []).append(rate)
    page.add("Requests a second over eight connections, wall time; the ratio is ours to Prism's.")
    page.table("what", "Prism", "our mock", "ratio")
    for what in ("create", "look"):
        page.ratio_row(f"{what}, requests/s", found["Prism", what], found["our mock", what])
    page.add("")


def regenerate(page: Page) -> None:
    """`make regenerate`."""
    times: dict[str, list[float]] = {"generator": [], "cold": [], "unchanged": []}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "tree")
        for name in ("spec", "generated"):
            copytree(ROOT / name, root / name)
        (root / "CHANGELOG.md").write_bytes((ROOT / "CHANGELOG.md").read_bytes())
        generator = [
            Path(sys.executable).with_name("openapi-python-client"), "generate", "--path", ROOT / "spec" / "openapi.yaml",
            "--config", ROOT / "spec" / "generator.yaml", "--overwrite", "--output-path", Path(folder, "out"),
        ]  # fmt: skip
        ours = [sys.executable, "-m", "spec.tools.regenerate", "--root", root]
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        for number in range(4):
            for name, command in (
                ("generator", generator),
                ("cold", [*ours, "--force"]),
                ("unchanged", ours),
            ):
                began = time.perf_counter()
                subprocess.run(  # noqa: S603 - our own commands
                    list(map(str, command)), check=True, capture_output=True, cwd=ROOT, env=environment
                )
                if number:
                    times[name].append(time.perf_counter() - began)
    page.chapter(
        "`make regenerate`",
        "Wall time; the ratio is to openapi-python-client alone, which formats too.",
    )
    page.table("", "s", "ratio")
    for name, what in (
        ("generator", "the generator alone"),
        ("cold", "everything made"),
        ("unchanged", "nothing to do"),
    ):
        page.figures[f"regenerate {name}"] = ratio = [
            one / other for one, other in zip(times[name], times["generator"], strict=True)
        ]
        page.row(what, spread(times[name], 2), spread(ratio, 2))
    page.add("")


def sizes(page: Page, had: list[str]) -> None:
    """What is installed."""
    page.chapter("Installed size", "Files of a client and of all that it needs, without bytecode.")
    page.table("", "MiB")
    found = {name: installed_size(name) for name in (OURS, *had)}
    for name, size in found.items():
        page.row(name, f"{size:.1f}")
    page.figures["installed size"] = [found[OURS]]
    rust = size_of(OURS, "jsonschema_rs")
    pillow = size_of(OURS, "PIL") + size_of(OURS, "[pP]illow.libs")
    got = measure("validators", of="validators")
    python = installed_size("validators", "jsonschema_rs")
    page.add(
        "",
        f"Of ours, the validator in Rust (jsonschema-rs) is {rust:.1f} MiB and Pillow {pillow:.1f} MiB. "
        f"In place of the first, jsonschema, in Python, would be {python:.1f} MiB; a check of a small request takes "
        f"{statistics.median(got['raw']):.0f} µs with it, and {statistics.median(got['ours']):.1f} µs with the one in Rust.",
        "",
    )  # fmt: skip
