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

# One operation of every kind that the generator has trouble with, or had.
DOCUMENT = yaml.safe_load("""
openapi: 3.0.3
info: {title: Zoo, version: '1'}
paths:
  /v1/{zoo.id}/{quote}/animals:
    post:
      operationId: addAnimal
      parameters:
        - {name: zoo.id, in: path, required: true, schema: {type: string}}
        - {name: quote, in: path, required: true, schema: {type: integer}}
        - {name: params, in: query, schema: {type: string}}
        - {name: body, in: query, schema: {type: array, items: {type: integer}}}
        - {name: page, in: query, schema: {type: integer, default: 3}}
        - {name: x-tag, in: header, required: true, schema: {type: string, enum: [a-b, a_b]}}
        - {name: sid, in: cookie, schema: {type: string}}
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Response'}}
          multipart/form-data:
            schema:
              type: object
              required: [file]
              properties: {file: {type: string, format: binary}, big: {type: boolean}, n: {type: integer}}
      responses:
        '200':
          description: OK
          content:
            application/zip: {schema: {type: string, format: binary}}
            application/json: {schema: {$ref: '#/components/schemas/Animal'}}
        '206': {description: OK, content: {text/event-stream: {schema: {type: object}}}}
        4XX: {description: Failed, content: {application/xml: {schema: {type: object}}}}
        default:
          description: Failed
          content: {application/json: {schema: {type: array, items: {type: integer}}}}
  /v1/form:
    put:
      operationId: sendForm
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, properties: {a: {type: string}, b: {type: object}, c: {type: boolean}}}
      responses: {'204': {description: Done}}
components:
  schemas:
    Response:
      type: object
      required: [d, id]
      properties:
        d: {type: string, default: say "hi"}
        to_dict: {type: integer, nullable: true}
        tag: {type: array, items: {$ref: '#/components/schemas/Animal'}}
        tag_item: {type: string, format: date-time}
        id: {type: string, readOnly: true}
        unset: {type: object, title: Unset, properties: {from_dict: {type: string}}}
    Animal:
      oneOf:
        - {type: object, required: [wings], additionalProperties: false, properties: {wings: {type: integer}}}
        - type: object
          required: [legs]
          properties: {legs: {type: object, properties: {n: {type: integer}}}}
""")
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
