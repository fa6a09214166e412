"""Runs the faults and prints the table: `make faults`."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from operator import add
from typing import Final

from attrs import astuple

from contract_tests.faults.machine import explore, sweep
from contract_tests.faults.oracle import Kind, Tally
from contract_tests.faults.stage import staged

_SHOWN: Final = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print. Returns the exit code: 0 if nothing was found, else 1; 2 for a wrong use."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.faults", description=__doc__)
    parser.add_argument("--faults", type=_count, default=10_000, help="how many to draw (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same faults (%(default)s)")
    parser.add_argument("--stop", action="store_true", help="stop at the first finding, and tell more")
    options = parser.parse_args(arguments)
    logging.getLogger("kling_elements").addHandler(logging.NullHandler())
    started = time.monotonic()

    try:
        with staged() as stage:
            swept = sweep(stage)
            drawn = explore(stage, options.faults, options.seed, is_strict=options.stop, on_round=_tell)
    except AssertionError as finding:  # of --stop
        sys.stdout.write(f"{finding}\n")
        return 1
    both = Tally(*map(add, astuple(swept, recurse=False), astuple(drawn, recurse=False)))
    sys.stdout.write(
        f"{drawn.faults:,} faults with seed {options.seed}, after {swept.faults:,} at every byte of one: "
        f"{time.monotonic() - started:.0f} s\n\n{text(both)}\n"
    )
    return 1 if both.findings else 0


def text(tally: Tally) -> str:
    found = [finding.kind for finding in tally.findings]
    counts = {"creates asked": tally.asked, "tasks the server made": tally.made}
    counts |= {kind: found.count(kind) for kind in Kind}
    rows: list[str] = []
    for title, part in (
        ("What befell the client", dict(sorted(tally.injected.items()))),
        ("\nWhat came of its calls", dict(sorted(tally.outcomes.items()))),
        ("\nWhat counts", counts),
    ):
        rows += [title, *(f"  {name:<44}{count:>8,}" for name, count in part.items())]
    if found:
        rows += ["", "Found; the same --seed and --faults find it again, ARGS=--stop tells more:"]
        rows += [f"  {finding.kind}: {finding.text}" for finding in tally.findings[:_SHOWN]]
        rows += [f"  … and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
    return "\n".join(rows)


def _tell(tally: Tally) -> None:
    sys.stderr.write(f"  {tally.faults:,} faults, {len(tally.findings)} findings\n")
    sys.stderr.flush()


def _count(value: str) -> int:
    count = int(value.replace(",", "").replace("_", ""))
    if count < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return count


if __name__ == "__main__":
    sys.exit(main())
