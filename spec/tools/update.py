"""A fresh page or document → everything that follows from it. The command behind ``make update``.

    python -m spec.tools.update PAGE [--select PATTERN]… [--tests full|none] [--keep] [--markdown FILE]
                                     [--root DIRECTORY]

PAGE is a file or an https URL: a Markdown page, or a whole OpenAPI document.

The document and the client are made in a copy of the project first, compared,
and tested there. Only then is anything in the tree replaced, all of it together; the page as it was stays
under spec/history/. If a step fails, the tree stays as it was.

Exit codes: 0 taken over, or nothing new; 1 not taken over, the tree is as it was; 130 interrupted.
"""

from __future__ import annotations

from spec.tools import command  # Ctrl-C counts from here on

# isort: split
import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.tools import yaml_source
from spec.tools.build import convert_upstream
from spec.tools.errors import SpecError
from spec.tools.fetch_page import fetch_page, file_for
from spec.tools.layout import Layout
from spec.tools.naming import numbered
from spec.tools.overlay import apply_overlay
from spec.tools.regenerate import ROOT, make, workspace
from spec.tools.release_notes import release_notes
from spec.tools.replace import replace_all
from spec.tools.update_report import ELSEWHERE, Outcome, report, report_as_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEFT_OUT: Final = (
    ".git", ".venv", ".cache", ".demo", "*.mp4", "build", "dist", "__pycache__", "*_cache", ".hypothesis",
    "generated",
)  # fmt: skip
_LONGEST_TESTS_S: Final = 1800
_UNCHANGED: Final = "The tree is as it was."


def update(  # noqa: PLR0913 - keyword options
    layout: Layout, page: str, content: bytes, *, tests: bool, keep: bool, select: Sequence[str] = ()
) -> Outcome:
    """Take a page over, with all that follows from it."""
    known = layout.upstream_files()
    name = file_for(page, content, known)
    if select and layout.selection.exists():
        raise SpecError("is there already: add the patterns to it instead of --select", "spec/select.yaml")
    if known.get(name) == content and not select:
        return Outcome(name, is_news=False)
    with workspace(layout) as work:
        tree, output = Layout(work / "tree"), Layout(work / "made")
        copy_project(layout.root, tree.root)
        (tree.upstream / name).write_bytes(content)
        if select:
            tree.selection.write_text(_selection(select), encoding="utf-8")
        built = make(tree, output)
        before = layout.outputs()
        changed = output.outputs() != before
        failed, summary = None, "not run"
        if tests and changed:
            for target, made in tree.targets(output).items():
                (shutil.copytree if made.is_dir() else shutil.copy)(made, target)
            failed, summary = run_tests(tree.root)
        notes = release_notes(layout, before.get("spec/openapi.yaml"), built.document)
        moved = any(change.rule in ELSEWHERE for change in (notes.changes if notes else ()))
        outcome = Outcome(
            name,
            kept=_history_name(layout, name) if name in known else None,
            changed=changed,
            notes=notes,
            reports=built.reports,
            tests=summary,
            tests_failed=bool(failed),
            taken_over=keep or not (failed or moved),
        )
        if outcome.taken_over:
            _swap(layout, outcome, content, known.get(name), work)
    return outcome


def copy_project(root: Path, into: Path) -> None:
    """Copy a project without what is generated, installed or cached."""
    shutil.copytree(root, into, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True)


def run_tests(tree: Path) -> tuple[bool, str]:
    """Run the tests of a copy on its own sources; return whether they failed, and their last lines."""
    # Before the installed packages, which lead to the tree as it is.
    sources = os.pathsep.join(str(tree / name) for name in ("generated", "overrides", "."))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--no-header"]
    try:
        done = subprocess.run(  # noqa: S603 - our own command, without a shell
            command,
            cwd=tree,
            env={**environment, "PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_TESTS_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True, f"not done after {_LONGEST_TESTS_S} s"
    lines = [line.strip("= ") for line in (done.stdout.strip() or done.stderr).splitlines() if line.strip()]
    failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return done.returncode != 0, "; ".join([*lines[-1:], *(line.partition(" - ")[0] for line in failed[:3])])


def _swap(layout: Layout, outcome: Outcome, content: bytes, old: bytes | None, work: Path) -> None:
    """Put everything in its place, all of it or nothing."""
    (work / "page").write_bytes(content)
    targets = {layout.upstream / outcome.name: work / "page"}
    if not layout.selection.exists() and (work / "tree" / "spec" / "select.yaml").exists():
        targets[layout.selection] = work / "tree" / "spec" / "select.yaml"
    if old is not None and outcome.kept is not None:
        (work / "kept").write_bytes(old)
        targets[layout.history / outcome.kept] = work / "kept"
    if outcome.changed:
        targets |= layout.targets(Layout(work / "made"))
    if outcome.notes is not None and outcome.notes.changelog is not None:
        (work / "changelog").write_bytes(outcome.notes.changelog.encode())
        targets[layout.changelog] = work / "changelog"
    is_first = not layout.history.exists()
    layout.history.mkdir(exist_ok=True)
    try:
        replace_all(targets, work / "attic")
    finally:
        if is_first:
            with contextlib.suppress(OSError):  # It holds the page as it was, unless the swap was undone.
                layout.history.rmdir()


def _selection(patterns: Sequence[str]) -> str:
    entries = [one.partition("=")[::2] if "=" in one else ("path", one) for one in patterns]
    return yaml_source.dump({"operations": [{key: pattern} for key, pattern in entries]})


def _history_name(layout: Layout, name: str) -> str:
    """Name the copy of a page as it was: by the day it was replaced on, numbered where that is taken."""
    suffix = Path(name).suffix
    stem = f"{name.removesuffix(suffix)}-{datetime.now(UTC).date().isoformat()}"
    names = (f"{one}{suffix}" for one in numbered(stem, "-"))
    return next(one for one in names if not (layout.history / one).exists())


def _superfluous_actions(layout: Layout, page: str, content: bytes) -> list[str]:
    """Find which of the overlay's actions a page makes superfluous, where others of them match nothing."""
    reports: list[str] = []
    with contextlib.suppress(SpecError, OSError):
        pages = {**layout.upstream_files(), file_for(page, content, layout.upstream_files()): content}
        source = yaml_source.load(layout.overlay.read_text(encoding="utf-8"), "spec/overlay.yaml")
        apply_overlay(convert_upstream(dict(sorted(pages.items())), []), source, reports)
    return reports


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m spec.tools.update",
        description=(__doc__ or "").split("\n")[0],
        epilog="Exit codes: 0 taken over or nothing new; 1 not taken over; 130 interrupted.",
    )
    parser.add_argument("page", metavar="PAGE", help="a page or document: a file, or its https URL")
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="PATTERN",
        help="take only such operations of a document: a path with *, or tag=…, operationId=…, method=…",
    )
    parser.add_argument(
        "--tests", choices=("full", "none"), default="full", help="the tests to run before (default: full)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="take the page over even if tests fail, to fix them by hand"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the text of a pull request")
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="the directory that holds spec/ (default: this repository)"
    )
    return parser


def main(arguments: Sequence[str] | None = None, fetch: Callable[[str], bytes] = fetch_page) -> int:
    """Run the command. Returns its exit code."""
    options = _parser().parse_args(arguments)
    layout = Layout(options.root.resolve())

    def work() -> tuple[list[str], int]:
        if options.markdown is not None:
            options.markdown.open("a", encoding="utf-8").close()  # Before anything is changed.
        content = fetch(options.page)
        try:
            outcome = update(
                layout,
                options.page,
                content,
                tests=options.tests == "full",
                keep=options.keep,
                select=options.select,
            )
        except SpecError as error:
            if error.file == "spec/overlay.yaml":
                for line in _superfluous_actions(layout, options.page, content):
                    error.add_note(line)
                error.add_note("Fix spec/overlay.yaml for the new page, then run the same command again.")
            raise
        code = int(outcome.is_news and not outcome.taken_over)
        lines = report(outcome)
        if options.markdown is not None and outcome.is_news:
            try:
                options.markdown.write_text(report_as_markdown(outcome), encoding="utf-8")
            except OSError as error:
                lines.append(f"{options.markdown}: the report can't be written: {error.strerror}")
                code = 1
        return lines, code

    return command.run(work, _UNCHANGED)


if __name__ == "__main__":
    sys.exit(main())
