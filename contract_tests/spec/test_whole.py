"""Whole OpenAPI documents as upstream: what is selected comes with what it needs, and nothing else."""

import copy
import json
from typing import Any

import pytest
import yaml

from contract_tests.spec.pages import FIXTURES, INFO, embedded, fixture
from spec.tools import yaml_source
from spec.tools.build import build, convert_upstream
from spec.tools.check import check
from spec.tools.errors import SpecError
from spec.tools.selection import Selection, read_selection

FILE = "spec/upstream/api.yaml"
CREATE = "/v1/ai/model-1"


def vendor_like(models: int) -> dict[str, Any]:
    """Make a document in the shape of the vendor's, of three operations a model, and one more."""
    made: dict[str, Any] = fixture("vendor-like.yaml")
    template = (FIXTURES / "vendor-like-model.yaml").read_text(encoding="utf-8")
    paths: dict[str, Any] = {}
    for number in range(models):
        model = yaml.safe_load(template.replace("NAME", f"model-{number}"))
        paths |= model["paths"]
        for section in ("schemas", "examples"):
            made["components"][section] |= model[section]
    return {**made, "paths": paths | made["paths"]}


def text(document: dict[str, Any]) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


def selection(*entries: dict[str, str], prefer: str = "page") -> Selection:
    said = {"prefer": prefer, **({"operations": list(entries)} if entries else {})}
    return read_selection(yaml_source.load(yaml.safe_dump(said), "spec/select.yaml"))


def converted(document: dict[str, Any], *entries: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    reports: list[str] = []
    made = convert_upstream({FILE: text(document)}, reports, selection=selection(*entries))
    check(made)
    return made, reports


def names(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method, path) for path, item in document["paths"].items() for method in item}


def test_operations_are_selected() -> None:
    """An entry selects by path, method, tag or id, with patterns; the rest is counted."""
    for entry, expected in (
        ({"path": CREATE}, {("get", CREATE), ("post", CREATE)}),
        ({"path": f"{CREATE}*", "method": "GET"}, {("get", CREATE), ("get", f"{CREATE}/{{task-id}}")}),
        ({"tag": "st*k"}, {("get", "/v1/resources")}),
        ({"operationId": "get_all_model-1_*"}, {("get", CREATE)}),
    ):
        made, reports = converted(vendor_like(3), entry)
        assert names(made) == expected
        assert f"{len(expected)} of its 10 operations" in reports[-1]
        assert f"{10 - len(expected)} and " in reports[-1]


def test_components_come_with_what_refers_to_them() -> None:
    """References through examples, headers, links and discriminators count; unused security schemes don't."""
    given = vendor_like(3)
    given["components"]["headers"] = {"Id": {"schema": {"$ref": "#/components/schemas/id"}}, "Other": {}}
    given["components"]["links"] = {"again": {"operationId": "get_all_model-1_tasks"}, "other": {}}
    given["components"]["schemas"]["id"] = {"type": "string"}
    answer = given["paths"][CREATE]["get"]["responses"]["200"]
    answer["headers"] = {"x-id": {"$ref": "#/components/headers/Id"}}
    answer["links"] = {"again": {"$ref": "#/components/links/again"}}
    made, reports = converted(given, {"path": CREATE})
    assert {section: set(named) for section, named in made["components"].items()} == {
        "schemas": {
            "task", "task_response", "tasks_response", "error", "error_400_problem", "model-1-request",
            "square", "circle", "id",
        },
        "examples": {"200-task", "200-tasks", "request-model-1"},
        "headers": {"Id"},
        "links": {"again"},
        "securitySchemes": {"apiKey"},
    }  # fmt: skip
    # A link to an operation that is not selected would lead nowhere.
    assert "links" not in made["paths"][CREATE]["post"]["responses"]["200"]
    assert any("1 links to operations left out" in report for report in reports)
    whole, _ = converted(given)
    assert whole["paths"][CREATE]["post"]["responses"]["200"]["links"]


def test_operations_get_ids_and_security_by_rule() -> None:
    """Missing ids are derived, taken ones get a number; the top-level security goes to each operation."""
    given = vendor_like(1)
    given["paths"]["/v1/resources"]["get"]["operationId"] = "get_all_model-0_tasks"
    made, reports = converted(given)
    assert made["paths"]["/v1/ai/model-0"]["post"]["operationId"] == "postV1AiModel0"
    assert made["paths"]["/v1/resources"]["get"]["operationId"] == "get_all_model-0_tasks_2"
    assert all(operation["security"] for item in made["paths"].values() for operation in item.values())
    assert any("get_all_model-0_tasks is taken" in report for report in reports)


def test_json_and_3_1_are_read_alike() -> None:
    """The same document as JSON with tabs and escapes, and in the words of 3.1, gives the same."""
    given = vendor_like(1)
    given["info"]["description"] = "a 🐈"
    expected, _ = converted(given)
    as_json = json.dumps(given, indent="\t").replace("/", "\\/").encode()
    assert convert_upstream({"a.json": as_json}, []) == expected
    newer = {**copy.deepcopy(given), "openapi": "3.1.0", "webhooks": {}}
    seed = {"type": ["integer", "null"], "minimum": 1}
    newer["components"]["schemas"]["model-0-request"]["properties"]["seed"] = seed
    reports: list[str] = []
    assert convert_upstream({"a.yaml": text(newer)}, reports) == expected
    assert "`webhooks` is left out" in reports[0]


def test_paths_that_are_references_are_written_out() -> None:
    """A path may refer to another path, or to 3.1's shared path items, in a document and in a page."""
    shared = {"get": {"responses": {"204": {"description": "Done"}}}}
    paths = {"/a": {"$ref": "#/components/pathItems/Shared"}, "/b": {"$ref": "#/paths/~1a"}}
    said: dict[str, Any] = {
        "openapi": "3.1.0",
        "paths": paths,
        "components": {"pathItems": {"Shared": shared}},
    }
    for made in (
        converted({"info": INFO, **said})[0],
        convert_upstream({"a.md": embedded("get /b", **said)}, []),
    ):
        assert names(made) == {("get", "/a"), ("get", "/b")}


@pytest.mark.parametrize("prefer", ["page", "document"])
def test_one_of_two_descriptions_of_an_operation_wins(prefer: str) -> None:
    """`prefer` says which wins; a note names both lines and what differs, and none if they agree."""
    page = embedded("get /v1/resources", {"responses": {"204": {"description": "Mine"}}})
    reports: list[str] = []
    files = {FILE: text(vendor_like(1)), "spec/upstream/p.md": page}
    made = convert_upstream(files, reports, selection=selection(prefer=prefer))
    assert ("204" in made["paths"]["/v1/resources"]["get"]["responses"]) is (prefer == "page")
    (note,) = [report for report in reports if "is taken from" in report]
    assert all(words in note for words in ("spec/upstream/p.md:", f"{FILE}:", "204"))
    assert names(made) == names(vendor_like(1))
    agreed = {"responses": {"204": {"description": "Done"}}}
    whole = {"openapi": "3.0.0", "info": INFO, "paths": {"/a": {"get": agreed}}}
    convert_upstream({"p.md": embedded("get /a", agreed), FILE: text(whole)}, reports := [])
    assert reports == []


@pytest.mark.parametrize(
    ("content", "said", "words"),
    [
        (b"swagger: '2.0'\n", None, rf"^{FILE}:1: .*no OpenAPI document"),
        (b"openapi: 3.2.0\ninfo: {}\npaths: {/a: {get: {}}}\n", None, "only 3.0 and 3.1"),
        (b"openapi: 3.0.0\n", None, "no `paths`"),
        (b"openapi: 3.0.0\npaths:\n  /a: {}\n  /a: {}\n", None, rf"^{FILE}:4: .*twice"),
        (b"openapi: 3.0.0\npaths:\n  /a: {$ref: b.yaml}\n", None, rf"^{FILE}:3: .*leads nowhere"),
        (b"openapi: 3.0.0\npaths:\n  /a: {$ref: '#/paths/~1a'}\n", None, rf"^{FILE}:3: .*leads nowhere"),
        (b"openapi: 3.0.0\npaths:\n  /a: {get: {}}\n  /b:\n    Post: {}\n", None, rf"^{FILE}:5: .*`Post`"),
        (b"openapi: 3.0.0\npaths:\n  /a: {get: 1}\n", None, rf"^{FILE}:3: .*expected a map"),
        (None, "operations: [{path: /v2/*}]", r"^spec/select.yaml:1: operations\[0\]: no operation"),
        (None, "operations: [{path: 5}]", "expected a pattern"),
        (None, "operations: [{paths: /a}]", "an entry has one or more of"),
        (None, "operations: []", "at least one entry"),
        (None, "prefer: mine", "`page` or `document`"),
        (None, "- /v1", "expected `operations`"),
    ],
)
def test_what_cannot_be_used_is_one_line_with_its_place(
    content: bytes | None, said: str | None, words: str
) -> None:
    """A document or selection that can't be used is an error with its file and line."""
    given = text(vendor_like(1)) if content is None else content
    with pytest.raises(SpecError, match=words) as caught:
        build({FILE: given}, selection=said and ("spec/select.yaml", said.encode()))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
