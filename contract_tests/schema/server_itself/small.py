"""A small document with every security scheme and kind of body, and a server of it: a pytest plugin.

The server shares nothing with what the suite makes of a document. Below `/wrong` it has faults that the own
document has no place for: it lets in with one key where two are wanted, and with any user of basic
authentication, and it does not look at what is in forms.
"""

import base64
import json
import re
from collections.abc import Callable
from email import message_from_bytes
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from contract_tests.schema.server import sources
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.support.contract import load_yaml
from contract_tests.violations.stranger import JSON, Stranger, with_header

DOCUMENT: Final = Path(__file__).with_suffix(".yaml")
_PATHS: Final = load_yaml(DOCUMENT)["paths"]
_GOOD: Final[dict[str, Callable[[Sent, str], bool]]] = {
    "bearer": lambda sent, key: sent.header("authorization") == f"Bearer {key}",
    "basic": lambda sent, key: (
        sent.header("authorization") == f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"
    ),
    "query": lambda sent, key: parse_qs(urlsplit(sent.target).query).get("api_token") == [key],
    "cookie": lambda sent, key: getattr(SimpleCookie(sent.header("cookie")).get("sid"), "value", "") == key,
    "header": lambda sent, key: sent.header("x-tenant") == key,
}


class Small(Stranger):
    def operation(self, sent: Sent) -> Answer:
        """Answer: the path first, then the method, the key and the body."""
        known = next((node for p, node in _PATHS.items() if _pattern(p).fullmatch(sent.path)), None)
        if known is None:
            return self.error(404, "Not found")
        operation = known.get("get" if sent.method == "HEAD" else sent.method.lower())
        if operation is None:
            answer = Answer(204) if sent.method == "OPTIONS" else self.error(405, "Method not allowed")
            return with_header(answer, "allow", ", ".join(known).upper())
        (status, documented), *errors = operation["responses"].items()
        is_wrong = sent.path.startswith("/wrong")
        if not self.lets_in(sent, operation["security"], is_wrong=is_wrong):
            return self.error(401, "No")
        lacks_q = sent.path == "/search" and not parse_qs(urlsplit(sent.target).query).get("q")
        body = operation.get("requestBody")
        if lacks_q or "/things" in sent.path or (body and not takes(sent, body, is_wrong=is_wrong)):
            return self.error(int(errors[-1][0].replace("XX", "00")), "No")
        if JSON not in documented.get("content", ()):
            is_text = "content" in documented
            headers = (("content-type", "text/plain; charset=utf-8"),) if is_text else ()
            return Answer(int(status), headers, b"Ann" if is_text else b"")
        return self.body(int(status), [{"done": True}] if sent.path == "/jobs" else {"done": True}, JSON)

    def lets_in(self, sent: Sent, security: list[Any], *, is_wrong: bool) -> bool:
        """Tell whether a request has a good key in all places of an alternative."""
        if is_wrong and (sent.header("authorization") or "").startswith("Basic "):
            return True
        enough = any if is_wrong else all
        ways = [(key, way) for key in self.keys for way in security]
        return not security or any(enough(_GOOD[scheme](sent, key) for scheme in way) for key, way in ways)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{.*\}", "[^/]+", path))


def takes(sent: Sent, body: Any, *, is_wrong: bool) -> bool:
    (media_type,) = body["content"]
    if not sent.body or sent.media_type != media_type:
        return not sent.body and not body["required"]
    try:
        value = parsed(sent)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or ("name" not in value and "json" not in media_type):
        return False
    name, size = value.get("name", "any"), value.get("size", "small")
    return is_wrong or (isinstance(name, str) and 3 <= len(name) <= 10 and size in ("small", "large"))


def parsed(sent: Sent) -> Any:
    if sent.media_type == JSON:
        return json.loads(sent.body.decode("utf-8"), parse_constant=float.fromhex)
    if sent.media_type == "multipart/form-data":
        head = f"content-type: {sent.header('content-type')}\r\n\r\n".encode()
        parts: Any = message_from_bytes(head + sent.body).get_payload()
        named = [(part.get_param("name", header="content-disposition"), part) for part in parts]
        return {name: part.get_payload(decode=True).decode() for name, part in named}
    return {name: some[-1] for name, some in parse_qs(sent.text, keep_blank_values=True).items()}


def pytest_configure() -> None:
    sources.stand_in = lambda run: Small((run.key, sources.OTHER_KEY))
