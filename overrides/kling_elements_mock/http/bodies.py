"""Reads and validates request bodies, or says why they are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kling_elements_mock.document import strict_json, validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements_mock.document.node import Node
    from kling_elements_mock.document.openapi import Operation
    from kling_elements_mock.http.requests import Incoming
    from kling_elements_mock.http.responses import Answer
    from kling_elements_mock.mock import Mock

_FORM = "application/x-www-form-urlencoded"
_UTF8 = frozenset({"utf-8", "utf8"})


@dataclass(frozen=True, slots=True)
class Body:
    """A body that fits the document; the value is None if it is neither JSON nor a form."""

    value: Any


class _RefusedError(Exception):
    def __init__(
        self, message: str, violations: Sequence[validation.Violation] = (), status: int = 400
    ) -> None:
        super().__init__(message)
        self.violations = violations
        self.status = status


def read(mock: Mock, operation: Operation, incoming: Incoming) -> Body | Answer:
    """Read a request's body for an operation: a `Body`, or the documented refusal."""
    try:
        return Body(None if operation.body is None else _value(mock, operation.body, incoming))
    except _RefusedError as error:
        # What has a status of its own in HTTP gets it only where the document has it too.
        status = error.status if operation.documents(error.status) else 400
        return mock.answers.refusal(operation, status, incoming.accept, str(error), error.violations)


def _value(mock: Mock, body: Node, incoming: Incoming) -> Any:
    if incoming.body is None:
        raise _RefusedError(f"The body is larger than {mock.settings.max_body_bytes} bytes", status=413)
    if not incoming.body:
        if body.value.get("required"):
            raise _RefusedError("The body is missing")
        return None
    media, name = _media(body, incoming.headers.get("content-type", ""))
    schema = media.get("schema")
    try:
        if name == "application/json" or name.endswith("+json"):
            value = strict_json.parse(incoming.body)
        elif name == _FORM:
            value = validation.typed_form(schema, incoming.body.decode("utf-8"))
        else:
            return None
    except ValueError as error:
        raise _RefusedError(str(error)) from None
    violations = () if schema is None else mock.schemas.violations(schema, value)
    if violations:
        raise _RefusedError("The request's parameters are not valid", violations)
    return value


def _media(body: Node, header: str) -> tuple[Node, str]:
    """Find what the document says about a content type, which is also given in its plain form."""
    first, *options = (piece.strip() for piece in header.split(";"))
    name, charset = first.lower(), "utf-8"
    for option in options:
        key, _, value = option.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    content = body.get("content")
    offered = {} if content is None else {key.lower(): node for key, node in content.items()}
    ranges = (name, f"{name.split('/', 1)[0]}/*", "*/*")
    media = next((offered[wanted] for wanted in ranges if wanted in offered), None)
    if media is None or charset not in _UTF8:
        given = f"{name[:80]!r}" + ("" if charset in _UTF8 else f" in {charset[:40]!r}")
        supported = ", ".join(offered) or "none"
        raise _RefusedError(f"The content type {given} is not supported. Supported: {supported}", status=415)
    return media, name
