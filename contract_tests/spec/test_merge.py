"""Several pages in one document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from spec.tools.build import convert_upstream
from spec.tools.check import check
from spec.tools.errors import SpecError
from spec.tools.merge import Home

if TYPE_CHECKING:
    from collections.abc import Callable

REF = "#/components/schemas/"


def answer(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REF + name}}}
    return {"responses": {"200": {"description": "OK", "content": content}}}


def schemas(**named: Any) -> dict[str, Any]:
    return {"components": {"schemas": named}}


def test_components_that_differ_are_told_apart_with_all_that_refer_to_them(
    embedded: Callable[..., bytes],
) -> None:
    """A component that differs, and each that leads to it, get a number; references follow them."""
    leaf, other = {"type": "string"}, {"type": "integer"}
    outer = {
        "oneOf": [{"$ref": REF + "Leaf"}, {"$ref": REF + "Same"}],
        "discriminator": {"propertyName": "k", "mapping": {"a": REF + "Leaf", "b": "Leaf"}},
    }
    reports: list[str] = []
    one = embedded("get /a", answer("Outer"), **schemas(Leaf=leaf, Outer=outer, Same={}))
    two = embedded("get /b", answer("Outer"), **schemas(Leaf=other, Outer=outer, Same={}))
    three = embedded("get /c", answer("Outer"), **schemas(Outer=outer, Same={}, Leaf=other))
    made = convert_upstream({"a.md": one, "b.md": two, "c.md": three}, reports)
    found = made["components"]["schemas"]
    assert sorted(found) == ["Leaf", "Leaf_2", "Outer", "Outer_2", "Same"]
    assert found["Outer"] == outer
    assert found["Outer_2"]["oneOf"] == [{"$ref": REF + "Leaf_2"}, {"$ref": REF + "Same"}]
    assert found["Outer_2"]["discriminator"]["mapping"] == {"a": REF + "Leaf_2", "b": "Leaf_2"}
    for path in ("/b", "/c"):
        content = made["paths"][path]["get"]["responses"]["200"]["content"]
        assert content["application/json"]["schema"] == {"$ref": REF + "Outer_2"}
    assert len(reports) == 4  # two names, in two pages
    assert re.match(r"b\.md:\d+: schemas\.Leaf", reports[0])
    check(made)


@pytest.mark.parametrize(
    "first",
    [
        {"key": {"type": "apiKey", "in": "header", "name": "X-Key", "description": "Another text."}},
        {"key": {"type": "apiKey", "in": "header", "name": "x-other"}},
        {
            "key": {"type": "http", "scheme": "bearer"},
            "mine": {"type": "apiKey", "in": "header", "name": "x-key"},
        },
    ],
)
def test_the_key_keeps_its_name_whichever_file_comes_first(
    embedded: Callable[..., bytes], first: Any
) -> None:
    """A page that sorts first takes neither the name of the home's key, nor its host from its operations."""

    def page(path: str, schemes: Any, said: str) -> bytes:
        servers = [{"url": "https://a.example", "description": said}]
        return embedded(
            f"get {path}", servers=servers, security=[{"key": []}], components={"securitySchemes": schemes}
        )

    ours = {"key": {"type": "apiKey", "in": "header", "name": "x-key"}}
    made = convert_upstream(
        {"a.md": page("/a", first, "One"), "b.md": page("/b", ours, "Two")},
        [],
        home=Home("https://a.example", "x-key"),
    )
    operation = made["paths"]["/b"]["get"]
    assert operation["security"] == [{"key": []}]
    assert made["components"]["securitySchemes"]["key"]["name"].lower() == "x-key"
    assert "servers" not in operation


def test_security_schemes_that_differ_are_told_apart(embedded: Callable[..., bytes]) -> None:
    """A key header of another name is another scheme, and its operations name it."""

    def page(path: str, header: str) -> bytes:
        scheme = {"type": "apiKey", "in": "header", "name": header}
        return embedded(
            f"get {path}", security=[{"key": []}], components={"securitySchemes": {"key": scheme}}
        )

    made = convert_upstream({"a.md": page("/a", "x-old"), "b.md": page("/b", "x-new")}, [])
    assert made["components"]["securitySchemes"]["key_2"]["name"] == "x-new"
    assert made["paths"]["/b"]["get"]["security"] == [{"key_2": []}]


def test_methods_of_one_path_are_joined(
    embedded: Callable[..., bytes], converted: Callable[..., Any]
) -> None:
    """GET of one page and POST of another share a path; what held for one's path holds for its method."""
    name = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    ok = {"responses": {"200": {"description": "OK"}}}
    one = embedded("get /a/{id}", paths={"/a/{id}": {"parameters": [name], "get": ok}})
    two = embedded(
        "post /a/{id}", paths={"/a/{id}": {"post": {**ok, "parameters": [{**name, "description": "d"}]}}}
    )
    item = converted(one, two)["paths"]["/a/{id}"]
    assert list(item) == ["get", "post"]
    assert item["get"]["parameters"] == [name]
    assert item["post"]["parameters"] == [{**name, "description": "d"}]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (("get /a", {"summary": "x"}), ("get /a", {"summary": "y"}), "described differently"),
        (("get /a", {"operationId": "x"}), ("get /b", {"operationId": "x"}), "operation id x is taken"),
        (("get /a/{id}", {}), ("get /a/{name}", {}), "one path"),
    ],
)
def test_contradictions_are_errors_that_name_both_pages(
    embedded: Callable[..., bytes], first: tuple[str, Any], second: tuple[str, Any], words: str
) -> None:
    """Two pages that can't both be right are an error at the second one."""
    with pytest.raises(SpecError, match=words) as caught:
        convert_upstream({"a.md": embedded(*first), "b.md": embedded(*second)}, [])
    assert str(caught.value).startswith("b.md:4: ")


ONE, TWO = [{"url": "https://one.example.com"}], [{"url": "https://two.example.com"}]


def page_of(embedded: Callable[..., bytes], path: str, servers: list[dict[str, str]], header: str) -> bytes:
    scheme = {"type": "apiKey", "in": "header", "name": header}
    components = {"securitySchemes": {"key": scheme}}
    return embedded(f"get {path}", servers=servers, security=[{"key": []}], components=components)


@pytest.mark.parametrize(
    "names", [("a.md", "b.md", "c.md"), ("c.md", "b.md", "a.md"), ("b.md", "c.md", "a.md")]
)
def test_no_file_name_decides_about_the_server_or_the_key(
    embedded: Callable[..., bytes], names: tuple[str, ...]
) -> None:
    """The named server and key header are the document's; a page of another host keeps its own."""
    pages = {
        names[0]: page_of(embedded, "/a", ONE, "x-one"),
        names[1]: page_of(embedded, "/b", TWO, "x-two"),
        names[2]: page_of(embedded, "/c", ONE, "x-other"),
    }
    made = convert_upstream(dict(sorted(pages.items())), [], home=Home(ONE[0]["url"], "X-One"))
    assert made["servers"] == ONE
    assert made["components"]["securitySchemes"]["key"]["name"] == "x-one"
    assert made["paths"]["/a"]["get"]["security"] == [{"key": []}]
    assert made["paths"]["/b"]["get"]["servers"] == TWO
    assert "servers" not in made["paths"]["/c"]["get"]


@pytest.mark.parametrize(
    ("home", "words"),
    [
        (Home(), "x-default-server"),
        (Home("https://three.example.com"), "three"),
        (Home(ONE[0]["url"], "x-three"), "x-three"),
    ],
)
def test_a_service_that_is_not_named_or_not_there_is_refused(
    embedded: Callable[..., bytes], home: Home, words: str
) -> None:
    """Of several hosts one must be named, and a page must be of it and have its key."""
    pages = {"a.md": page_of(embedded, "/a", ONE, "x-one"), "b.md": page_of(embedded, "/b", TWO, "x-two")}
    with pytest.raises(SpecError, match=words):
        convert_upstream(pages, [], home=home)


def test_pages_of_both_formats_merge(
    fixture_page: Callable[[str], bytes], converted: Callable[..., dict[str, Any]]
) -> None:
    """A folder with both formats gives one valid document that has every operation."""
    made = converted(fixture_page("library-update-book.md"), fixture_page("library-loans.md"))
    check(made)
    assert {
        (path, method)
        for path, item in made["paths"].items()
        for method in item
        if method in ("get", "post", "patch")
    } == {
        ("/v2/shelves/{shelf-id}/books/{book_id}", "patch"),
        ("/v2/loans/{reader}", "post"),
        ("/v2/books/{book}/reader", "get"),
    }
    assert made["info"]["title"] == "Library"
