"""A small project for the tests of `make update`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec.tools.layout import Layout
from spec.tools.replace import files_below

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]

PAGE = """# Things

````yaml get /v1/things
openapi: 3.0.3
info: {title: Things, version: '1'}
paths:
  /v1/things:
    get:
      parameters:
        - {name: kind, in: query, schema: {type: string, enum: [big, small]}}
      responses:
        '200':
          description: OK
          content:
            application/json:
              schema: {type: string, enum: [ready]}
````
"""
OVERLAY = """overlay: 1.0.0
info: {title: O, version: '1'}
actions:
  - target: $.paths['/v1/things'].get.parameters[0].schema.enum
    description: Seen.
    x-source: this test
    x-sureness: A
    update: tiny
"""
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Something.\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A project with one page, whose outputs are up to date. A quick stand-in takes the generator's place."""

    def generate(_document: Any, text: str, _config: Path, into: Path) -> list[str]:
        (into / "package").mkdir()
        (into / "package" / "client.py").write_text(f"SIZE = {len(text)}\n")
        return []

    monkeypatch.setattr("spec.tools.generate.generate", generate)
    layout = Layout(tmp_path / "project")
    layout.upstream.mkdir(parents=True)
    (layout.upstream / "things.md").write_text(PAGE)
    layout.overlay.write_text(OVERLAY)
    layout.changelog.write_text(CHANGELOG)
    (layout.root / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1.2.3'\n")
    shutil.copy(ROOT / "spec" / "generator.yaml", layout.config)

    from spec.tools.regenerate import regenerate  # noqa: PLC0415 - after the generator was replaced

    regenerate(layout)
    return layout


@pytest.fixture
def everything() -> Callable[[Layout], dict[str, bytes]]:
    """Read all files of a project but its cache."""
    return lambda layout: {
        name: content for name, content in files_below(layout.root).items() if not name.startswith(".cache")
    }
