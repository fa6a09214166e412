"""The server under test. Every request goes through it and is guarded, and every answer is judged."""

from __future__ import annotations

import json as json_module
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio.to_thread
import pytest

from contract_tests.schema import exercised
from contract_tests.schema.server import operations, scenarios
from contract_tests.schema.server.exchange import Answer, Exchange, Sent, curl
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.ledger import Ledger
from contract_tests.schema.server.rules import RULES
from contract_tests.support.contract import document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from contract_tests.schema.server.backends import Backend
    from contract_tests.schema.server.guard import Guard
    from contract_tests.schema.server.operations import LifeCycle

_UNSET: Final = object()
_NOT_PASSED_ON: Final = frozenset(
    {"host", "connection", "content-length", "accept-encoding", "user-agent", "x-schemathesis-testcaseid"}
)
_MOST_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that an answer broke: what was wrong, and in which exchange."""

    text: str
    exchange: Exchange


@dataclass
class Target:
    """The server under test.

    Attributes:
        backend: The way to it.
        origin: Its origin.
        key: A good key.
        guard: Stands before every request.
        other_key: A good key of another account; None if there is none.
        webhook_secret: Signs its webhooks; None if it is not known.
        ledger: What is known of its tasks.
        record: Every request that was sent, in order.
        breaches: What its answers broke.
    """

    backend: Backend
    origin: str
    key: str
    guard: Guard
    other_key: str | None = None
    webhook_secret: str | None = None
    ledger: Ledger = field(default_factory=Ledger)
    record: list[Sent] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    _offered: frozenset[str] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """All good keys: secrets."""
        return tuple(filter(None, (self.key, self.other_key)))

    @property
    def key_headers(self) -> dict[str, str]:
        """The header names in which this server takes a key, by security scheme.

        Each of the document's servers names its own; any other origin is a stand-in, and takes all of them.
        """
        schemes = {s for op in operations.operations() for s in op.security}
        for server in document().get("servers", ()):
            if server["url"].rstrip("/") == self.origin:
                schemes = {server.get("x-api-key-scheme", next(iter(schemes), ""))}
        return {scheme: operations.key_header(scheme) for scheme in sorted(schemes)}

    @property
    def is_near(self) -> bool:
        """Whether it runs on this machine, so that it can reach a receiver here."""
        return urlsplit(self.origin).hostname in {"127.0.0.1", "localhost", "::1", "contract.test"}

    # --- sending

    def send(self, sent: Sent) -> Exchange:
        """Send a request and judge its answer.

        Raises:
            NotSentError: The guard keeps it back.
        """
        with self._lock:
            reserved = self.guard.admit(sent)
            self.record.append(sent)
            answer = self.backend.send(sent)
            if reserved:
                self.guard.settle(answer)
            exchange = Exchange(sent, answer)
            self._judge(exchange)
            return exchange

    def call(  # noqa: PLR0913 - a request has this many parts
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        json: Any = _UNSET,
        content: bytes = b"",
        scenario: str | None = None,
        authorized: bool = True,
    ) -> Exchange:
        """Send a request that is made of parts.

        Args:
            method: Of the request.
            path: Path and query.
            key: Goes into the first key header; the good key if none is given.
            headers: More headers; a content type given here replaces JSON's.
            json: The body as a value.
            content: The body as bytes.
            scenario: What a stand-in is asked for; skips the test where it is not offered.
            authorized: Whether a key goes with it.
        """
        own = {name.lower(): value for name, value in (headers or {}).items()}
        found: dict[str, str] = {}
        if authorized:
            found[next(iter(self.key_headers.values()))] = self.key if key is None else key
        if json is not _UNSET:
            content = json_module.dumps(json).encode()
            found["content-type"] = "application/json"
        if scenario is not None:
            self.need(*scenarios.asked(Sent("", "", ((scenarios.HEADER, scenario),))))
            found[scenarios.HEADER] = scenario
        return self.send(Sent(method, path, tuple((found | own).items()), content))

    def request(
        self,
        operation: operations.Operation,
        path: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        scenario: str | None = None,
        authorized: bool = True,
    ) -> Exchange:
        """Send a valid request: the document's first example, if the operation takes a body."""
        return self.call(
            operation.method,
            operation.url() if path is None else path,
            headers=headers,
            json=_UNSET if operation.body is None else example_body(operation),
            scenario=scenario,
            authorized=authorized,
        )

    def create(
        self,
        cycle: LifeCycle,
        scenario: str | None = None,
        key: str | None = None,
        body: dict[str, Any] | None = None,
    ) -> str:
        """Make a task from the document's first example, and give its id."""
        exchange = self.call(
            cycle.create.method,
            cycle.create.url(),
            key=key,
            json={**example_body(cycle.create), **(body or {})},
            scenario=scenario,
        )
        assert exchange.answer.is_success, self.tell("a valid create is refused", exchange)
        return str(operations.at(exchange.answer.json(), cycle.id_pointer))

    def task(self, cycle: LifeCycle, task_id: str, key: str | None = None) -> dict[str, Any]:
        """Ask for a task that exists."""
        exchange = self.call("GET", cycle.status_url(task_id), key=key)
        assert exchange.answer.is_success, self.tell("a task that exists is not shown", exchange)
        found: dict[str, Any] = operations.at(exchange.answer.json(), cycle.task_pointer)
        return found

    # --- what it can do

    @property
    def offered(self) -> frozenset[str]:
        """The names of the scenarios that it offers; none if it is no stand-in."""
        if self._offered is None:
            answer = self.backend.send(Sent("GET", scenarios.CATALOGUE_PATH))
            try:
                found = answer.json() if answer.is_success else {}
                self._offered = frozenset(s["name"] for s in found["scenarios"])
            except (ValueError, KeyError, TypeError):
                self._offered = frozenset()
        return self._offered

    def need(self, *names: str) -> None:
        """Skip the running test where a scenario is not offered."""
        missing = [name for name in names if name not in self.offered]
        if missing:
            pytest.skip(
                f"{self.origin} can't be asked for {missing[0]}: only a stand-in that lists it at "
                f"GET {scenarios.CATALOGUE_PATH} can be checked for this"
            )

    def need_tasks(self, count: int) -> None:
        """Skip the running test where so many tasks may not be made any more."""
        left = self.guard.left
        if left is not None and left < count:
            pytest.skip(
                f"PROFILE={self.guard.profile}: {count} tasks are needed, and {left} more may be made. "
                "To check this, raise CAP"
            )

    def need_another_account(self) -> str:
        """Give the other account's key; skips the running test if there is none."""
        if self.other_key is None:
            pytest.skip("a second account's key is needed: put it into CONTRACT_OTHER_KEY")
        return self.other_key

    # --- judging

    def _judge(self, exchange: Exchange) -> None:
        sent, answer = exchange.sent, exchange.answer
        exercised.record("server", sent.method, sent.path, answer.status, answer.media_type)
        operation = operations.find(sent.method, sent.path)
        found = [f"the_key_is_not_echoed: {place}" for place in self._echoes(answer)]
        if operation is not None:
            for rule in RULES:
                found += [f"{rule.__name__}: {text}" for text in rule(exchange, operation)]
            owner = next((key for key in self.keys if key in map(_second, sent.headers)), "")
            found += self.ledger.read(exchange, operation, owner)
        self.breaches += [Breach(text, exchange) for text in found]

    def _echoes(self, answer: Answer) -> list[str]:
        """A key never comes back, in no header and no body."""
        texts = {"the body": answer.body.decode("utf-8", "replace")} | dict(answer.headers)
        return [
            f"{place} holds the key" for place, text in texts.items() if any(k in text for k in self.keys)
        ]

    def assert_clean(self) -> None:
        """Fail if any answer broke a rule; the message has the line that repeats each request."""
        __tracebackhide__ = True
        told = [self.tell(breach.text, breach.exchange) for breach in self.breaches[:_MOST_TOLD]]
        more = len(self.breaches) - len(told)
        self.breaches.clear()
        if told:
            raise AssertionError("\n\n".join([*told, *([f"… and {more} more"] if more else [])]))

    def tell(self, text: str, exchange: Exchange) -> str:
        """Say what is wrong with an exchange, and how to repeat it, without the key."""
        body = exchange.answer.body[:500].decode("utf-8", "replace")
        sent, answer = exchange.sent, exchange.answer
        lines = [
            text,
            f"  {sent.method} {sent.target[:200]} -> {answer.status} {answer.media_type}",
            f"  answer: {body}",
            f"  repeat: {curl(exchange.sent, self.origin, self.keys)}",
        ]
        whole = "\n".join(lines)
        for key in self.keys:
            whole = whole.replace(key, "(key)")
        return whole

    # --- for tools that call an ASGI application

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Pass a tool's request on as one of this target's own."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        raw = scope.get("raw_path") or scope["path"].encode()
        query = b"?" + scope["query_string"] if scope.get("query_string") else b""
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name.decode("latin-1").lower() not in _NOT_PASSED_ON
        )
        sent = Sent(scope["method"], (raw.split(b"?")[0] + query).decode("latin-1"), headers, body)
        exchange = await anyio.to_thread.run_sync(self.send, sent)
        kept = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in exchange.answer.headers
            if name.lower() not in {"content-encoding", "transfer-encoding", "connection"}
        ]
        await send({"type": "http.response.start", "status": exchange.answer.status, "headers": kept})
        await send({"type": "http.response.body", "body": exchange.answer.body})


async def _lifespan(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def _second(pair: tuple[str, str]) -> str:
    return pair[1]


def example_body(operation: operations.Operation) -> dict[str, Any]:
    """Give the first documented example of an operation's JSON body."""
    media = operation.body["content"]["application/json"] if operation.body else {}
    named = [example["value"] for example in media.get("examples", {}).values()]
    default = media.get("example", operations.sample(media.get("schema", {})))
    found: dict[str, Any] = (named or [default])[0]
    return found


__all__ = ["Breach", "NotSentError", "Target", "example_body"]
