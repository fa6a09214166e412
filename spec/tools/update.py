"""A fresh copy of a page → everything that follows from it. The command behind ``make update``.

    python -m spec.tools.update PAGE [--tests full|quick|none] [--keep] [--markdown FILE] [--root DIRECTORY]

PAGE is a file or an https address. The page is put in its place in a copy of the project first; the document
and the client are made there, compared, and tested. Only then is anything in the tree replaced, all of it
together; the page as it was stays under spec/history/. Where a step fails, the tree is as it was.

Exit codes: 0 taken over, or nothing new; 1 not taken over, the tree is as it was; 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.tools import yaml_source
from spec.tools.build import convert_pages
from spec.tools.errors import SpecError
from spec.tools.fetch_page import fetch_page, file_for
from spec.tools.layout import Layout
from spec.tools.overlay import apply_overlay
from spec.tools.regenerate import ROOT, made, make, termination_as_interrupt, workspace
from spec.tools.release_notes import release_notes
from spec.tools.replace import replace_all
from spec.tools.suite import QUICK, copy_project, run_suite
from spec.tools.update_report import Outcome, report, report_as_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spec.tools.suite import SuiteResult

_TESTS: Final[dict[str, tuple[str, ...] | None]] = {"full": (), "quick": QUICK, "none": None}


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        page: A file or an https address.
        tests: Which tests must pass: paths, all if empty, None for none.
        keep: Whether to take the page over even if tests fail.
        today: The date for the history.
    """

    page: str
    tests: tuple[str, ...] | None
    keep: bool
    today: date


def update(layout: Layout, request: Request, content: bytes) -> Outcome:
    """Take a page over, with all that follows from it.

    Args:
        layout: Where everything stands.
        request: What is wanted.
        content: The page's bytes.

    Returns:
        What has become of it.

    Raises:
        SpecError: The page, or the document that it leads to, can't be used. Nothing has changed then.
    """
    known = layout.pages()
    name = file_for(request.page, content, known)
    if known.get(name) == content:
        return Outcome(name, None, known=True)
    with workspace(layout) as work:
        tree = Layout(work / "tree")
        copy_project(layout.root, tree.root)
        (tree.upstream / name).write_bytes(content)
        output = work / "made"
        output.mkdir()
        built = make(tree, output, document_only=False)
        before = layout.outputs()
        notes = release_notes(layout, before.get("spec/openapi.yaml"), built.document)
        changed = made(output) != before
        suite = _tested(tree, output, request) if changed else None
        kept = _history_name(layout, name, request.today) if name in known else None
        outcome = Outcome(
            name,
            kept,
            known=name in known,
            changed=changed,
            notes=notes,
            reports=built.reports,
            suite=suite,
            taken_over=suite is None or suite.passed or request.keep,
        )
        if outcome.taken_over:
            _swap(layout, outcome, content, known.get(name), work)
    return outcome


def _tested(tree: Layout, output: Path, request: Request) -> SuiteResult | None:
    """Put what was made into the copy of the project, and run the tests there."""
    if request.tests is None:
        return None
    tree.document.write_bytes((output / "openapi.yaml").read_bytes())
    shutil.copytree(output / "generated", tree.generated)
    return run_suite(tree.root, request.tests)


def _swap(layout: Layout, outcome: Outcome, content: bytes, old: bytes | None, work: Path) -> None:
    """Put everything in its place, all of it or nothing."""
    (work / "page").write_bytes(content)
    targets = {layout.upstream / outcome.name: work / "page"}
    if old is not None and outcome.kept is not None:
        (work / "kept").write_bytes(old)
        targets[layout.history / outcome.kept] = work / "kept"
    if outcome.changed:
        targets[layout.document] = work / "made" / "openapi.yaml"
        targets[layout.generated] = work / "made" / "generated"
    if outcome.notes is not None and outcome.notes.changelog is not None:
        (work / "changelog").write_text(outcome.notes.changelog, encoding="utf-8", newline="\n")
        targets[layout.changelog] = work / "changelog"
    is_first = not layout.history.exists()
    layout.history.mkdir(exist_ok=True)
    try:
        replace_all(targets, work / "attic")
    finally:
        if is_first:
            with contextlib.suppress(OSError):  # It holds the page as it was, unless the swap was taken back.
                layout.history.rmdir()


def _history_name(layout: Layout, name: str, today: date) -> str:
    """Name the copy of a page as it was: by the day it was replaced on, numbered where that is taken."""
    stem = f"{name.removesuffix('.md')}-{today.isoformat()}"
    number = 1
    while (layout.history / (kept := f"{stem}.md" if number == 1 else f"{stem}-{number}.md")).exists():
        number += 1
    return kept


def _superfluous_besides(layout: Layout, request: Request, content: bytes) -> list[str]:
    """Find which of the overlay's actions a page makes superfluous, where others of them match nothing."""
    reports: list[str] = []
    with contextlib.suppress(SpecError, OSError):
        pages = {**layout.pages(), file_for(request.page, content, layout.pages()): content}
        source = yaml_source.load(layout.overlay.read_text(encoding="utf-8"), "spec/overlay.yaml")
        apply_overlay(convert_pages(dict(sorted(pages.items())), []), source, reports)
    return reports


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m spec.tools.update",
        description=(__doc__ or "").split("\n")[0],
        epilog="Exit codes: 0 taken over or nothing new; 1 not taken over; 130 interrupted.",
    )
    parser.add_argument("page", metavar="PAGE", help="a Markdown file, or the https address of one")
    parser.add_argument(
        "--tests", choices=tuple(_TESTS), default="full", help="which tests to run before (default: full)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="take the page over even if tests fail, to mend them by hand"
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
    request = Request(options.page, _TESTS[options.tests], options.keep, datetime.now(UTC).date())
    content = b""
    try:
        with termination_as_interrupt():
            content = fetch(request.page)
            outcome = update(layout, request, content)
            if options.markdown is not None and outcome.is_news:
                options.markdown.write_text(report_as_markdown(outcome), encoding="utf-8")
    except SpecError as error:
        print(error, file=sys.stderr)
        if error.file == "spec/overlay.yaml":
            for line in _superfluous_besides(layout, request, content):
                print(line, file=sys.stderr)
            print(
                "Mend spec/overlay.yaml for the new page, then run the same command again.", file=sys.stderr
            )
        print("The tree is as it was.", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"{error.filename or layout.root}: {error.strerror or error}\nThe tree is as it was.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing is half done: the tree is as it was, or all new.", file=sys.stderr)
        return 130
    print("\n".join(report(outcome)))
    return 0 if outcome.taken_over or not outcome.is_news else 1


if __name__ == "__main__":
    sys.exit(main())
