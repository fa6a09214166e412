"""Runs the contract suite and shows what it has exercised."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from contract_tests.report import outcome
from contract_tests.report.outcome import Group
from contract_tests.schema import exercised
from contract_tests.schema.exercised import Side
from contract_tests.schema.server import verdicts
from contract_tests.schema.server.configuration import ConfigurationError, from_environment

ROOT: Final = Path(__file__).resolve().parents[2]
OUTPUT: Final = ROOT / ".cache" / "contract"
_FOLDERS: Final = {"client": ("schema/client", "client/end_to_end"), "server": ("schema/server",)}
_NOTHING_RAN: Final = 5


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    parser = argparse.ArgumentParser(prog="python -m contract_tests.report", description=__doc__)
    said = "the server side alone; its zeros are shown, and do not fail the run"
    parser.add_argument("--server", action="store_true", help=said)
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
    table = outcome.build(exercised.documented(), exercised.read(seen), sides)
    never_met = [] if options.server else table.never_met(known)
    groups = outcome.group([*verdicts.read(seen), *never_met])
    stale = outcome.unneeded([k for k in known if not (options.server and "_side_meets" in k.rule)], groups)
    cases = ET.fromstring(tests.read_text(encoding="utf-8") or "<x/>")  # noqa: S314 - pytest wrote it
    others = [ET.tostring(case, "unicode") for case in cases.iter("testcase") if not _is_of_rules(case)]
    facts = describe_run(cases, environment)
    write = partial(render, table=table, groups=groups, stale=stale, facts=facts, others=others)
    report, junit = options.output / "report.html", options.output / "junit.xml"
    report.write_text(write("page.html.j2"), encoding="utf-8")
    junit.write_text(write("junit.xml.j2"), encoding="utf-8")
    sys.stdout.write("\n" + write("terminal.txt.j2", colour=_is_coloured(environment)))
    sys.stdout.write(f"\nTo keep: {os.path.relpath(report)}, {os.path.relpath(junit)}\n")
    return int(bool(code or stale or any(line.outcome == "broken" for line in never_met)))


def render(template: str, *, groups: Sequence[Group], **values: object) -> str:
    """Write a run as the template beside this file has it: a page that needs nothing else, XML, or text."""

    def breakable(text: str, mark: str) -> Markup:
        """Let a line break after a mark."""
        return Markup(f"{mark}<wbr>").join(escape(part) for part in text.split(mark))  # noqa: S704 - ours

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True,
        autoescape=select_autoescape(("html.j2", "xml.j2")),
    )  # fmt: skip
    environment.filters["breakable"] = breakable
    named = {"verdicts": list(outcome.VERDICTS.values()), "missing": outcome.not_reached(groups)}
    return environment.get_template(template).render(groups=groups, **named, **values)


def _run(sides: Sequence[Side], output: Path, more: Sequence[str], environment: Mapping[str, str]) -> int:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    folders = [str(ROOT / "contract_tests" / name) for side in sides for name in _FOLDERS[side]]
    command = [sys.executable, "-m", "pytest", *folders, "-q", "-p", "no:randomly", "-rfE"]
    # Without the client, nothing of it is imported, and breaches are told by rule when the run ends.
    command += ["--tb=short"] if "client" in sides else ["--tb=no", "-rN", f"--confcutdir={folders[0]}"]
    command += [f"--junit-xml={output / 'tests.xml'}", *more]
    counting = {**environment, exercised.FOLDER_VARIABLE: str(output / "counts")}
    return subprocess.run(command, cwd=ROOT, env=counting, check=False).returncode  # noqa: S603 - our own


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
    is_wanted = bool(environment.get("FORCE_COLOR")) or sys.stdout.isatty()
    return is_wanted and not environment.get("NO_COLOR")


def _is_of_rules(case: ET.Element) -> bool:
    return ".schema.server." in f"{case.get('classname')}." and case.find("error") is None


if __name__ == "__main__":
    sys.exit(main())
