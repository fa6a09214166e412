"""Pages that are put into spec/upstream/ and nothing else: a new operation, and the vendor's page of Pro."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract_tests.support.contract import place
from spec.tools import regenerate
from spec.tools.layout import Layout
from spec.tools.update import copy_project

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATH = "/v1/bicycles/{bicycle-id}/loan"
BODY = {"minutes": 30, "rider": {"name": "Ada", "friends": [None, {"name": "Bo"}]}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project with two pages more, regenerated."""
    root = tmp_path_factory.mktemp("folder") / "project"
    copy_project(ROOT, root)
    (root / "spec" / "upstream" / "rent-bicycles.md").write_bytes(
        (HERE / "fixtures" / "borrow-a-bicycle.md").read_bytes()
    )
    std = (root / "spec" / "upstream" / "post-kling-elements-std.md").read_text(encoding="utf-8")
    pro = std.replace("kling-elements-std", "kling-elements-pro").replace("Elements Std", "Elements Pro")
    (root / "spec" / "upstream" / "post-kling-elements-pro.md").write_text(pro, encoding="utf-8")
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


def test_a_new_operation_is_everywhere(said: Any) -> None:
    """The client builds it, the mock answers by the schema and checks the body, the suite lists it."""
    assert said["client"] == ["put", "/v1/bicycles/7/loan", BODY]
    assert said["mock"] == [201, "none", {"minutes": 30, "rider": {"name": "Ada"}}]
    assert said["mock refuses"] in range(400, 500)
    assert ["PUT", PATH] in said["suite"]
    assert "201 Loan(" in said["page"]
    assert ["POST", "/v1/ai/image-to-video/kling-elements-std"] in said["suite"]


def test_the_page_keeps_its_own_words(project: Path) -> None:
    """The overlay adds none of Kling's answers and keys to an operation that it doesn't name."""
    document = yaml.safe_load(Layout(project).document.read_bytes())
    responses = document["paths"][PATH]["put"]["responses"]
    assert list(responses) == ["201", "409"]
    assert list(responses["409"]) == ["description", "content"]


def test_the_page_of_pro_can_come_any_time(project: Path) -> None:
    """With the vendor's page of Pro nothing is there twice, and what the client had stays the same."""
    layout = Layout(project)
    made = yaml.safe_load(layout.document.read_bytes())
    for operation_id in ("createKlingElementsStdTask", "createKlingElementsProTask"):
        create = made["paths"][place(operation_id)[1]]["post"]
        assert create["tags"] == ["image-to-video"]
        assert create["security"] == [{"apiKey": []}, {"magnificApiKey": []}]
        schema = create["requestBody"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith("itvke-request-content")
    assert not [name for name in made["components"]["schemas"] if name.endswith("_2")]
    before, after = Layout(ROOT).outputs(), layout.outputs()
    listing = ("models/__init__.py", "request_options.py")  # which have the bicycles' too
    changed = {name for name in before if name.endswith(".py") and before[name] != after.get(name)}
    assert {name for name in changed if not name.endswith(listing)} == set()
    assert {name for name in after if "pro" in name} == {name for name in before if "pro" in name}
