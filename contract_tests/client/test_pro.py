"""A second model: reached by its name, made of few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from kling_elements import Model
from kling_elements.__main__ import main
from kling_elements.api.endpoints import MODELS
from kling_elements_mock import INSTANT, MockSettings, serve
from spec.tools.model_cost import main as print_cost

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.support.clients import Driver

IMAGE = "https://images.example.com/a.jpg"
OPERATIONS: dict[Model, list[str]] = {
    "std": ["createKlingElementsStdTask", "listKlingElementsStdTasks"],
    "pro": ["createKlingElementsProTask", "listKlingElementsProTasks"],
}


@pytest.mark.parametrize("model", list(OPERATIONS))
def test_the_model_is_asked_by_name(
    any_driver: Driver,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`model` and `--model` choose the create and the list; the status is asked where both have it."""
    assert set(MODELS) == set(get_args(Model)) == set(OPERATIONS)
    monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "any")
    monkeypatch.chdir(tmp_path)
    with serve(MockSettings(pace=INSTANT)) as served:
        client = any_driver.open(base_url=served.url, poll_interval=0)
        task = client.generate(IMAGE, model=model)
        assert [one.id for one in client.list(model=model)] == [task.id]
        for words in (["create", IMAGE], ["list"]):
            assert main([*words, "--model", model, "--base-url", served.url]) == 0
        assert served.mock.tasks[1].id in capsys.readouterr().out
        create, listing = OPERATIONS[model]
        asked = [request.operation for request in served.mock.requests]
    assert asked == [create, "getKlingElementsTask", listing, create, listing]


def test_a_model_costs_a_few_lines() -> None:
    """`make model-cost` counts the lines that name a model, and fails for a name that nothing has."""
    assert (print_cost(["pro"]), print_cost(["no-such-model"])) == (0, 1)
