"""Violations of the server: a middleware that changes requests on the way in, and answers on the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attrs import frozen

from contract_tests.schema.server import default_target
from contract_tests.schema.server.exchange import Answer, Sent

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from contract_tests.schema.server.backends import ASGIApp

Lie = Callable[[Sent, Answer], Answer]


@frozen
class Answered:
    """The server, changed.

    Attributes:
        lie: Takes the request (without its body) and the true answer, and returns the answer that is sent.
        ask: Takes the request with its body, and returns the request that the server gets.
    """

    lie: Lie | None = None
    ask: Callable[[Sent], Sent] | None = None

    def __call__(self) -> None:
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

            if self.ask:
                scope, receive = await self._asked(scope, receive, self.ask)
            await app(scope, receive, keep)
            answer = _answer(outgoing)
            if self.lie:
                answer = self.lie(_sent(scope), answer)
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
            await send({"type": "http.response.start", "status": answer.status, "headers": raw})
            await send({"type": "http.response.body", "body": answer.body})

        return changed

    @staticmethod
    async def _asked(scope: MutableMapping[str, Any], receive: Any, ask: Callable[[Sent], Sent]) -> Any:
        body = (await receive()).get("body", b"")
        query = scope["query_string"].decode("latin-1")
        sent = ask(replace(_sent(scope), target=f"{scope['path']}?{query}", body=body))
        path, _, query = sent.target.partition("?")
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in sent.headers
            if name.lower() != "content-length"
        ]
        headers.append((b"content-length", str(len(sent.body)).encode()))
        incoming = [{"type": "http.request", "body": sent.body, "more_body": False}]

        async def received() -> Any:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        return {
            **scope, "method": sent.method, "path": path, "raw_path": path.encode(),
            "query_string": query.encode("latin-1"), "headers": headers,
        }, received  # fmt: skip


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


def request_body(change: Callable[[dict[str, Any]], Any]) -> Answered:
    """Change the JSON object of requests in place; other bodies stay."""

    def ask(sent: Sent) -> Sent:
        try:
            value = json.loads(sent.body)
        except ValueError:
            return sent
        if not isinstance(value, dict):
            return sent
        change(value)
        return replace(sent, body=json.dumps(value).encode())

    return Answered(ask=ask)
