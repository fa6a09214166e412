"""The generated client is proven against the document: what it does otherwise is an error with its place."""

import importlib
import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from contract_tests.spec.pages import PROJECT, fixture
from spec.tools.errors import Keys, SpecError
from spec.tools.generate import generate
from spec.tools.generator_input import for_generator
from spec.tools.proof import Question, prove
from spec.tools.proof_child import Finding, Operation
from spec.tools.samples import Samples

DOCUMENT = fixture("zoo.yaml")
QUESTION = Question.of(DOCUMENT, for_generator(DOCUMENT, []))
POST: Keys = ("paths", "/v1/{zoo.id}/{quote}/animals", "post")
JSON: Keys = (*POST, "requestBody", "content", "application/json")
A: Final = {"$ref": "#/components/schemas/A"}
API, MODELS = "api/default/add_animal.py", "models/response_model.py"


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the client of the document once; it is proven already."""
    work = tmp_path_factory.mktemp("zoo")
    (work / "generated").mkdir()
    generate(DOCUMENT, PROJECT.config, work / "generated")
    (package,) = (work / "generated").iterdir()
    return package


def changed(zoo: Path, copy: Path, file: str, old: str, new: str) -> Path:
    shutil.copytree(zoo, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / file).read_text()
    assert old in text, text
    (copy / file).write_text(text.replace(old, new))
    return copy


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what httpx deprecates is not the package's fault
@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        (API, '"method": "post"', '"method": "put"', POST),
        (API, 'params["page"] = page', 'params["pages"] = page', (*POST, "parameters", 4)),
        (API, 'params["body"] = json_', 'params["body"] = "" and json_', (*POST, "parameters", 3)),
        (API, 'headers["x-tag"] = str(x_tag)', 'headers["x-tag"] = "a"', (*POST, "parameters", 5)),
        (API, '_kwargs["json"] = body.to_dict()', '_kwargs["json"] = {}', JSON),
        (API, "_code == 206:", "_code == 206 and response.json():", (*POST, "responses", "206")),
        (MODELS, 'd.pop("d"', 'd.pop("dd"', JSON),
    ],
)
def test_a_client_that_does_something_else_is_refused(  # noqa: PLR0913, PLR0917 - a column each
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, place: Keys
) -> None:
    """One line changed in the generated code is an error at the place in the document that it breaks."""
    name = f"zoo_{abs(hash((old, new)))}"
    changed(zoo, tmp_path / name, file, old, new)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(f"{name}.api.default.add_animal")
    asked = next(one for one in QUESTION.operations if one["id"] == "addAnimal")
    with pytest.raises(Finding) as caught:
        Operation(module, name, asked).check()
    assert tuple(caught.value.keys) == place, caught.value


def test_an_answer_that_the_client_leaves_unread_is_told(zoo: Path) -> None:
    """The generator makes nothing of an answer that may be anything."""
    notes = prove(QUESTION, zoo, dict(os.environ))
    assert [keys[1:3] for keys, text in notes if "None" in text] == [("/v1/any", "get")]


def test_values_without_end_are_not_made() -> None:
    """A schema that requires itself, or more than anybody sends, has no values; the proof says so."""
    for schema in (
        {"required": ["a"], "properties": {"a": A}},
        {"required": ["a", "b", "c"], "properties": {"a": A, "b": A, "c": {"type": "array", "items": A}}},
        {"type": "string", "minLength": 10**30},
        {"type": "array", "minItems": 10**9, "items": {}},
        {"type": "number", "minimum": 10**400, "multipleOf": 0.1, "nullable": True},
    ):
        samples = Samples({"components": {"schemas": {"A": schema}}})
        assert samples.of(("components", "schemas", "A")) in ([], [None])


def test_a_discriminator_chooses_by_its_mapping() -> None:
    """A value is made for each branch with the text that chooses it; anything but a text chooses none."""
    animal = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}}
    mapping = {"c": A["$ref"]}
    pet = {"oneOf": [A], "discriminator": {"propertyName": "k", "mapping": mapping}}
    samples = Samples({"components": {"schemas": {"A": animal, "Pet": pet}}})
    keys = ("components", "schemas", "Pet")
    assert samples.of(keys) == [{"k": "c"}]
    for value in (["c"], {"c": "c"}, 5):
        assert not samples.judge.is_valid({"k": value}, keys)


def test_a_client_that_cannot_be_imported_is_refused(zoo: Path, tmp_path: Path) -> None:
    """Another process imports the whole package; the error says what to do."""
    package = changed(
        zoo, tmp_path / zoo.name, MODELS, "from typing", "import nothing_of_that_name\nfrom typing"
    )
    with pytest.raises(SpecError, match=r"spec/overlay\.yaml"):
        prove(QUESTION, package, dict(os.environ))
