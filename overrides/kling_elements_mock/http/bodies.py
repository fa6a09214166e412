"""Read and validate the body of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_elements_mock.document import strict_json, validation

if TYPE_CHECKING:
    from kling_elements_mock.document.node import Node
    from kling_elements_mock.http.admission import Call
    from kling_elements_mock.http.responses import Refused

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_UTF8 = frozenset({"utf-8", "utf8"})


def read(call: Call) -> Any:
    """Return the body's value, or raise Refused; None if it is neither JSON nor a form."""
    body, content = call.operation.body, call.request.content
    if body is None:
        return None
    if content is None:
        raise _refused(call, f"The body is larger than {call.mock.settings.max_body_bytes} bytes", 413)
    if not content:
        if body.value.get("required"):
            raise _refused(call, "The body is missing")
        return None
    media, name = _media(call, body)
    schema = media.get("schema")
    try:
        if name == "application/json" or name.endswith("+json"):
            value = strict_json.parse(content)
        elif name == _FORM:
            value = validation.typed_form(schema, validation.form(content))
        elif name == _MULTIPART:
            content_type = call.request.fields["content-type"]
            value = validation.typed_form(schema, validation.multipart(content_type, content))
        else:
            return None
    except ValueError as error:
        raise _refused(call, str(error)) from None
    violations = () if schema is None else call.mock.schemas.violations(schema, value)
    if violations:
        raise call.refused(400, "The request's parameters are not valid", violations)
    return value


def _refused(call: Call, message: str, status: int = 400) -> Refused:
    # A status of HTTP's own, such as 413, is used only where the document has it too.
    return call.refused(status if call.operation.documents(status) else 400, message)


def _media(call: Call, body: Node) -> tuple[Node, str]:
    """Return what the document says about the request's content type, and that in its plain form."""
    coding = call.request.fields.get("content-encoding")
    if coding is not None and coding.lower() != "identity":
        raise _refused(call, f"The content coding {coding[:40]!r} is not supported", 415)
    first, *options = (piece.strip() for piece in call.request.fields.get("content-type", "").split(";"))
    name, charset = first.lower(), "utf-8"
    for option in options:
        key, _, value = option.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    offered = {key.lower(): node for key, node in body.children("content").items()}
    ranges = (name, f"{name.split('/', 1)[0]}/*", "*/*")
    media = next((offered[wanted] for wanted in ranges if wanted in offered), None)
    if media is None or charset not in _UTF8:
        given = f"{name[:80]!r}" + ("" if charset in _UTF8 else f" in {charset[:40]!r}")
        supported = ", ".join(offered) or "none"
        raise _refused(call, f"The content type {given} is not supported. Supported: {supported}", 415)
    return media, name
