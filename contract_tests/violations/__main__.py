"""Runs the suite against the seeded violations. The command behind `make mutants`.

Exit codes: 0 each was found; 1 one was not, or the suite is not green without one; 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from attrs import frozen

from contract_tests.violations import client, document, mock, server, webhook
from contract_tests.violations.violation import CannotApplyError, Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "proof.md"
VIOLATIONS: Final = tuple(v for some in (server, client, document, webhook, mock) for v in some.VIOLATIONS)
_BEGIN: Final = "<!-- the table: make mutants ARGS=--write -->"
_END: Final = "<!-- end of the table -->"
_OPTIONS: Final = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
_NOT_COPIED: Final = shutil.ignore_patterns(
    ".venv", ".git", ".cache", "__pycache__", ".*_cache", ".hypothesis", "dist", "mutants"
)


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
        """Whether the suite did what it must."""
        return self.outcome == ("found" if self.violation and not self.violation.lawful else "survived")

    def __str__(self) -> str:
        name, kind = (self.violation.name, self.violation.kind) if self.violation else ("(no violation)", "")
        word = self.outcome.upper()
        if self.is_good:
            word = "green" if self.outcome == "survived" else "killed"
        why = "" if self.is_good else self.text
        row = f"{word:<10} {self.seconds:5.1f} s  {kind:<9} {name:<30} {_short(self.test)}  {why}"
        return row.rstrip()


def choose(kinds: Sequence[str], only: str, sample: int | None, seed: int) -> list[Violation]:
    """Choose violations; the same seed chooses the same sample, so many of each kind."""
    found = [v for v in VIOLATIONS if (not kinds or v.kind in kinds) and only in v.name]
    if sample is None:
        return found
    chooser = random.Random(seed)  # noqa: S311 - reproducible is the point
    by_kind = [[v for v in found if v.kind == kind] for kind in get_args(Kind)]
    return [v for some in by_kind for v in chooser.sample(some, min(sample, len(some)))]


def run(violations: Sequence[Violation | None], tests: Sequence[str], at_once: int = 1) -> Iterator[Verdict]:
    """Run tests against violations, in one process that forks for each. Gives each verdict as it comes."""
    names = {str(v or "-"): v for v in violations}
    root, edit = ROOT, next((v.edit for v in violations if v and v.edit), None)
    with tempfile.TemporaryDirectory(prefix="violations-") as folder:
        if edit:
            try:
                root = _edited(Path(folder) / "copy", *edit)
            except CannotApplyError as error:
                yield Verdict(violations[0], "can't be applied", "", str(error), 0.0)
                return
        file, output = Path(folder) / "verdicts", Path(folder) / "output"
        command = [
            sys.executable, "-m", "pytest", *_OPTIONS, "-p", "contract_tests.violations.plugin",
            f"--violations={','.join(names)}", f"--verdicts={file}", f"--at-once={at_once}",
            *(f"contract_tests/{name}" for name in tests),
        ]  # fmt: skip
        known = {k: v for k, v in os.environ.items() if not k.startswith(("CONTRACT_", "PYTEST_"))}
        paths = os.pathsep.join(str(root / name) for name in (".", "generated", "overrides"))
        with output.open("w") as said, subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=root, env={**known, "PYTHONPATH": paths, "CONTRACT_WAIT": "3"},
            stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            place, ended = 0, False
            while not ended:
                ended = process.poll() is not None
                lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
                for name, *verdict in map(json.loads, lines[place:]):
                    yield Verdict(names.pop(name), *verdict)
                place = len(lines)
                time.sleep(0.1)
        last = "\n".join(output.read_text(encoding="utf-8").splitlines()[-15:])
        for violation in names.values():
            yield Verdict(violation, "broken", "", last, 0.0)


def _edited(copy: Path, file: str, old: str, new: str) -> Path:
    """Copy the repository, and change one text in the copy."""
    shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
    path = copy / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if old not in text:
        raise CannotApplyError(f"{file} does not have {old!r}. Give its row another text")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return copy


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.violations", description=__doc__)
    parser.add_argument("--kind", action="append", default=[], choices=get_args(Kind), help="only this kind")
    parser.add_argument("--only", default="", metavar="TEXT", help="only names with this text")
    parser.add_argument("--sample", type=int, metavar="N", help="N of each kind")
    parser.add_argument("--seed", type=int, default=1, help="chooses the sample (1)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    parser.add_argument(
        "--trusting", action="store_true", help="don't run the suite without a violation first"
    )
    parser.add_argument("--quiet", action="store_true", help="print only what was not found, and the count")
    parser.add_argument("--write", action="store_true", help=f"write the table to {PAGE.name}")
    options = parser.parse_args(arguments)
    chosen = choose(options.kind, options.only, options.sample, options.seed)
    if not chosen or options.jobs < 1 or (options.write and len(chosen) < len(VIOLATIONS)):
        parser.error("choose at least one; --write is for all of them")
    started = time.monotonic()
    verdicts: dict[str, Verdict] = {}
    edited = [[v] for v in chosen if v.edit]
    plain = [v for v in chosen if not v.edit]
    by_tests = [[v for v in plain if v.tests == tests] for tests in dict.fromkeys(v.tests for v in plain)]
    for group in [*by_tests, *edited]:
        as_it_is: list[None] = [] if options.trusting or group[0].edit else [None]
        for verdict in run([*as_it_is, *group], group[0].tests, options.jobs):
            if not (options.quiet and verdict.is_good):
                _say(str(verdict))
            if verdict.violation is None and not verdict.is_good:
                _say("The suite is not green without a violation: fix that first.")
                return 1
            if verdict.violation:
                verdicts[str(verdict.violation)] = verdict
    ordered = [verdicts[str(v)] for v in chosen]
    _say(f"\n{counts(ordered)}, in {time.monotonic() - started:.0f} s")
    if options.write:
        write(ordered)
    return 0 if all(v.is_good for v in ordered) else 1


def counts(verdicts: Sequence[Verdict]) -> str:
    """Say how many of each kind were found, and how many lawful variants passed."""
    pairs = [(v.violation, v.is_good) for v in verdicts if v.violation]
    lawful = [is_good for v, is_good in pairs if v.lawful]
    some = {
        kind: [is_good for v, is_good in pairs if v.kind == kind and not v.lawful] for kind in get_args(Kind)
    }
    each = ", ".join(f"{kind} {sum(good)}/{len(good)}" for kind, good in some.items() if good)
    found = sum(sum(good) for good in some.values())
    said = f"seeded violations found: {found} of {len(pairs) - len(lawful)} ({each})"
    return said + (f"; lawful variants passed: {sum(lawful)} of {len(lawful)}" if lawful else "")


def write(verdicts: Sequence[Verdict]) -> None:
    """Put the table into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    rows = "".join(
        f"| {v.violation.kind} | {v.violation.name} | {v.violation.description} | {_found_by(v)} |\n"
        for v in verdicts
        if v.violation
    )
    head = "| where | violation | what is wrong | found by |\n|---|---|---|---|\n"
    after = rest.partition(_END)[2]
    text = f"{before}{_BEGIN}\n\n{counts(verdicts)}\n\n{head}{rows}\n{_END}{after}"
    PAGE.write_text(re.sub(r"^seeded", "Seeded", text, flags=re.MULTILINE), encoding="utf-8", newline="\n")


def listed() -> set[str]:
    """Return the names of the violations that the page says were found."""
    table = PAGE.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]
    found = r"^\| [a-z]+ \| ([a-z0-9-]+) \| .* \| (?:passes \||[a-z_/]+\.py::)"
    return set(re.findall(found, table, re.MULTILINE))


def _found_by(verdict: Verdict) -> str:
    if verdict.violation and verdict.violation.lawful:
        return "passes" if verdict.is_good else "**fails**"
    return _short(verdict.test).partition("[")[0] if verdict.is_good else "**survived**"


def _short(test: str) -> str:
    return test.removeprefix("contract_tests/")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
