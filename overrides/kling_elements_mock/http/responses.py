"""Builds answers in the document's words: its examples, its media types, its shapes of problem details."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kling_elements_mock.document import examples
from kling_elements_mock.document.validation import Violation
from kling_elements_mock.http import negotiation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kling_elements_mock.document.node import Node
    from kling_elements_mock.document.openapi import Document, Operation
    from kling_elements_mock.document.validation import Schemas


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, before it is sent.

    Attributes:
        status: The status code.
        body: The bytes.
        media_type: The content type; None for no body.
        headers: More headers, in order.
        close_after: Send only so many bytes of the body, then close the connection.
    """

    status: int
    body: bytes = b""
    media_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    close_after: int | None = None

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - what 2xx means

    def adding(self, *headers: tuple[str, str]) -> Answer:
        """Give the same answer with more headers."""
        return replace(self, headers=self.headers + headers)


def json_answer(status: int, value: Any, media_type: str = negotiation.JSON) -> Answer:
    """Build an answer that carries a JSON value."""
    return Answer(status, json.dumps(value, allow_nan=False).encode(), media_type)


def text_answer(status: int, text: str, media_type: str = "text/plain; charset=utf-8") -> Answer:
    """Build an answer that carries text."""
    return Answer(status, text.encode(), media_type)


class Answers:
    """The document's answers.

    Args:
        document: Where they are documented.
        schemas: Its schemas, to choose among the documented shapes.
    """

    def __init__(self, document: Document, schemas: Schemas) -> None:
        self._document = document
        self._schemas = schemas

    def documented(self, operation: Operation | None, status: int, accept: str, hint: str = "") -> Answer:
        """Build the documented answer of a status from its examples.

        Args:
            operation: What was called; None for a path that the document does not know.
            status: The status code.
            accept: The request's `Accept`.
            hint: A word that the right example has in its name or text, e.g. `missing` or `quota`.
        """
        content = self._content(operation, status)
        if not content:
            return json_answer(status, {"message": _phrase(status)})
        media_type = negotiation.choose(accept, list(content))
        node = content[media_type]
        named = examples.named(node)
        chosen = next((value for name, value in named.items() if hint in f"{name} {value}".lower()), None)
        if chosen is None:
            chosen = examples.of_media_type(node)
        if isinstance(chosen, str) and not _is_json(media_type):
            return text_answer(status, chosen, media_type)
        return json_answer(status, chosen, media_type)

    def refusal(  # noqa: PLR0913, PLR0917 - an error has this many sides
        self,
        operation: Operation | None,
        status: int,
        accept: str,
        message: str,
        violations: Sequence[Violation] = (),
        hint: str = "",
    ) -> Answer:
        """Build a documented error that says what was wrong with this request.

        Args:
            operation: What was called; None for a path that the document does not know.
            status: The status code.
            accept: The request's `Accept`.
            message: What was wrong. With violations, the document's own sentence is put in its place, if any.
            violations: The parameters at fault; they are put in the documented shape.
            hint: A word that the right documented sentence has in it.
        """
        content = {name: node for name, node in self._content(operation, status).items() if _is_json(name)}
        media_type = negotiation.choose(accept, list(content))
        if violations:
            message = _documented_sentence(content, hint) or message
            details = "; ".join(f"{violation.name} {violation.reason}" for violation in violations)
            plain = f"{message.rstrip('.')}: {details}"
        else:
            plain = message
        node = content.get(media_type)
        schema = None if node is None else node.get("schema")
        shapes = [
            *_problems(message, plain, violations),
            *_problems(message, plain, [Violation("body", message)]),
        ]
        for value in shapes:
            if schema is None or (_declares(schema, value) and not self._schemas.violations(schema, value)):
                return json_answer(status, value, media_type)
        return json_answer(status, {"message": plain}, media_type)

    def _content(self, operation: Operation | None, status: int) -> dict[str, Node]:
        known = (
            [operation]
            if operation is not None
            else [op for op in self._document.operations if op.documents(status)]
        )
        response = known[0].response(status) if known else None
        content = None if response is None else response.get("content")
        return {} if content is None else dict(content.items())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Error {status}"


def _is_json(media_type: str) -> bool:
    return media_type == negotiation.JSON or media_type.endswith("+json")


def _documented_sentence(content: Mapping[str, Node], hint: str) -> str | None:
    """Find the message of a documented example that names parameters at fault."""
    for node in content.values():
        for value in examples.named(node).values():
            problem = value.get("problem", value) if isinstance(value, dict) else {}
            if problem.get("invalid_params") and hint in (message := str(problem.get("message", ""))).lower():
                return message or None
    return None


def _problems(message: str, plain: str, violations: Sequence[Violation]) -> Iterator[dict[str, Any]]:
    """Give the shapes in which this kind of API names parameters at fault, the richest first."""
    for key in ("name", "field") if violations else ():
        named = [{key: violation.name, "reason": violation.reason} for violation in violations]
        yield {"message": plain, "invalid_params": named}
        yield {"problem": {"message": message, "invalid_params": named}}
    yield {"message": plain}


def _declares(schema: Node, value: Any) -> bool:
    """Tell whether a schema names every property that `value` has, in one of its branches."""
    if isinstance(value, list):
        items = [items for branch in _branches(schema) if (items := branch.get("items")) is not None]
        return all(any(_declares(item, element) for item in items) for element in value)
    if not isinstance(value, dict):
        return True
    for name, child in value.items():
        nodes = [
            node
            for branch in _branches(schema)
            if (properties := branch.get("properties")) is not None
            and (node := properties.get(name)) is not None
        ]
        if not any(_declares(node, child) for node in nodes):
            return False
    return True


def _branches(schema: Node) -> Iterator[Node]:
    yield schema
    for key in ("allOf", "anyOf", "oneOf"):
        for branch in schema.children(key):
            yield from _branches(branch)
