"""Pages that are put into spec/upstream/ and nothing else: a new operation, and the vendor's page of Pro."""

import os
import shutil
import subprocess
import sys

import pytest

from contract_tests.spec.pages import FIXTURES, PROJECT, ROOT
from contract_tests.support.contract import load_yaml, place
from spec.tools import regenerate
from spec.tools.layout import Layout
from spec.tools.update import copy_project

PATH = "/v1/bicycles/{bicycle-id}/loan"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A copy of this project with two pages more, regenerated."""
    layout = Layout(tmp_path_factory.mktemp("folder") / "project")
    copy_project(ROOT, layout.root)
    shutil.copy(FIXTURES / "borrow-a-bicycle.md", layout.upstream / "rent-bicycles.md")
    std = (layout.upstream / "post-kling-elements-std.md").read_text(encoding="utf-8")
    pro = std.replace("kling-elements-std", "kling-elements-pro").replace("Elements Std", "Elements Pro")
    (layout.upstream / "post-kling-elements-pro.md").write_text(pro, encoding="utf-8")
    assert regenerate.main(["--root", str(layout.root)]) == 0
    return layout


def test_a_new_operation_is_everywhere(project: Layout) -> None:
    """The client builds it, the mock answers by the schema and checks the body, the suite lists it."""
    path = os.pathsep.join(str(project.root / name) for name in ("generated", "overrides", "."))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    script = [sys.executable, "contract_tests/spec/everything.py"]
    subprocess.run(script, cwd=project.root, env=env, check=True)  # noqa: S603 - our own command
    # The overlay adds none of Kling's answers and keys to an operation that it doesn't name.
    responses = load_yaml(project.document)["paths"][PATH]["put"]["responses"]
    assert list(responses) == ["201", "409"]
    assert list(responses["409"]) == ["description", "content"]


def test_the_page_of_pro_can_come_any_time(project: Layout) -> None:
    """With the vendor's page of Pro nothing is there twice, and what the client had stays the same."""
    made = load_yaml(project.document)
    for operation_id in ("createKlingElementsStdTask", "createKlingElementsProTask"):
        create = made["paths"][place(operation_id)[1]]["post"]
        assert create["tags"] == ["image-to-video"]
        assert create["security"] == [{"apiKey": []}, {"magnificApiKey": []}]
        schema = create["requestBody"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith("itvke-request-content")
    assert not [name for name in made["components"]["schemas"] if name.endswith("_2")]
    before, after = PROJECT.outputs(), project.outputs()
    listing = ("models/__init__.py", "request_options.py")  # which have the bicycles' too
    changed = {name for name in before if name.endswith(".py") and before[name] != after.get(name)}
    assert {name for name in changed if not name.endswith(listing)} == set()
    assert {name for name in after if "pro" in name} == {name for name in before if "pro" in name}
