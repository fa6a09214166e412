"""The generated client is proven against the document: what it does otherwise is an error with its place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from spec.tools.errors import SpecError
from spec.tools.generate import generate
from spec.tools.generator_input import GeneratorInput, for_generator
from spec.tools.layout import Layout
from spec.tools.proof import Question, prove

if TYPE_CHECKING:
    from spec.tools.errors import Keys

DOCUMENT = yaml.safe_load((Path(__file__).parent / "fixtures" / "zoo.yaml").read_bytes())
ROOT = Path(__file__).resolve().parents[2]
POST: Keys = ("paths", "/v1/{zoo.id}/{quote}/animals", "post")
JSON: Keys = (*POST, "requestBody", "content", "application/json")
API, MODELS = "api/default/add_animal.py", "models/response_model.py"


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GeneratorInput]:
    """Generate the client of the document once; it is proven already."""
    work = tmp_path_factory.mktemp("zoo")
    (work / "generated").mkdir()
    generate(DOCUMENT, Layout(ROOT).config, work / "generated")
    (package,) = (work / "generated").iterdir()
    return package, for_generator(DOCUMENT, [])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ((API, '"method": "post"', '"method": "put"'), POST),
        ((API, 'params["page"] = page', 'params["pages"] = page'), (*POST, "parameters", 4)),
        ((API, 'params["body"] = json_', 'params["body"] = "" and json_'), (*POST, "parameters", 3)),
        ((API, 'headers["x-tag"] = str(x_tag)', 'headers["x-tag"] = "a"'), (*POST, "parameters", 5)),
        ((API, '_kwargs["json"] = body.to_dict()', '_kwargs["json"] = {}'), JSON),
        ((API, "_code == 206:", "_code == 206 and response.json():"), (*POST, "responses", "206")),
        ((MODELS, 'd.pop("d"', 'd.pop("dd"'), JSON),
        ((MODELS, "from typing", "import nothing_of_that_name\nfrom typing"), None),
    ],
)
def test_a_client_that_does_something_else_is_refused(
    zoo: tuple[Path, GeneratorInput], tmp_path: Path, change: tuple[str, str, str], place: Keys | None
) -> None:
    """One line changed in the generated code is an error at the place in the document that it breaks."""
    (package, given), (file, old, new) = zoo, change
    copy = tmp_path / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / file).read_text()
    assert old in text, text
    (copy / file).write_text(text.replace(old, new))
    with pytest.raises(SpecError) as caught:
        prove(Question.of(DOCUMENT, given), copy, dict(os.environ))
    assert place in {None, caught.value.keys}, caught.value
    assert "spec/overlay.yaml" in caught.value.message
