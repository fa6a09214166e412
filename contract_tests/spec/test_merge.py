"""Several pages in one document."""

import re
from itertools import permutations
from typing import Any

import pytest

from contract_tests.spec.pages import FIXTURES, REF, converted, embedded
from spec.tools.build import convert_upstream
from spec.tools.check import check
from spec.tools.errors import SpecError
from spec.tools.merge import Home

OK = {"responses": {"200": {"description": "OK"}}}


def test_components_that_differ_are_told_apart_with_all_that_refer_to_them() -> None:
    """A component that differs, and each that leads to it, get a number; references follow them."""
    content = {"application/json": {"schema": {"$ref": REF + "Outer"}}}
    answer = {"responses": {"200": {"description": "OK", "content": content}}}
    outer = {
        "oneOf": [{"$ref": REF + "Leaf"}, {"$ref": REF + "Same"}],
        "discriminator": {"propertyName": "k", "mapping": {"a": REF + "Leaf", "b": "Leaf"}},
    }
    pages = {}
    for name, kind in (("a", "string"), ("b", "integer"), ("c", "integer")):
        schemas = {"Leaf": {"type": kind}, "Outer": outer, "Same": {}}
        pages[f"{name}.md"] = embedded(f"get /{name}", answer, components={"schemas": schemas})
    reports: list[str] = []
    made = convert_upstream(pages, reports)
    found = made["components"]["schemas"]
    assert sorted(found) == ["Leaf", "Leaf_2", "Outer", "Outer_2", "Same"]
    assert found["Outer"]["oneOf"] == outer["oneOf"]
    assert found["Outer_2"]["oneOf"] == [{"$ref": REF + "Leaf_2"}, {"$ref": REF + "Same"}]
    assert found["Outer_2"]["discriminator"]["mapping"] == {"a": REF + "Leaf_2", "b": REF + "Leaf_2"}
    for path in ("/b", "/c"):
        shown = made["paths"][path]["get"]["responses"]["200"]["content"]
        assert shown["application/json"]["schema"] == {"$ref": REF + "Outer_2"}
    assert len(reports) == 4  # two names, in two pages
    assert re.match(r"b\.md:\d+: schemas\.Leaf", reports[0])
    check(made)


def test_methods_of_one_path_are_joined() -> None:
    """GET of one page and POST of another share a path; what held for one's path holds for its method."""
    name = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    mine = {**name, "description": "d"}
    one = embedded("get /a/{id}", paths={"/a/{id}": {"parameters": [name], "get": OK}})
    two = embedded("post /a/{id}", paths={"/a/{id}": {"post": {**OK, "parameters": [mine]}}})
    item = converted(one, two)["paths"]["/a/{id}"]
    assert {method: item[method]["parameters"] for method in item} == {"get": [name], "post": [mine]}


def test_contradictions_are_errors_that_name_both_pages() -> None:
    """Two pages that can't both be right are an error at the second one."""
    for first, second, words in (
        (("get /a", {"summary": "x"}), ("get /a", {"summary": "y"}), "described differently"),
        (("get /a", {"operationId": "x"}), ("get /b", {"operationId": "x"}), "operation id x is taken"),
        (("get /a/{id}", {}), ("get /a/{name}", {}), "one path"),
    ):
        with pytest.raises(SpecError, match=words) as caught:
            convert_upstream({"a.md": embedded(*first), "b.md": embedded(*second)}, [])
        assert str(caught.value).startswith("b.md:4: ")


ONE, TWO = ([{"url": f"https://{name}.example", "description": name}] for name in ("one", "two"))
KEY = {"type": "apiKey", "in": "header"}
MINE = {**KEY, "name": "x-one"}


def page_of(path: str, servers: Any, **schemes: Any) -> bytes:
    components = {"securitySchemes": schemes}
    return embedded(f"get {path}", servers=servers, security=[{"key": []}], components=components)


@pytest.mark.parametrize(
    "other",
    [
        {"key": {**KEY, "name": "x-other"}},
        {"key": {**KEY, "name": "X-One", "description": "Another text."}},
        {"key": {"type": "http", "scheme": "bearer"}, "mine": MINE},
    ],
    ids=str,
)
def test_no_file_name_decides_about_the_server_or_the_key(other: Any) -> None:
    """The named server and key header are the document's, by their names; other pages keep their own."""
    here = [{**ONE[0], "description": "Another text."}]
    given = (
        page_of("/a", ONE, key=MINE),
        page_of("/b", TWO, key={**KEY, "name": "x-two"}),
        page_of("/c", here, **other),
    )
    for order in permutations(given):
        pages = {f"{number}.md": page for number, page in enumerate(order)}
        made = convert_upstream(pages, [], home=Home(ONE[0]["url"], "X-One"))
        schemes = made["components"]["securitySchemes"]
        used = {path: schemes[next(iter(item["get"]["security"][0]))] for path, item in made["paths"].items()}
        assert made["servers"][0]["url"] == ONE[0]["url"]
        assert made["paths"]["/a"]["get"]["security"] == [{"key": []}]
        assert used["/a"]["name"].lower() == "x-one"
        assert used["/b"]["name"] == "x-two"
        assert used["/c"].get("name", "").lower() == other["key"].get("name", "").lower()
        assert made["paths"]["/b"]["get"]["servers"] == TWO
        assert not any("servers" in made["paths"][path]["get"] for path in ("/a", "/c"))


def test_a_service_that_is_not_named_or_not_there_is_refused() -> None:
    """Of several hosts one must be named, and a page must be of it and have its key."""
    pages = {"a.md": page_of("/a", ONE, key=MINE), "b.md": page_of("/b", TWO, key=MINE)}
    for home, words in (
        (Home(), "x-default-server"),
        (Home("https://three.example"), "three"),
        (Home(ONE[0]["url"], "x-three"), "x-three"),
    ):
        with pytest.raises(SpecError, match=words):
            convert_upstream(pages, [], home=home)


def test_pages_of_both_formats_merge() -> None:
    """A folder with both formats gives one valid document that has every operation."""
    made = converted(*[(FIXTURES / f"library-{name}.md").read_bytes() for name in ("update-book", "loans")])
    check(made)
    methods = {"get", "post", "patch"}
    assert {path: methods & set(item) for path, item in made["paths"].items()} == {
        "/v2/shelves/{shelf-id}/books/{book_id}": {"patch"},
        "/v2/loans/{reader}": {"post"},
        "/v2/books/{book}/reader": {"get"},
    }
    assert made["info"]["title"] == "Library"
