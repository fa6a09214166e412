"""What the client reads out of an OpenAPI document, whatever the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.support.contract import document
from kling_elements.document import Document, Server, load_document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = {
    "servers": [
        {"url": "https://new.example", "x-api-key-scheme": "new"},
        {"url": "https://old.example/base", "x-api-key-scheme": "old"},
    ],
    "paths": {
        "/a": {"summary": "x", "parameters": [], "get": {"operationId": "one"}},
        "/b/{id}": {
            "get": {
                "operationId": "two",
                "parameters": [{"name": "n"}, {"$ref": "#/components/parameters/a~1b~0c~01"}],
            }
        },
    },
    "components": {
        "securitySchemes": {"old": {"name": "x-old"}, "new": {"name": "x-new"}},
        "parameters": {"a/b~c~1": {"$ref": "#/components/parameters/id"}, "id": {"name": "id", "in": "path"}},
    },
}
DOCUMENT = Document(CONTENT)


def test_what_is_found() -> None:
    """Servers with their headers, operations by id and by place, parameters through references."""
    assert DOCUMENT.servers == (
        Server("https://new.example", "x-new"),
        Server("https://old.example/base", "x-old"),
    )
    for url, header in (
        ("https://OLD.example:8443/x", "x-old"),
        ("https://new.example", "x-new"),
        ("https://proxy.example", "x-new"),
    ):
        assert DOCUMENT.key_header(url) == header
    assert DOCUMENT.operation("one") == {"operationId": "one"}
    assert DOCUMENT.endpoint("one") == ("GET", "/a")
    assert DOCUMENT.parameter("two", "n") == {"name": "n"}
    assert DOCUMENT.parameter("two", "id") == {"name": "id", "in": "path"}


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (lambda: DOCUMENT.operation("three"), "'three'"),
        (lambda: DOCUMENT.parameter("one", "n"), "'n'"),
        (lambda: DOCUMENT.parameter("two", "x"), "'x'"),
        (lambda: DOCUMENT.parameter("three", "n"), "'three'"),
    ],
)
def test_what_is_not_there(ask: Callable[[], object], name: str) -> None:
    """A lookup that finds nothing names what is missing."""
    with pytest.raises(LookupError, match=name):
        ask()


def test_the_clients_own_document() -> None:
    """It is the one that this repository publishes, read once."""
    assert load_document().content == document()
    assert load_document() is load_document()


def test_the_copy_beside_the_code_is_read_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed package reads its own copy, whatever lies where a checkout has the document."""
    code = tmp_path / "site" / "kling_elements" / "document.py"
    in_checkout = tmp_path / "spec" / "openapi.json"
    for folder in (code.parent, in_checkout.parent):
        folder.mkdir(parents=True)
    in_checkout.write_text('{"paths": {"/checkout": {}}}')
    monkeypatch.setattr("kling_elements.document.__file__", str(code))
    assert load_document.__wrapped__() == Document({"paths": {"/checkout": {}}})
    code.with_name("openapi.json").write_text('{"paths": {"/shipped": {}}}')
    assert load_document.__wrapped__() == Document({"paths": {"/shipped": {}}})
