"""Changes a server's answers on their way out: a middleware around whatever application the suite calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from contract_tests.schema.server import default_target
from contract_tests.schema.server.exchange import Answer, Sent

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from contract_tests.schema.server.backends import ASGIApp

Lie = Callable[[Sent, Answer], Answer]


@dataclass(frozen=True, slots=True)
class Answered:
    """The server's answers, changed.

    Attributes:
        lie: Takes the request (without its body) and the true answer, and gives the one that is sent.
    """

    lie: Lie

    def check(self) -> None:
        """Nothing can be stale: it is the suite's own seam."""

    def apply(self) -> None:
        """Put it around every mock that the suite makes."""
        default_target.wrap = self._around

    def _around(self, app: ASGIApp) -> ASGIApp:
        async def changed(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"].startswith("/_mock/"):
                await app(scope, receive, send)
                return
            outgoing: list[MutableMapping[str, Any]] = []

            async def keep(message: MutableMapping[str, Any]) -> None:
                outgoing.append(message)

            await app(scope, receive, keep)
            answer = self.lie(_sent(scope), _answer(outgoing))
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
            await send({"type": "http.response.start", "status": answer.status, "headers": raw})
            await send({"type": "http.response.body", "body": answer.body})

        return changed


def _sent(scope: MutableMapping[str, Any]) -> Sent:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Sent(scope["method"], scope["path"], headers)


def _answer(messages: list[MutableMapping[str, Any]]) -> Answer:
    headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in messages[0].get("headers", ()))
    return Answer(messages[0]["status"], headers, b"".join(m.get("body", b"") for m in messages[1:]))


def field(answer: Answer, name: str, value: str | None) -> Answer:
    """Give an answer another header; None takes it away."""
    kept = tuple((known, text) for known, text in answer.headers if known.lower() != name)
    return replace(answer, headers=kept if value is None else (*kept, (name, value)))


def body(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    """Give an answer another JSON body; what is no JSON stays."""
    if not answer.is_json or not answer.body:
        return answer
    raw = json.dumps(change(json.loads(answer.body))).encode()
    return field(replace(answer, body=raw), "content-length", str(len(raw)))


def task(change: Callable[[Sent, dict[str, Any]], dict[str, Any]]) -> Lie:
    """Change the task in answers that have one."""

    def lie(sent: Sent, answer: Answer) -> Answer:
        def inner(value: Any) -> Any:
            found = value.get("data")
            return {**value, "data": change(sent, found)} if isinstance(found, dict) else value

        return body(answer, inner) if answer.is_success else answer

    return lie


def rows(change: Callable[[list[Any]], list[Any]]) -> Lie:
    """Change the rows of lists."""

    def lie(sent: Sent, answer: Answer) -> Answer:
        def inner(value: Any) -> Any:
            found = value.get("data")
            return {**value, "data": change(found)} if isinstance(found, list) else value

        return body(answer, inner) if answer.is_success else answer

    return lie
