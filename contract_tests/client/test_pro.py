"""A second model: reached by its name, made of few lines, right with or without the vendor's page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from kling_elements import Model
from kling_elements.__main__ import main
from kling_elements.api.endpoints import MODELS
from kling_elements_mock import INSTANT, MockSettings, serve
from spec.tools.model_cost import main as print_cost
from spec.tools.model_cost import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.support.clients import Driver
    from kling_elements_mock import ServedMock

ROOT = Path(__file__).parents[2]
IMAGE = "https://images.example.com/a.jpg"
OPERATIONS: dict[Model, tuple[str, str]] = {
    "std": ("createKlingElementsStdTask", "listKlingElementsStdTasks"),
    "pro": ("createKlingElementsProTask", "listKlingElementsProTasks"),
}


@pytest.fixture
def served() -> Iterator[ServedMock]:
    """A mock whose tasks are done at once."""
    with serve(MockSettings(pace=INSTANT)) as mock:
        yield mock


def operations_of(served: ServedMock) -> list[str | None]:
    return [request.operation for request in served.mock.requests]


@pytest.mark.parametrize("model", list(OPERATIONS))
def test_the_model_is_asked_by_name(driver: Driver, served: ServedMock, model: Model) -> None:
    """`model` chooses the create and the list; the status is asked where both models have it."""
    assert set(MODELS) == set(get_args(Model)) == set(OPERATIONS)
    client = driver.open(base_url=served.url, poll_interval=0)
    task = client.generate(IMAGE, model=model)
    assert [one.id for one in client.list(model=model)] == [task.id]
    create, listing = OPERATIONS[model]
    assert operations_of(served) == [create, "getKlingElementsTask", listing]


def test_the_command_line_takes_it(
    served: ServedMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--model pro` creates and lists there."""
    monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "any")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    assert main(["create", IMAGE, "--model", "pro", "--base-url", served.url]) == 0
    assert main(["list", "--model", "pro", "--base-url", served.url]) == 0
    assert served.mock.tasks[0].id in capsys.readouterr().out
    assert operations_of(served) == list(OPERATIONS["pro"])


def test_a_model_costs_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """`make model-cost` counts the lines that name a model, and fails for a name that nothing has."""
    cost = measure(ROOT, "pro")
    assert "api/endpoints.py" in cost
    assert print_cost(["pro"]) == 0
    assert cost in capsys.readouterr().out
    assert print_cost(["no-such-model"]) == 1
