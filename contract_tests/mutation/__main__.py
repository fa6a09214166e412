"""Runs the client's tests against generated mutants of it. The command behind ``make mutation``.

    python -m contract_tests.mutation [--module GLOB] [--tests PATH] [--sample N] [--reuse] [--write]

Exit codes: 0 all are killed, or live for a reason that is written down; 1 one is not, or the program as it is
is not green; 2 the tests can't be run.
"""

from __future__ import annotations

import argparse
import fnmatch
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TextIO

from contract_tests.mutation import reasons, report
from contract_tests.mutation.generating import Generated, generate, read_sources
from contract_tests.mutation.kept import Kept
from contract_tests.mutation.noise import Rule
from contract_tests.mutation.running import Effort, NotGreenError, Verdict, run
from contract_tests.mutation.suite import CLIENT, ROOT, HarnessError, Suite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from contract_tests.mutation.mutant import Mutant

_EFFORT: Final = Effort()
_EVERY: Final = 100
_FOUND: Final = {"killed", "timed out", "not made"}


@dataclass(frozen=True, slots=True)
class Project:
    """What is mutated, and what stands beside it.

    Attributes:
        package: The folder of a package.
        suite: Its tests.
        kept: Verdicts of earlier runs.
        reasons: The folder of the files of reasons.
        page: The page that the table stands in.
    """

    package: Path = ROOT / "overrides" / "kling_elements"
    suite: Suite = CLIENT
    kept: Kept = field(default_factory=Kept)
    reasons: Path = reasons.FOLDER
    page: Path = report.PAGE


def main(arguments: Sequence[str] | None = None, project: Project | None = None) -> int:
    """Run the command. Returns its exit code."""
    project, options = project or Project(), _parser().parse_args(arguments)
    generated = [generate(source) for source in read_sources(project.package)]
    mutants = _choose(generated, options)
    if not mutants or options.jobs < 1:
        _say("there is no such mutant" if options.jobs > 0 else "--jobs must be 1 or more", sys.stderr)
        return 2
    _say(report.left_out(_left_out(generated)), sys.stdout)
    try:
        verdicts = _run(project, mutants, options)
    except HarnessError as error:
        _say(f"{error}\nThe tests can't be run.", sys.stderr)
        return 2
    except NotGreenError as error:
        _say(f"{error}\nThese tests fail without a mutant: mend that first.", sys.stderr)
        return 1
    if options.write:
        _write(project, generated)
    return _judge(project, verdicts, set() if options.sample else {m.source.module for m in mutants})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m contract_tests.mutation",
        description="Run the client's tests against generated mutants of it.",
        epilog="Exit codes: 0 all are killed or explained, 1 one is not, 2 the tests can't be run.",
    )
    add = parser.add_argument
    add("--module", action="append", default=[], metavar="GLOB", help="only modules of this name")
    add(
        "--tests", action="append", default=[], metavar="PATH", help="only these tests, below contract_tests/"
    )
    add("--sample", type=int, metavar="N", help="so many mutants, by chance")
    add("--seed", type=int, default=1, help="chooses the sample (1)")
    add("--jobs", type=int, default=_EFFORT.jobs, help=f"how many at a time ({_EFFORT.jobs})")
    add("--seconds", type=float, default=_EFFORT.seconds, help=f"of tests for a mutant ({_EFFORT.seconds:g})")
    add(
        "--patience",
        type=float,
        default=_EFFORT.patience_seconds,
        help=f"seconds that a test may take, and ten times its own ({_EFFORT.patience_seconds:g})",
    )
    add("--reuse", action="store_true", help="don't run again what was found before")
    add("--write", action="store_true", help="write the table, of all that is known, to the docs")
    return parser


def _choose(generated: Sequence[Generated], options: argparse.Namespace) -> list[Mutant]:
    patterns = options.module or ["*"]
    found = [
        mutant
        for each in generated
        for mutant in each.mutants
        if any(fnmatch.fnmatchcase(mutant.source.module, pattern) for pattern in patterns)
    ]
    if options.sample is None:
        return found
    chooser = random.Random(options.seed)  # noqa: S311 - reproducible is the point
    places = chooser.sample(range(len(found)), min(options.sample, len(found)))
    return [found[place] for place in sorted(places)]


def _run(project: Project, mutants: Sequence[Mutant], options: argparse.Namespace) -> list[Verdict]:
    known = project.kept.verdicts(mutants)
    found_by = {verdict.mutant.key: verdict.test for verdict in known if verdict.test}
    reused = [verdict for verdict in known if options.reuse and verdict.outcome in _FOUND]
    found = {verdict.mutant.key for verdict in reused}
    rest = [mutant for mutant in mutants if mutant.key not in found]
    _say(f"{len(mutants)} mutants, {len(found)} of them found before", sys.stdout)
    paths = tuple(f"contract_tests/{name}" for name in options.tests) or project.suite.paths
    effort = Effort(options.jobs, options.seconds, options.patience, found_by)
    told = _progress(project, len(rest))
    suite = replace(project.suite, paths=paths)
    return [*reused, *run(suite, project.package, rest, effort, told)]


def _progress(project: Project, total: int) -> Callable[[Verdict], None]:
    # While pytest runs, stdout is its own.
    counts, started, out = Counter[str](), time.monotonic(), sys.stdout

    def told(verdict: Verdict) -> None:
        project.kept.add(verdict)
        counts[verdict.outcome] += 1
        if not counts.total() % _EVERY or counts.total() == total:
            each = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
            seconds = time.monotonic() - started
            _say(f"{counts.total()} of {total} in {seconds:.0f} s: {each}", out)

    return told


def _judge(project: Project, verdicts: Sequence[Verdict], whole: set[str]) -> int:
    known = reasons.read_reasons(project.reasons)
    _say(report.text(verdicts, known), sys.stdout)
    alive = [verdict.mutant for verdict in report.survivors(verdicts)]
    for reason in reasons.not_needed(known, alive, whole):
        _say(f"{project.reasons.name}: no survivor is {reason.where}: {reason.before}", sys.stderr)
    unexplained = sum(not reasons.reason_for(mutant, known) for mutant in alive)
    if unexplained:
        _say(f"{unexplained} survivors have no reason in {project.reasons.name}", sys.stderr)
    return 1 if unexplained else 0


def _write(project: Project, generated: Sequence[Generated]) -> None:
    mutants = [mutant for each in generated for mutant in each.mutants]
    verdicts, known = project.kept.verdicts(mutants), reasons.read_reasons(project.reasons)
    part = report.page_part(verdicts, len(mutants) - len(verdicts), _left_out(generated), known)
    report.write(part, project.page)


def _left_out(generated: Sequence[Generated]) -> Counter[Rule]:
    total = Counter[Rule]()
    for each in generated:
        total.update(each.left_out)
    return total


def _say(text: str, where: TextIO) -> None:
    where.write(f"{text}\n")
    where.flush()


if __name__ == "__main__":
    sys.exit(main())
