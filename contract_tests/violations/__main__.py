"""Runs the suite against the seeded violations. The command behind `make mutants`.

Exit codes: 0 each was found; 1 one was not, or the suite is not green without one; 2 wrong use.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen

from contract_tests.violations import page
from contract_tests.violations.violation import KINDS, ROOT, TESTS, Violation, violations

VIOLATIONS: Final = tuple(v for kind in KINDS for v in violations(kind))


@frozen
class Verdict:
    """What became of a violation; `violation` is None for the program as it is."""

    violation: Violation | None
    outcome: str
    test: str
    text: str
    seconds: float

    @property
    def is_good(self) -> bool:
        return self.outcome == ("found" if self.violation and not self.violation.lawful else "survived")

    @property
    def found_by(self) -> str:
        """The test that found it; empty where a violation survived, or a lawful variant did not pass."""
        is_lawful = self.violation and self.violation.lawful
        return ("passes" if is_lawful else self.test) if self.is_good else ""

    def __str__(self) -> str:
        name, kind = (self.violation.name, self.violation.kind) if self.violation else ("(no violation)", "")
        good = "killed" if self.outcome == "found" else "green"
        word, why = (good, "") if self.is_good else (self.outcome.upper(), self.text)
        return f"{word:<10} {self.seconds:5.1f} s  {kind:<9} {name:<30} {self.test}  {why}".rstrip()


def run(chosen: Sequence[Violation | None], tests: Sequence[str], jobs: int = 1) -> Iterator[Verdict]:
    """Run tests against violations, in one process that forks for each. Gives each verdict as it comes."""
    names = {str(v or "-"): v for v in chosen}
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "contract_tests.violations.runner", str(writer), str(jobs)]
    known = {k: v for k, v in os.environ.items() if not k.startswith(("CONTRACT_", "PYTEST_"))}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        with subprocess.Popen(  # noqa: S603 - our own command
            [*command, ",".join(tests), *names], cwd=ROOT, env={**known, "CONTRACT_WAIT": "3"},
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[writer],
        ), os.fdopen(reader) as lines:  # fmt: skip
            os.close(writer)
            for line in lines:
                name, *verdict = json.loads(line)
                yield Verdict(names.pop(name), *verdict)
        output.seek(0)
        last = "\n".join(output.read().splitlines()[-15:])
    yield from (Verdict(violation, "broken", "", last, 0.0) for violation in names.values())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m contract_tests.violations", description=__doc__)
    parser.add_argument("--kind", action="append", default=[], choices=KINDS, help="only this kind")
    parser.add_argument("--only", default="", metavar="TEXT", help="only names with this text")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    parser.add_argument("--trusting", action="store_true", help="don't run the suite as it is first")
    parser.add_argument("--quiet", action="store_true", help="print only what was not found, and the count")
    parser.add_argument("--write", action="store_true", help=f"write the table to {page.PAGE.name}")
    options = parser.parse_args(arguments)
    kinds = options.kind or KINDS
    chosen = [v for v in VIOLATIONS if v.kind in kinds and options.only in v.name]
    if not chosen or options.jobs < 1 or (options.write and len(chosen) < len(VIOLATIONS)):
        parser.error("choose at least one; --write is for all of them")
    started = time.monotonic()
    verdicts: dict[str, Verdict] = {}
    for kind in KINDS:
        group = [v for v in chosen if v.kind == kind]
        as_it_is: list[None] = [] if options.trusting else [None]
        for verdict in run([*as_it_is, *group], TESTS[kind], options.jobs) if group else ():
            if not (options.quiet and verdict.is_good):
                _say(str(verdict))
            if verdict.violation:
                verdicts[str(verdict.violation)] = verdict
            elif not verdict.is_good:
                _say("The suite is not green without a violation: fix that first.")
                return 1
    _say(f"\n{counts(verdicts.values())}, in {time.monotonic() - started:.0f} s")
    if options.write:
        page.write(counts(verdicts.values()), [(v, verdicts[str(v)].found_by) for v in chosen])
    return 0 if all(verdict.is_good for verdict in verdicts.values()) else 1


def counts(verdicts: Iterable[Verdict]) -> str:
    """Say how many of each kind were found, and how many lawful variants passed."""
    pairs = [(v.violation, v.is_good) for v in verdicts if v.violation]
    lawful = [is_good for v, is_good in pairs if v.lawful]
    by_kind = {kind: [good for v, good in pairs if v.kind == kind and not v.lawful] for kind in KINDS}
    each = ", ".join(f"{kind} {sum(good)}/{len(good)}" for kind, good in by_kind.items() if good)
    found = sum(map(sum, by_kind.values()))
    said = f"seeded violations found: {found} of {len(pairs) - len(lawful)} ({each})"
    return said + (f"; lawful variants passed: {sum(lawful)} of {len(lawful)}" if lawful else "")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
