"""A second model: reached by its name, made of few lines, right with or without the vendor's page."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import pytest

from contract_tests.support.contract import document, place
from kling_elements import AsyncKlingElements, KlingElements, Model, ValidationError
from kling_elements.__main__ import main
from kling_elements.api.endpoints import MODELS
from kling_elements_mock import INSTANT, MockSettings, serve
from spec.tools.model_cost import main as print_cost
from spec.tools.model_cost import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_every_model_has_its_operations() -> None:
    """The models of the client are the document's, and those of this test, which the rest of it is about."""
    assert set(MODELS) == set(get_args(Model)) == set(OPERATIONS)


@pytest.mark.parametrize("model", list(OPERATIONS))
def test_the_model_is_asked_by_name(served: ServedMock, model: Model) -> None:
    """`model` chooses the create and the list; the status is asked where both models have it."""
    with KlingElements("any", served.url, poll_interval=0) as client:
        task = client.generate(IMAGE, model=model)
        assert [one.id for one in client.list(model=model)] == [task.id]
    create, listing = OPERATIONS[model]
    assert operations_of(served) == [create, "getKlingElementsTask", listing]


@pytest.mark.parametrize("model", list(OPERATIONS))
def test_the_model_is_asked_by_name_with_await(served: ServedMock, model: Model) -> None:
    """The asynchronous client does the same."""

    async def ask() -> None:
        async with AsyncKlingElements("any", served.url) as client:
            await client.create(IMAGE, model=model)
            await client.list(model=model)

    asyncio.run(ask())
    assert operations_of(served) == list(OPERATIONS[model])


def test_an_unknown_model_is_refused_here(served: ServedMock) -> None:
    """A model that isn't there is bad input that names those that are; nothing is sent."""
    with KlingElements("any", served.url) as client, pytest.raises(ValidationError, match="'std' or 'pro'"):
        client.create(IMAGE, model=cast("Model", "ultra"))
    assert operations_of(served) == []


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


def test_both_models_say_the_same() -> None:
    """The document's two creates, and its two lists, differ in their names and words alone."""
    for std, pro in zip(OPERATIONS["std"], OPERATIONS["pro"], strict=True):
        answers = [
            {
                status: sorted(response.get("content", response))
                for status, response in document()["paths"][path][method.lower()]["responses"].items()
            }
            for method, path in (place(std), place(pro))
        ]
        assert answers[0] == answers[1]
