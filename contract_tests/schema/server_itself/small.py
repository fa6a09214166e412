"""A small document with every security scheme and kind of body, and a server of it, run against the suite.

The server shares nothing with what the suite makes of a document.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from email import message_from_bytes
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from contract_tests.schema.server import sources
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.violations.stranger import JSON, Stranger, with_header

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME: Final = {"type": "string", "minLength": 3, "maxLength": 10}
_DONE: Final = {"type": "object", "required": ["done"], "properties": {"done": {"type": "boolean"}}}
_ERROR: Final = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}


def _answer(media_type: str = "", schema: Any = None) -> Any:
    return {"description": "-", **({"content": {media_type: {"schema": schema}}} if media_type else {})}


def _operation(
    security: list[Any], ok: Any = None, status: str = "200", refusal: str = "", **more: Any
) -> Any:
    """Describe an operation; without security it has no 401."""
    errors = [*(["401"] if security else []), *([refusal] if refusal else [])]
    responses = {status: ok or _answer(JSON, _DONE)} | {error: _answer(JSON, _ERROR) for error in errors}
    return {"security": security, "responses": responses, **more}


def _body(media_type: str, *required: str, is_required: bool = True) -> Any:
    properties = {"name": _NAME, "size": {"type": "string", "enum": ["small", "large"]}}
    schema = {"type": "object", "properties": properties, **({"required": [*required]} if required else {})}
    return {"required": is_required, "content": {media_type: {"schema": schema}}}


def _parameter(part: str, name: str) -> Any:
    return {"in": part, "name": name, "required": True, "schema": {"type": "string", "minLength": 1}}


DOCUMENT: Final[dict[str, Any]] = {
    "openapi": "3.0.3",
    "info": {"title": "Small", "version": "1"},
    "paths": {
        "/jobs": {"get": _operation([{"bearer": []}], _answer(JSON, {"type": "array", "items": _DONE}))},
        "/profile": {"get": _operation([{"basic": []}], _answer("text/plain", {"type": "string"}))},
        "/search": {"get": _operation([{"query": []}], refusal="400", parameters=[_parameter("query", "q")])},
        "/session": {"get": _operation([{"cookie": []}], _answer(), "204"),
                     "delete": _operation([{"cookie": []}], _answer(), "204")},
        "/vault": {"get": _operation([{"bearer": [], "header": []}])},
        "/either": {"get": _operation([{"bearer": []}, {"header": []}])},
        "/forms": {"post": _operation([{"header": []}], refusal="400",
                                      requestBody=_body("application/x-www-form-urlencoded", "name"))},
        "/files": {"post": _operation([{"bearer": []}], refusal="4XX",
                                      requestBody=_body("multipart/form-data", "name"))},
        "/notes": {"post": _operation([{"header": []}], refusal="422",
                                      requestBody=_body(JSON, is_required=False))},
        "/open": {"get": _operation([]), "post": _operation([], _answer(), "202")},
        "/things/{id}": {"get": _operation([{"header": []}], refusal="404",
                                           parameters=[_parameter("path", "id")])},
    },
    "components": {"securitySchemes": {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
        "query": {"type": "apiKey", "in": "query", "name": "api_token"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
        "header": {"type": "apiKey", "in": "header", "name": "x-tenant"},
    }},
}  # fmt: skip

_GOOD: Final[dict[str, Callable[[Sent, str], bool]]] = {
    "bearer": lambda sent, key: sent.header("authorization") == f"Bearer {key}",
    "basic": lambda sent, key: (
        sent.header("authorization") == f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"
    ),
    "query": lambda sent, key: parse_qs(urlsplit(sent.target).query).get("api_token") == [key],
    "cookie": lambda sent, key: (
        key in {m.value for n, m in SimpleCookie(sent.header("cookie")).items() if n == "sid"}
    ),
    "header": lambda sent, key: sent.header("x-tenant") == key,
}


class Small(Stranger):
    """The server. A subclass breaks it by its methods."""

    def operation(self, sent: Sent) -> Answer:  # noqa: PLR0911 - one after the other
        """Answer: the path first, then the method, the key and the body."""
        here = next(
            (p for p in DOCUMENT["paths"] if re.fullmatch(re.sub(r"\{.*\}", "[^/]+", p), sent.path)), None
        )
        if here is None:
            return self.error(404, "Not found")
        known = {name.upper(): node for name, node in DOCUMENT["paths"][here].items()}
        operation = known.get("GET" if sent.method == "HEAD" else sent.method)
        if operation is None:
            answer = Answer(204) if sent.method == "OPTIONS" else self.error(405, "Method not allowed")
            return with_header(answer, "allow", ", ".join(known))
        if not self.lets_in(sent, operation["security"]):
            return self.error(401, "No")
        if "requestBody" in operation and not self.takes(sent, operation["requestBody"]):
            return self.error(422 if here == "/notes" else 400, "No")
        if here == "/search" and not parse_qs(urlsplit(sent.target).query).get("q"):
            return self.error(400, "q is missing")
        if here.startswith("/things"):
            return self.error(404, "Not found")
        status = int(next(iter(operation["responses"])))
        content = operation["responses"][str(status)].get("content")
        if not content:
            return Answer(status)
        if "text/plain" in content:
            return Answer(status, (("content-type", "text/plain; charset=utf-8"),), b"Ann")
        return self.body(status, [{"done": True}] if here == "/jobs" else {"done": True}, JSON)

    def lets_in(self, sent: Sent, security: list[Any]) -> bool:
        """Tell whether a request has a good key in all places of an alternative."""
        good = [key for key in self.keys if any(all(_GOOD[n](sent, key) for n in some) for some in security)]
        return not security or bool(good)

    def takes(self, sent: Sent, body: Any) -> bool:
        """Tell whether a body is as documented."""
        ((media_type, media),) = body["content"].items()
        if not sent.body:
            return not body["required"]
        if sent.media_type != media_type:
            return False
        try:
            value = self.parsed(sent)
        except (ValueError, RecursionError):
            return False
        required = media["schema"].get("required", ())
        return isinstance(value, dict) and all(name in value for name in required) and self.fits(value)

    def parsed(self, sent: Sent) -> Any:
        """Read a body."""
        if sent.media_type == JSON:
            return sent_json(sent)
        if sent.media_type == "multipart/form-data":
            head = f"content-type: {sent.header('content-type')}\r\n\r\n".encode()
            parts: Any = message_from_bytes(head + sent.body).get_payload()
            return {
                p.get_param("name", header="content-disposition"): p.get_payload(decode=True).decode()
                for p in parts
            }
        return {name: some[-1] for name, some in parse_qs(sent.text, keep_blank_values=True).items()}

    def fits(self, value: dict[str, Any]) -> bool:
        """Tell whether the properties have values that they may have."""
        name, size = value.get("name", "any"), value.get("size", "small")
        return isinstance(name, str) and 3 <= len(name) <= 10 and size in ("small", "large")


def sent_json(sent: Sent) -> Any:
    """Read JSON by the letter."""
    return json.loads(sent.body.decode("utf-8"), parse_constant=float.fromhex)


class Wrong(Small):
    """The same with a fault at each kind of key and body that the own document does not have."""

    def lets_in(self, sent: Sent, security: list[Any]) -> bool:
        """Let in with one key where two are wanted, and with any user of basic authentication."""
        some: list[Any] = [{scheme: []} for option in security for scheme in option]
        return super().lets_in(sent, some) or (sent.header("authorization") or "").startswith("Basic ")

    def fits(self, value: dict[str, Any]) -> bool:  # noqa: ARG002 - as the right one
        """Check nothing."""
        return True


def main() -> None:
    """Run the suite against the right server, and a part of it against the wrong one."""
    folder = "contract_tests/schema/server"
    options = (
        f"{folder} --ignore={folder}/test_schemathesis.py -q --tb=no -rf -p no:randomly -p no:cacheprovider"
    )
    options += " -p no:xdist -W ignore::pytest.PytestAssertRewriteWarning -k"
    for kind, some in ((Small, ""), (Wrong, "vault or profile or forms or files")):
        sources.stand_in = lambda run, kind=kind: kind((run.key, sources.OTHER_KEY))
        sys.stdout.write(f"== {kind.__name__}\n")
        pytest.main([*options.split(), some])


if __name__ == "__main__":
    main()
