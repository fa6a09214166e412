"""The committed document and client are what spec/ gives, and hold what they must."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from contract_tests.spec.pages import PROJECT, ROOT, vendored
from spec.tools import yaml_source
from spec.tools.build import build, convert_upstream
from spec.tools.diff import as_text, compare
from spec.tools.generate import HEADER
from spec.tools.layout import Layout
from spec.tools.overlay import apply_overlay


def test_nothing_has_drifted(tmp_path: Path) -> None:
    """Anybody gets the committed files, whatever the directory, locale, hash seed, and formatter near by."""
    there = Layout(tmp_path / "höme" / "project")
    shutil.copytree(PROJECT.root / "spec", there.root / "spec", ignore=shutil.ignore_patterns("tools"))
    shutil.copytree(PROJECT.generated, there.generated)
    for directory in (there.root, there.root.parent):
        (directory / "ruff.toml").write_text("line-length = 40\n[format]\nquote-style = 'single'\n")
        (directory / ".gitignore").write_text("*\n")
    other = {"PYTHONHASHSEED": "77", "LC_ALL": "C", "LANG": "C", "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-m", "spec.tools.regenerate", "--check", "--root", str(there.root)]
    done = subprocess.run(arguments, cwd="/", env={**os.environ, **other}, capture_output=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    made = {name: content for name, content in PROJECT.outputs().items() if name.endswith(".py")}
    assert all(content.startswith(HEADER.encode()) for content in made.values())


def test_the_committed_document_says_what_its_sources_say() -> None:
    """To a caller, page and overlay mean what the committed document means: the diff of the two is empty."""
    pages = {f"spec/upstream/{name}": content for name, content in PROJECT.upstream_files().items()}
    built = build(pages, ("spec/overlay.yaml", PROJECT.overlay.read_bytes()))
    changes = compare(vendored(), built.document)
    assert changes == [], as_text(changes)


def test_no_action_of_the_overlay_is_superfluous() -> None:
    """None of the actions, each with its reason, source and sureness, is superfluous unawares."""
    overlay = yaml_source.load(PROJECT.overlay.read_text(encoding="utf-8"), "overlay.yaml")
    reports: list[str] = []
    apply_overlay(convert_upstream(PROJECT.upstream_files(), []), overlay, reports)
    assert [line for line in reports if "matches nothing any more" not in line] == []
