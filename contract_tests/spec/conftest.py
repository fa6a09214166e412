"""A small project to regenerate and to update, and a quick stand-in for the generator."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contract_tests.spec.pages import PROJECT
from spec.tools.layout import Layout

PAGE = """# Things

````yaml post /v1/things
openapi: 3.0.3
info: {title: Things, version: '1'}
servers: [{url: 'https://things.example'}]
security: [{key: []}]
paths:
  /v1/things:
    post:
      parameters: [{name: kind, in: query, schema: {type: string, enum: [big, small]}}]
      responses:
        '200': {description: OK, content: {application/json: {schema: {type: string, enum: [ready]}}}}
components: {securitySchemes: {key: {type: apiKey, in: header, name: x-key}}}
````
"""
LATE = PAGE.replace("[ready]", "[ready, late]")
OVERLAY = """overlay: 1.0.0
info: {title: O, version: '1'}
actions:
  - target: $.paths['/v1/things'].post.parameters[0].schema.enum
    description: Seen.
    x-source: this test
    x-sureness: A
    update: tiny
"""
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- By hand.\n"


@pytest.fixture
def project(tmp_path: Path) -> Layout:
    """A project with one page, an overlay and no outputs yet."""
    layout = Layout(tmp_path / "project")
    layout.upstream.mkdir(parents=True)
    (layout.upstream / "things.md").write_text(PAGE)
    layout.overlay.write_text(OVERLAY)
    layout.changelog.write_text(CHANGELOG)
    (layout.root / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1.2.3'\n")
    shutil.copy(PROJECT.config, layout.config)
    return layout


@pytest.fixture
def no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a quick stand-in in the generator's place, for tests of what is around it."""

    def generate(document: Any, _config: Path, into: Path) -> list[Any]:
        (into / "package").mkdir()
        (into / "package" / "client.py").write_text(f"SIZE = {len(str(document))}\n")
        return []

    monkeypatch.setattr("spec.tools.generate.generate", generate)


def commit(root: Path) -> None:
    """Make a repository of a folder, and commit all that is in it."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "-m", "x")):
        subprocess.run(["git", *arguments], cwd=root, check=True)  # noqa: S603, S607 - fixed words
