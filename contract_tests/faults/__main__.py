"""Runs the faults and prints the table: `make faults`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from contract_tests.faults.machine import explore
from contract_tests.faults.offsets import sweep
from contract_tests.faults.oracle import Kind, Tally
from contract_tests.faults.stage import staged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SHOWN: Final = 10
_WIDTH: Final = 44


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
    try:
        with staged() as stage:
            _tell("every byte of a create")
            swept = sweep(stage)
            told = _told_of(options.faults)
            drawn = explore(stage, options.faults, options.seed, is_strict=options.stop, on_round=told)
            tally = _sum(swept, drawn)
    except AssertionError as finding:  # of --stop
        sys.stdout.write(f"{finding}\n")
        return 1
    seconds = time.monotonic() - started
    sys.stdout.write(
        f"{drawn.faults:,} faults with seed {options.seed}, after {swept.faults:,} at every byte of one: "
        f"{seconds:.0f} s\n\n{text(tally)}\n"
    )
    return 1 if tally.findings else 0


def text(tally: Tally) -> str:
    """The table."""
    rows = ["What befell the client"]
    rows += [_row(name, count) for name, count in sorted(tally.injected.items())]
    rows += ["", "What came of its calls"]
    rows += [_row(name, count) for name, count in sorted(tally.outcomes.items())]
    rows += ["", "What counts", _row("creates asked", tally.asked), _row("tasks the server made", tally.made)]
    rows += [_row(kind.value, tally.found(kind)) for kind in Kind]
    if tally.findings:
        rows += ["", "Found; the same --seed and --faults find it again, ARGS=--stop tells more:"]
        rows += [f"  {finding.kind}: {finding.text}" for finding in tally.findings[:_SHOWN]]
        if len(tally.findings) > _SHOWN:
            rows.append(f"  … and {len(tally.findings) - _SHOWN:,} more")
    return "\n".join(rows)


def _told_of(faults: int) -> Callable[[Tally], None]:
    return lambda tally: _tell(f"{tally.faults:,} of {faults:,} faults, {len(tally.findings)} findings")


def _tell(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()


def _row(name: str, count: int) -> str:
    return f"  {name:<{_WIDTH}}{count:>8,}"


def _sum(*tallies: Tally) -> Tally:
    return Tally(
        sum(tally.asked for tally in tallies),
        sum(tally.made for tally in tallies),
        sum((tally.injected for tally in tallies), Counter[str]()),
        sum((tally.outcomes for tally in tallies), Counter[str]()),
        [finding for tally in tallies for finding in tally.findings],
    )


def _count(value: str) -> int:
    count = int(value.replace(",", "").replace("_", ""))
    if count < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return count


if __name__ == "__main__":
    sys.exit(main())
