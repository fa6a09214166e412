"""Measure this client beside raw httpx and other clients, in turn, and write docs/benchmarks.md. `make bench` runs it.

    python -m bench [--rounds N] [--most-waits N] [--most-jobs N]

Each client has an environment of its own below `.cache/bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from datetime import UTC, datetime

from bench import chapters
from bench.environments import HOME, PEERS, ROOT, certificates, prepare, prism
from bench.page import Page


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure, and write docs/benchmarks.md."
    )
    parser.add_argument(
        "--rounds", type=int, default=15, help="of processes that start (default: %(default)s)"
    )
    parser.add_argument("--most-waits", type=int, default=1000, help="waits at once (default: %(default)s)")
    parser.add_argument("--most-jobs", type=int, default=100_000, help="of a batch (default: %(default)s)")
    options = parser.parse_args()
    began = datetime.now(UTC)
    had = prepare()
    page = Page()
    page.add(
        "# Benchmarks", "",
        f"`make bench` wrote this page on {began:%Y-%m-%d}: {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start.", "",
        "Figures are least / **median** / greatest. Ratios are taken round by round, as the speed of a machine drifts: each round "
        "runs everything in a row once. It is CPU time unless the table says otherwise. Each client has an environment of its own.", "",
    )  # fmt: skip
    if missing := sorted({*PEERS} - {*had}):
        page.add(f"Could not be installed, and so not measured: {', '.join(missing)}.", "")
    found = certificates()
    chapters.imports(page, had, options.rounds)
    chapters.first_requests(page, had, options.rounds, found)
    chapters.in_process(page, had)
    chapters.over_sockets(page, found)
    chapters.journal(page)
    chapters.waits(page, options.most_waits, found)
    chapters.batches(page, options.most_jobs)
    chapters.schedules(page)
    chapters.mocks(page, prism())
    chapters.regenerate(page)
    chapters.sizes(page, had)
    page.add((ROOT / "bench" / "notes.md").read_text(encoding="utf-8").rstrip())
    page.write(ROOT / "docs")
    figures = {name: statistics.median(values) for name, values in page.figures.items()}
    (HOME / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"docs/benchmarks.md is written, after {(datetime.now(UTC) - began).seconds} s.")


if __name__ == "__main__":
    main()
