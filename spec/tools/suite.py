"""Runs the tests against a copy of the project, so that what they judge is not in the tree yet."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

QUICK: Final = ("contract_tests/document", "contract_tests/document_diff", "contract_tests/client")
_PATIENCE_S: Final = 1800
_LEFT_OUT: Final = (
    ".git", ".venv", ".cache", ".demo", "*.mp4", "build", "dist", "__pycache__", "*_cache", ".hypothesis",
    "generated",
)  # fmt: skip
_NO_TESTS: Final = 5


@dataclass(frozen=True)
class SuiteResult:
    """What the tests said.

    Attributes:
        passed: Whether all did.
        summary: Their closing line.
        failed: The names of those that failed.
    """

    passed: bool
    summary: str
    failed: tuple[str, ...] = ()


def copy_project(root: Path, into: Path) -> None:
    """Copy what the tests need, without what is generated, installed or cached."""
    shutil.copytree(root, into, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True)


def run_suite(tree: Path, tests: tuple[str, ...], jobs: int = 2) -> SuiteResult:
    """Run tests in a tree, with this interpreter's packages and the tree's own sources.

    Args:
        tree: A copy of the project.
        tests: Paths in it; empty for all.
        jobs: Processes; 0 for none besides pytest's own.
    """
    sources = [str(tree / name) for name in ("generated", "overrides")]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        # Before the installed ones, which lead to the tree as it is.
        "PYTHONPATH": os.pathsep.join([*sources, str(tree)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        str(jobs),
        "-p",
        "no:cacheprovider",
        "--no-header",
        *tests,
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own command, without a shell
            command,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return SuiteResult(passed=False, summary=f"did not end within {_PATIENCE_S} s")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    failed = [found[1] for line in lines if (found := re.match(r"(?:FAILED|ERROR) (\S+)", line))]
    closing = lines[-1].strip("= ") if lines else " ".join(done.stderr.split())[-200:]
    if done.returncode == _NO_TESTS:
        closing = "no test was found"
    return SuiteResult(done.returncode == 0, closing, tuple(dict.fromkeys(failed)))
