"""What the document says about deliveries: the names of their headers, and the answer that they expect."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from kling_elements.document import Document, load_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CALLBACK = "onKlingElementsTaskStatusChanged"


@frozen
class WebhookContract:
    """The document's words on a delivery.

    Attributes:
        id_header: The header with the delivery's id.
        timestamp_header: The header with the Unix seconds at which it was signed.
        signature_header: The header with the signatures.
        method: The HTTP method, in capitals.
        media_type: The body's media type.
        success: The status code that says "received".
    """

    id_header: str
    timestamp_header: str
    signature_header: str
    method: str
    media_type: str
    success: int


def read_contract(document: Document) -> WebhookContract:
    """Read the callback of a document.

    Raises:
        LookupError: If the document has no such callback, or one of its headers is missing.
    """
    method, operation = _callback(document)
    names = [
        str(parameter["name"]).lower()
        for parameter in map(document.resolve, operation.get("parameters", ()))
        if parameter.get("in") == "header"
    ]
    return WebhookContract(
        id_header=_header(names, "id"),
        timestamp_header=_header(names, "timestamp"),
        signature_header=_header(names, "signature"),
        method=method.upper(),
        media_type=next(iter(document.resolve(operation["requestBody"])["content"])),
        success=next(int(code) for code in operation["responses"] if str(code).startswith("2")),
    )


@cache
def webhook_contract() -> WebhookContract:
    """The callback of the document that this client was built from."""
    return read_contract(load_document())


def _header(names: list[str], role: str) -> str:
    for name in names:
        if name.rpartition("-")[2] == role:
            return name
    raise LookupError(f"the document's callback {CALLBACK!r} has no header for the {role}")


def _callback(document: Document) -> tuple[str, Mapping[str, Any]]:
    for method, operation in _callbacks(document):
        if operation.get("operationId") == CALLBACK:
            return method, operation
    raise LookupError(f"the document has no callback {CALLBACK!r}")


def _callbacks(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path_item in document.content["paths"].values():
        for operation in path_item.values():
            if isinstance(operation, dict):
                for callback in operation.get("callbacks", {}).values():
                    for item in document.resolve(callback).values():
                        yield from (
                            (method, called) for method, called in item.items() if isinstance(called, dict)
                        )
