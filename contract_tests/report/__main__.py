"""Runs the contract suite and shows what it has exercised."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from contract_tests.report import rules, table
from contract_tests.schema import exercised
from contract_tests.schema.server import verdicts
from contract_tests.schema.server.configuration import ConfigurationError, from_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contract_tests.report.rules import Group
    from contract_tests.report.table import Table
    from contract_tests.schema.exercised import Side

ROOT: Final = Path(__file__).resolve().parents[2]
OUTPUT: Final = ROOT / ".cache" / "contract"
_FOLDERS: Final[Mapping[Side, tuple[str, ...]]] = {
    "client": ("schema/client", "client/end_to_end"),
    "server": ("schema/server",),
}
_NOTHING_RAN: Final = 5


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    parser = argparse.ArgumentParser(prog="python -m contract_tests.report", description=__doc__)
    parser.add_argument(
        "--server",
        action="store_true",
        help="the server side alone; its zeros are shown, and do not fail the run",
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where report.html and junit.xml go")
    parser.add_argument("pytest", nargs="*", help="more arguments for pytest, after --")
    options = parser.parse_args(arguments)
    try:
        known = from_environment(environment).known
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sides: tuple[Side, ...] = ("server",) if options.server else exercised.SIDES
    code = _run(sides, options.output, options.pytest, environment)
    if code > 1:
        return 1 if code == _NOTHING_RAN else 2
    tests = options.output / "tests.xml"
    if not tests.is_file():
        sys.stderr.write("The run ended before its time (see above): there is nothing to count.\n")
        return 1
    seen = options.output / "counts"
    found = table.build(exercised.documented(), exercised.read(seen), sides)
    never_met = [] if options.server else found.never_met(known)
    groups = rules.group([*verdicts.read(seen), *never_met])
    stale = rules.unneeded([k for k in known if not (options.server and "_side_meets" in k.rule)], groups)
    report, junit = options.output / "report.html", options.output / "junit.xml"
    cases = ET.fromstring(tests.read_text(encoding="utf-8") or "<x/>")  # noqa: S314 - pytest wrote it
    facts = describe_run(cases, environment)
    report.write_text(page(found, groups, stale, facts), encoding="utf-8")
    ET.ElementTree(rules.junit(groups, stale, cases)).write(junit, encoding="utf-8", xml_declaration=True)
    colour = _is_coloured(environment)
    sys.stdout.write(f"\n{table.text(found, colour=colour)}\n\n{rules.text(groups, stale, colour=colour)}\n")
    sys.stdout.write(f"{', '.join(facts)}\nTo keep: {_shown(report)}, {_shown(junit)}\n")
    return int(bool(code or stale or any(line.outcome == "broken" for line in never_met)))


def page(found: Table, groups: Sequence[Group], stale: Sequence[str], facts: Sequence[str]) -> str:
    """Write a run as one HTML page that needs nothing else: page.html.j2."""

    def breakable(text: str, mark: str) -> Markup:
        """Let a line break after a mark."""
        return Markup(f"{mark}<wbr>").join(escape(part) for part in text.split(mark))  # noqa: S704 - ours

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["breakable"] = breakable
    verdicts, missing = list(rules.VERDICTS.values()), rules.not_reached(groups)
    return environment.get_template("page.html.j2").render(
        table=found, groups=groups, verdicts=verdicts, missing=missing, stale=stale, facts=facts
    )


def _run(sides: Sequence[Side], output: Path, more: Sequence[str], environment: Mapping[str, str]) -> int:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    folders = [str(ROOT / "contract_tests" / name) for side in sides for name in _FOLDERS[side]]
    command = [sys.executable, "-m", "pytest", *folders, "-q", "-p", "no:randomly", "-rfE"]
    # Without the client, nothing of it is imported, and breaches are told by rule when the run ends.
    command += ["--tb=short"] if "client" in sides else ["--tb=no", "-rN", f"--confcutdir={folders[0]}"]
    command += [f"--junit-xml={output / 'tests.xml'}", *more]
    counting = {**environment, exercised.FOLDER_VARIABLE: str(output / "counts")}
    done = subprocess.run(command, cwd=ROOT, env=counting, check=False)  # noqa: S603 - our own suite
    return done.returncode


def describe_run(cases: ET.Element, environment: Mapping[str, str]) -> list[str]:
    """Return what identifies a run: counts of its tests, date, commit, seed and version."""
    suite = next(iter(cases), None)
    kinds = ("tests", "failures", "errors", "skipped")
    git = shutil.which("git") or "git"
    commit = subprocess.run(  # noqa: S603 - asks for the commit
        [git, "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [
        *(f"{suite.get(kind, 0)} {kind}" for kind in kinds if suite is not None),
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"commit {commit.stdout.strip() or 'unknown'}",
        f"seed {environment.get('CONTRACT_SEED') or 1}",
        f"kling-elements {version('kling-elements')}",
        f"server {environment.get('CONTRACT_URL') or 'the mock, in this process'}",
    ]


def _is_coloured(environment: Mapping[str, str]) -> bool:
    """Follow NO_COLOR, then FORCE_COLOR, then whether somebody looks."""
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or sys.stdout.isatty()


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
