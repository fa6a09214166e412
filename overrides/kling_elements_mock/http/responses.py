"""Build responses in the document's words: its examples, media types and problem details."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from kling_elements_mock.document import examples
from kling_elements_mock.document.validation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kling_elements_mock.document.node import Node
    from kling_elements_mock.document.openapi import Document, Operation
    from kling_elements_mock.document.validation import Schemas

_JSON: Final = "application/json"


class Refused(Exception):  # noqa: N818 - not an error: the response is what the client gets
    """The request ends here, with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def text_response(
    status: int, text: str, media_type: str = "text/plain; charset=utf-8", **headers: str
) -> Response:
    """Return a response with exactly this content type: Starlette would add a charset."""
    return Response(text, status, {"content-type": media_type, **headers})


def value_response(status: int, value: Any, media_type: str) -> Response:
    """Return a response with a value: text as it is, anything else as JSON."""
    if isinstance(value, str) and not _is_json(media_type):
        return text_response(status, value, media_type)
    return JSONResponse(value, status, media_type=media_type)


class Responses:
    """The responses of one document."""

    def __init__(self, document: Document, schemas: Schemas) -> None:
        self._document = document
        self._schemas = schemas
        self.required_headers = cache(_required_headers)

    def documented(self, operation: Operation | None, status: int, accept: str, hint: str = "") -> Response:
        """Return the documented response of a status.

        `hint` is a word in the name or text of the right example, e.g. `missing` or `quota`.
        """
        response = self._response(operation, status)
        if response is None:
            return JSONResponse({"message": _phrase(status)}, status)
        content = response.children("content")
        if not content:
            return Response(status_code=status)
        media_type = _choose(accept, list(content))
        node = content[media_type]
        chosen = next(_with_hint(node, hint), None)
        return value_response(status, examples.of_media_type(node) if chosen is None else chosen, media_type)

    def has_example(self, operation: Operation | None, status: int, hint: str) -> bool:
        """Return whether `hint` chooses an example of a status, in any media type."""
        response = self._response(operation, status)
        content = {} if response is None else response.children("content")
        return any(True for node in content.values() for _ in _with_hint(node, hint))

    def refusal(  # noqa: PLR0913, PLR0917 - an error has this many sides
        self,
        operation: Operation | None,
        status: int,
        accept: str,
        message: str,
        violations: Sequence[Violation] = (),
        hint: str = "",
    ) -> Response:
        """Return a documented error that names what is wrong with this request.

        With violations, the message is the document's own where it has one with `hint` in it.
        """
        response = self._response(operation, status)
        offered = {} if response is None else response.children("content")
        content = {name: node for name, node in offered.items() if _is_json(name)}
        media_type = _choose(accept, list(content))
        plain = message
        if violations:
            message = _documented_message(content, hint) or message
            details = "; ".join(f"{violation.name} {violation.reason}" for violation in violations)
            plain = f"{message.rstrip('.')}: {details}"
        node = content.get(media_type)
        schema = None if node is None else node.get("schema")
        shapes = [
            *_problems(message, plain, violations),
            *_problems(message, plain, [Violation("body", message)]),
        ]
        for value in shapes:
            if schema is None or (_declares(schema, value) and not self._schemas.violations(schema, value)):
                return JSONResponse(value, status, media_type=media_type)
        return JSONResponse({"message": plain}, status, media_type=media_type)

    def _response(self, operation: Operation | None, status: int) -> Node | None:
        candidates = self._document.operations if operation is None else (operation,)
        documented = [op for op in candidates if op is operation or op.documents(status)]
        return documented[0].response(status) if documented else None


def example(operation: Operation, accept: str) -> Response:
    """Return the documented success: its example, or a value made from its schema."""
    status, response = operation.success
    offered = {} if response is None else response.children("content")
    if not offered:
        return Response(status_code=status)
    media_type = _choose(accept, list(offered))
    return value_response(status, examples.of_media_type(offered[media_type]), media_type)


def _required_headers(operation: Operation | None, status: int) -> tuple[tuple[str, str], ...]:
    """Return the headers without which a response is not as documented, with an example of each."""
    response = None if operation is None else operation.response(status)
    nodes = {} if response is None else response.children("headers")
    return tuple(
        (name, _header_text(examples.of_media_type(node)))
        for name, node in nodes.items()
        if node.value.get("required") and name.lower() != "content-type"  # OpenAPI says to ignore that one
    )


def _header_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_header_text, value))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if text.isascii() and text.isprintable() else quote(text)


def _with_hint(media_type: Node, hint: str) -> Iterator[Any]:
    named = examples.named(media_type)
    return (value for name, value in named.items() if hint in f"{name} {value}".lower())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Error {status}"


def _is_json(media_type: str) -> bool:
    return media_type == _JSON or media_type.endswith("+json")


def _documented_message(content: Mapping[str, Node], hint: str) -> str | None:
    """Return the message of a documented example that names invalid parameters."""
    for node in content.values():
        for value in examples.named(node).values():
            problem = value.get("problem", value) if isinstance(value, dict) else {}
            if problem.get("invalid_params") and hint in (message := str(problem.get("message", ""))).lower():
                return message or None
    return None


def _problems(message: str, plain: str, violations: Sequence[Violation]) -> Iterator[dict[str, Any]]:
    """Yield the shapes in which this kind of API names invalid parameters, the most detailed first."""
    for key in ("name", "field") if violations else ():
        named = [{key: violation.name, "reason": violation.reason} for violation in violations]
        yield {"message": plain, "invalid_params": named}
        yield {"problem": {"message": message, "invalid_params": named}}
    yield {"message": plain}


def _declares(schema: Node, value: Any) -> bool:
    """Return whether a schema names every property of `value`, in one of its branches."""
    if isinstance(value, list):
        items = [items for branch in schema.branches if (items := branch.get("items")) is not None]
        return all(any(_declares(item, element) for item in items) for element in value)
    if not isinstance(value, dict):
        return True
    properties = [branch.children("properties") for branch in schema.branches]
    return all(
        any(_declares(nodes[name], child) for nodes in properties if name in nodes)
        for name, child in value.items()
    )


def _quality(accept: str, media_type: str) -> float:
    """Return the weight of a media type by the most specific range (RFC 9110); no header accepts all."""
    if not accept.strip():
        return 1.0
    kind = media_type.split("/", 1)[0]
    best, wanted = -1, 0.0
    for part in accept.split(","):
        name, *options = (piece.strip().lower() for piece in part.split(";"))
        level = {media_type: 2, f"{kind}/*": 1, "*/*": 0}.get(name, -1)
        if level > best:
            best, wanted = level, _weight(options)
    return wanted


def _weight(options: Sequence[str]) -> float:
    for option in options:
        if option.startswith("q="):
            try:
                weight = float(option[2:])
            except ValueError:
                return 1.0
            return weight if 0 <= weight <= 1 else 1.0
    return 1.0


def _choose(accept: str, offered: Sequence[str]) -> str:
    """Choose the media type of most weight; among equals, and if none is accepted, plain JSON."""
    order = sorted(offered, key=lambda name: name != _JSON)
    return max(order, key=lambda name: _quality(accept, name), default=_JSON)
