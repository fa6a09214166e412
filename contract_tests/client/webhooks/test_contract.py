"""What is read out of a document's callback, and the names that the package gives."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from kling_elements import webhooks
from kling_elements.document import Document
from kling_elements.webhooks.contract import CALLBACK, WebhookContract, read_contract


def described(**changed: Any) -> Document:
    """A document with one callback, after operations and callbacks that are others."""
    operation = {
        "operationId": CALLBACK,
        "parameters": [
            {"in": "query", "name": "x-hook-id"},
            {"$ref": "#/components/parameters/signature"},
            {"in": "header", "name": "X-Hook-Id"},
            {"in": "header", "name": "X-Hook-Timestamp"},
        ],
        "requestBody": {"content": {"application/x-hook": {}, "application/json": {}}},
        "responses": {"404": {}, "202": {}, "200": {}},
        **changed,
    }
    callbacks = {
        "other": {"{$url}": {"summary": "x", "put": {"operationId": "another"}, "post": {}}},
        "ours": {"$ref": "#/components/callbacks/ours"},
    }
    return Document(
        {
            "paths": {
                "/plain": {"parameters": [], "get": {"operationId": "plain"}},
                "/called": {"summary": "x", "post": {"callbacks": callbacks}},
            },
            "components": {
                "parameters": {"signature": {"in": "header", "name": "X-Hook-Signature"}},
                "callbacks": {"ours": {"{$url}": {"put": operation}}},
            },
        }
    )


def test_a_callback_whole() -> None:
    """It is found wherever it stands, by its id; its headers by their last word, in small letters."""
    assert read_contract(described()) == WebhookContract(
        "x-hook-id", "x-hook-timestamp", "x-hook-signature", "PUT", "application/x-hook", 202
    )


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (described(operationId="other"), f"the document has no callback '{CALLBACK}'"),
        (described(parameters=[]), f"the document's callback '{CALLBACK}' has no header for the id"),
        (
            described(parameters=[{"in": "header", "name": "x-id"}]),
            f"the document's callback '{CALLBACK}' has no header for the timestamp",
        ),
    ],
    ids=["no callback", "no headers", "one header"],
)
def test_what_a_document_lacks(document: Document, fault: str) -> None:
    """A document without the callback, or without one of its headers, is told as what it is."""
    with pytest.raises(LookupError) as caught:
        read_contract(document)
    assert caught.value.args == (fault,)


def test_a_callback_without_parameters() -> None:
    """It lacks its headers, and that is told."""
    document = described()
    del document.content["components"]["callbacks"]["ours"]["{$url}"]["put"]["parameters"]
    with pytest.raises(LookupError, match="has no header for the id"):
        read_contract(document)


def test_the_names_of_the_package() -> None:
    """Each is what its module calls so, `dir` lists them, and no other is there."""
    assert dir(webhooks) == sorted(webhooks.__all__) == sorted(webhooks._HOME_OF)
    for name, home in webhooks._HOME_OF.items():
        assert getattr(webhooks, name) is getattr(import_module(home), name)
    with pytest.raises(
        AttributeError, match=r"^module 'kling_elements\.webhooks' has no attribute 'nothing'$"
    ):
        getattr(webhooks, "nothing")  # noqa: B009 - the type checkers know that it is not there
