"""What the generator would drop or refuse is said to it in other words; the document keeps its own."""

import copy
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from contract_tests.spec.pages import fixture
from spec.tools.errors import Notes, SpecError
from spec.tools.generator_input import for_generator
from spec.tools.lazy_models import import_models_late
from spec.tools.option_types import write_option_types
from spec.tools.structure import same

ROWS = fixture("generator-input.yaml")
PARAMETER = ("paths", "/a", "get", "parameters", 0)
A = {"$ref": "#/components/schemas/A"}


def with_schemas(**schemas: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "paths": {}, "components": {"schemas": schemas}}


def with_parameter(**parameter: Any) -> dict[str, Any]:
    given = {"name": "filter", "in": "query", **parameter}
    return {"paths": {"/a": {"get": {"operationId": "readA", "parameters": [given], "responses": {}}}}}


def converted(document: dict[str, Any]) -> tuple[dict[str, Any], Notes]:
    """Convert, and see that the document itself is left alone."""
    reports: Notes = []
    before = copy.deepcopy(document)
    made = for_generator(document, reports)
    assert same(document, before)
    return made.document, reports


@pytest.mark.parametrize(("parameter", "shown", "told"), ROWS["parameters"], ids=str)
def test_what_the_client_would_write_otherwise_is_text(parameter: Any, shown: Any, told: bool) -> None:  # noqa: FBT001 - a column
    """A value that the generator would write in its own way is passed as text and told, or refused."""
    document = with_parameter(**parameter)
    if shown is None:
        with pytest.raises(SpecError, match="filter") as caught:
            converted(document)
        assert caught.value.keys == PARAMETER
        return
    made, reports = converted(document)
    found = made["paths"]["/a"]["get"]["parameters"][0]
    assert same(found["schema"], shown)
    assert "content" not in found
    assert [keys for keys, _ in reports] == [PARAMETER] * told


@pytest.mark.parametrize(("given", "shown", "told"), ROWS["schemas"], ids=str)
def test_schemas_are_said_in_the_generators_words(given: Any, shown: Any, told: int) -> None:
    """Each schema that the generator would refuse or get wrong has another form in its copy."""
    made, reports = converted(with_schemas(**given))
    assert same(made["components"]["schemas"], shown)
    assert len(reports) == told


@pytest.mark.parametrize("name", ["Content-Type", "accept", "AUTHORIZATION"])
def test_headers_that_openapi_ignores_are_left_out(name: str) -> None:
    """Content-Type, Accept and Authorization are described elsewhere: they are no parameters, with a note."""
    made, reports = converted(with_parameter(name=name, schema={"type": "string"}, **{"in": "header"}))
    assert "parameters" not in made["paths"]["/a"]["get"]
    assert name in reports[0][1]


@pytest.mark.parametrize(("place", "given", "kept"), ROWS["media"], ids=str)
def test_media_types_that_the_generator_can_tell_apart_are_left(place: str, given: Any, kept: Any) -> None:
    """Of several media types those stay that become classes of their own, and can be read or sent."""
    schemas = {media_type: A if schema == "A" else schema for media_type, schema in given.items()}
    content = {"content": {media_type: {"schema": schema} for media_type, schema in schemas.items()}}
    operation: dict[str, Any] = {"operationId": "doA", "responses": {"200": content}}
    if place == "body":
        operation = {**operation, "responses": {}, "requestBody": content}
    document = {**with_schemas(A={"type": "object"}), "paths": {"/a": {"post": operation}}}
    made, _ = converted(document)
    shown = made["paths"]["/a"]["post"]
    found = shown["requestBody"] if place == "body" else shown["responses"]["200"]
    expected = {media_type: A if schema == "A" else schema for media_type, schema in kept.items()}
    assert {name: one["schema"] for name, one in found["content"].items()} == expected
    # A choice, null's too, crashes in the generated function where it is left out.
    assert place == "answer" or bool(found.get("required")) == ("nullable" in str(given))


@pytest.mark.parametrize(("schemas", "titles"), ROWS["classes"], ids=str)
def test_classes_get_names_of_their_own(schemas: Any, titles: list[str]) -> None:
    """Two schemas that would be one class, or one that the generated modules import, get another title."""
    made, _ = converted(with_schemas(**schemas))
    found = made["components"]["schemas"].values()
    assert [schema["title"] for schema in found if "title" in schema] == titles


@pytest.mark.parametrize(("names", "stand_ins"), ROWS["names"], ids=str)
def test_properties_that_generated_code_cannot_hold_get_stand_ins(names: list[str], stand_ins: Any) -> None:
    """A property named as a name inside the generated methods gets another; the wire keeps its own."""
    given = {"type": "object", "required": names, "properties": {name: {"type": "string"} for name in names}}
    made = for_generator(with_schemas(A=given), [])
    assert made.stand_ins == stand_ins
    shown = made.document["components"]["schemas"]["A"]["properties"]
    assert [made.stand_ins.get(name, name) for name in shown] == names


@pytest.mark.parametrize("title", ["Foo", "1st"])
def test_options_have_names_of_their_own(title: str, tmp_path: Path) -> None:
    """The choices of each field, and each body, have a type whose name Python takes and nothing else has."""
    one, other, names = ROWS["options"][0]
    paths = {
        path: {
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"title": title, "properties": body}}}
                }
            }
        }
        for path, body in (("/a", one), ("/b", other))
    }
    write_option_types({"paths": paths}, tmp_path)
    text = (tmp_path / "request_options.py").read_text(encoding="utf-8")
    compile(text, "request_options.py", "exec")
    found = re.findall(r"^(?:class )?(\w+)(?::|\()", text, re.MULTILINE)
    assert found == [name.replace("Foo", "Body1st" if title == "1st" else title) for name in names]


@pytest.mark.parametrize("place", ["operationId", "tags", "schema", "property"])
def test_a_name_too_long_for_a_module_is_refused_at_its_place(place: str) -> None:
    """A file system takes no module of that name."""
    long = "x" * 260
    document = with_parameter()
    operation = document["paths"]["/a"]["get"]
    operation |= {"operationId": long} if place == "operationId" else {}
    operation |= {"tags": [long]} if place == "tags" else {}
    if place in {"schema", "property"}:
        inner = {"type": "object", "properties": {long: {"type": "string", "enum": ["a"]}}}
        document["components"] = {
            "schemas": {long: {"type": "object"}} if place == "schema" else {"A": inner}
        }
    with pytest.raises(SpecError, match="too long") as caught:
        for_generator(document, [])
    section = "paths" if place in {"operationId", "tags"} else "components"
    assert caught.value.keys
    assert caught.value.keys[0] == section


def test_models_are_imported_when_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the formatter breaks an import, its model is there once somebody asks for it."""
    models = tmp_path / "late" / "models"
    models.mkdir(parents=True)
    (models / "one.py").write_text("class One: ...")
    (models / "two.py").write_text("class Two: ...")
    (models / "__init__.py").write_text(
        'from .one import One\nfrom .two import (\n    Two,\n)\n\n__all__ = ("One", "Two")\n'
    )
    import_models_late(tmp_path / "late")
    monkeypatch.syspath_prepend(tmp_path)
    late = import_module("late.models")
    assert not sys.modules.keys() & {"late.models.one", "late.models.two"}
    assert [getattr(late, name).__name__ for name in late.__all__] == ["One", "Two"]
    assert not hasattr(late, "Three")
