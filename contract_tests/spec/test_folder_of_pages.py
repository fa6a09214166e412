"""A page that is put into spec/upstream/ and nothing else: the operation is everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from spec.tools import regenerate
from spec.tools.layout import Layout
from spec.tools.update import copy_project

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATH = "/v1/bicycles/{bicycle-id}/loan"
BODY = {"minutes": 30, "rider": {"name": "Ada", "friends": [None, {"name": "Bo"}]}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project with one page more, regenerated."""
    root = tmp_path_factory.mktemp("folder") / "project"
    copy_project(ROOT, root)
    (root / "spec" / "upstream" / "bicycles.md").write_bytes(
        (HERE / "fixtures" / "borrow-a-bicycle.md").read_bytes()
    )
    assert regenerate.main(["--root", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def said(project: Path) -> Any:
    """What the generated client, the mock and the suite of that copy say."""
    arguments = ["bicycles.borrow_bicycle", "PUT", PATH.replace("{bicycle-id}", "7")]
    bodies = [json.dumps(BODY), json.dumps({"minutes": 0})]
    path = os.pathsep.join(str(project / name) for name in ("generated", "overrides", "."))
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, str(project / "contract_tests/spec/everything.py"), *arguments, *bodies],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_generated_client_has_it(said: Any) -> None:
    """The generated client builds the operation's request."""
    assert said["client"] == ["put", "/v1/bicycles/7/loan", BODY]


def test_the_mock_answers_by_the_schema(said: Any) -> None:
    """The mock answers as the document says, checks the body, and says that it knows no life cycle."""
    assert said["mock"] == [201, "none", {"minutes": 30, "rider": {"name": "Ada"}}]
    assert said["mock refuses"] in range(400, 500)


def test_the_suite_knows_it(said: Any) -> None:
    """The contract suite lists the operation, next to all that were there."""
    assert ["PUT", PATH] in said["suite"]
    assert ["POST", "/v1/ai/image-to-video/kling-elements-std"] in said["suite"]


def test_the_page_keeps_its_own_words(project: Path) -> None:
    """The overlay adds to the new operation what holds for all, and leaves alone what its page says."""
    document = yaml.safe_load(Layout(project).document.read_bytes())
    responses = document["paths"][PATH]["put"]["responses"]
    assert list(responses) == ["201", "409", "403", "429", "default"]
    assert list(responses["409"]) == ["description", "content"]
