"""Runs the suite against its mutants. The command behind ``make mutants``.

    python -m contract_tests.violations [--kind KIND] [--only TEXT] [--sample N --seed S] [--write]

Exit codes: 0 all are killed; 1 one is not, or the program as it is is not green; 2 the suite can't be run.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import TYPE_CHECKING, Final, TextIO, get_args

from contract_tests.violations import table
from contract_tests.violations.everything import MUTANTS
from contract_tests.violations.mutant import Kind, Mutant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contract_tests.violations.fork_server import Verdict

_JOBS: Final = 2


def choose(kinds: Sequence[str], only: str, sample: int | None, seed: int) -> list[Mutant]:
    """Choose mutants.

    Args:
        kinds: Of which kinds; none for all.
        only: Text that a name must have.
        sample: How many of each kind; None for all.
        seed: The same seed chooses the same.
    """
    found = [m for m in MUTANTS if (not kinds or m.kind in kinds) and only in m.name]
    if sample is None:
        return found
    chooser = random.Random(seed)  # noqa: S311 - reproducible is the point
    by_kind = [[mutant for mutant in found if mutant.kind == kind] for kind in get_args(Kind)]
    return [mutant for some in by_kind for mutant in chooser.sample(some, min(sample, len(some)))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m contract_tests.violations",
        description="Run the contract suite against faults that were put in on purpose.",
        epilog="Exit codes: 0 all are killed, 1 one is not, 2 the suite can't be run.",
    )
    parser.add_argument("--kind", action="append", default=[], choices=get_args(Kind), help="only this kind")
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants with this in their name")
    parser.add_argument("--sample", type=int, metavar="N", help="N of each kind")
    parser.add_argument("--seed", type=int, default=1, help="chooses the sample (1)")
    parser.add_argument("--jobs", type=int, default=_JOBS, help=f"how many at a time ({_JOBS})")
    parser.add_argument("--trusting", action="store_true", help="don't run the suite without a fault first")
    parser.add_argument("--write", action="store_true", help=f"write the table to {table.PAGE.name}")
    options = parser.parse_args(arguments)
    chosen = choose(options.kind, options.only, options.sample, options.seed)
    if not chosen or options.jobs < 1:
        _say("there is no such mutant" if options.jobs > 0 else "--jobs must be 1 or more", sys.stderr)
        return 2
    if options.write and len(chosen) < len(MUTANTS):
        _say("--write is for all mutants: leave --kind, --only and --sample out", sys.stderr)
        return 2
    # Late: pytest and hypothesis take a second, and `--help` needs none of it.
    from contract_tests.violations.running import HarnessError, run  # noqa: PLC0415

    started, out = time.monotonic(), sys.stdout

    def told(verdict: Verdict) -> None:
        _say(table.line(verdict), out)

    try:
        verdicts = run(chosen, options.jobs, told, first=not options.trusting)
    except HarnessError as error:
        _say(f"{error}\nThe suite can't be run.", sys.stderr)
        return 2
    _say(table.summary(verdicts, time.monotonic() - started), out)
    of_mutants = [verdict for verdict in verdicts if verdict.mutant is not None]
    if len(of_mutants) < len(chosen):
        _say("The suite is not green without a fault: mend that first.", sys.stderr)
        return 1
    if options.write:
        table.write(of_mutants)
    return 0 if all(verdict.outcome == "killed" for verdict in of_mutants) else 1


def _say(text: str, where: TextIO) -> None:
    where.write(f"{text}\n")
    where.flush()


if __name__ == "__main__":
    sys.exit(main())
