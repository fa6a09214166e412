"""Runs the faults and prints the table: `make faults`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import TYPE_CHECKING, Final

from contract_tests.faults.machine import explore
from contract_tests.faults.offsets import sweep
from contract_tests.faults.oracle import Kind, Tally
from contract_tests.faults.stage import staged

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Final = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print.

    Returns:
        The exit code: 0 if nothing was found that must not be, else 1; 2 for a wrong use.
    """
    parser = argparse.ArgumentParser(prog="python -m contract_tests.faults", description=__doc__)
    parser.add_argument(
        "--faults", type=_count, default=10_000, help="how many to draw (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed, the same faults (default: %(default)s)"
    )
    parser.add_argument(
        "--stop", action="store_true", help="stop at the first finding, and show what was done"
    )
    options = parser.parse_args(arguments)
    logging.getLogger("kling_elements").addHandler(logging.NullHandler())
    started = time.monotonic()

    def tell(tally: Tally) -> None:
        _tell(f"{tally.faults:,} of {options.faults:,} faults, {len(tally.findings)} findings")

    try:
        with staged() as stage:
            _tell("every byte of a create")
            swept = sweep(stage)
            drawn = explore(stage, options.faults, options.seed, is_strict=options.stop, on_round=tell)
    except AssertionError as finding:  # of --stop
        sys.stdout.write(f"{finding}\n")
        return 1
    both = Tally(
        swept.asked + drawn.asked,
        swept.made + drawn.made,
        swept.injected + drawn.injected,
        swept.outcomes + drawn.outcomes,
        swept.findings + drawn.findings,
    )
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


def _tell(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()


def _count(value: str) -> int:
    count = int(value.replace(",", "").replace("_", ""))
    if count < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return count


if __name__ == "__main__":
    sys.exit(main())
