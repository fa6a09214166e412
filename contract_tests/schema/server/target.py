"""The server under test. Every request goes through it and is guarded, and every answer is judged."""

from __future__ import annotations

import json as json_module
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from contract_tests.schema import exercised
from contract_tests.schema.server import bodies, leaks, operations, scenarios, verdicts
from contract_tests.schema.server.backends import NoAnswerError
from contract_tests.schema.server.exchange import Answer, Exchange, Sent, curl
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.ledger import Ledger
from contract_tests.schema.server.patience import Patience
from contract_tests.schema.server.rules import RULES
from contract_tests.schema.server.verdicts import Breach, Rule, rule_of
from contract_tests.support.contract import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contract_tests.schema.server.backends import Backend
    from contract_tests.schema.server.guard import Guard
    from contract_tests.schema.server.operations import LifeCycle

_UNSET: Final = object()
_TOO_MANY: Final = 429
_NEAR: Final = frozenset({"127.0.0.1", "localhost", "::1", "contract.test"})


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
        patience: How long to wait for it.
        known: Breaches that are accepted.
        images: Addresses of images that it can fetch; empty: the document's own.
        record: Every request that was sent, in order.
        breaches: What its answers broke.
        rule: What the running test checks.
        check: The running test.
    """

    backend: Backend
    origin: str
    key: str
    guard: Guard
    other_key: str | None = None
    webhook_secret: str | None = None
    ledger: Ledger = field(default_factory=Ledger)
    patience: Patience = field(default_factory=lambda: Patience(60.0))
    known: tuple[verdicts.Acceptance, ...] = ()
    images: tuple[str, ...] = ()
    record: list[Sent] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    rule: Rule = Rule("", "")  # noqa: RUF009 - a frozen value
    check: str = ""
    _told: tuple[str, Exchange] | None = None
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

    def key_headers_in(self, names: Iterable[str]) -> set[str]:
        """Return those of some header names in which a key stands."""
        return {name.lower() for name in names} & {name.lower() for name in self.key_headers.values()}

    @property
    def is_near(self) -> bool:
        """Whether it runs on this machine, so that it can reach a receiver here."""
        return urlsplit(self.origin).hostname in _NEAR

    # --- sending

    def send(self, sent: Sent) -> Exchange:
        """Send a request and judge its answer; a 429 that nobody asked for is waited out.

        Raises:
            NotSentError: The guard keeps it back, or a rate limit or quota does.
            NoAnswerError: No answer came.
        """
        started = time.monotonic()
        for attempt in range(1000):
            with self._lock:
                exchange = self._send_once(sent)
            if exchange.answer.status != _TOO_MANY or scenarios.asked(sent):
                return exchange
            spent = time.monotonic() - started
            pause = self.patience.pause(exchange.answer, attempt, spent)
            said = exchange.answer.body[:200].decode("utf-8", "replace")
            if pause is None:
                raise NotSentError(f"the server refuses it with a 429, and waiting is no use: {said}")
            self.patience.sleep(pause, f"429 at {sent.method} {sent.path}: {said}")
            self.patience.waited += pause
        raise NotSentError("the server has answered 1000 times with a 429")

    def _send_once(self, sent: Sent) -> Exchange:
        reserved = self.guard.admit(sent)
        self.record.append(sent)
        try:
            answer = self.backend.send(sent)
        except NoAnswerError as error:
            self.breach(str(error), Exchange(sent, Answer(0)), rule_of(every_request_is_answered))
            raise
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
            json=_UNSET if operation.body is None else self.body(operation),
            scenario=scenario,
            authorized=authorized,
        )

    def body(self, operation: operations.Operation) -> dict[str, Any]:
        """Return a valid body: the document's first example, with images that the server can fetch."""
        found: dict[str, Any] = self.reachable(bodies.example_body(operation))
        return found

    def reachable(self, body: Any) -> Any:
        """Replace the addresses of images in a body by some that the server can fetch."""
        if not self.images or not isinstance(body, dict):
            return body
        found = dict(body)
        for name in found.keys() & bodies.image_lists():
            if isinstance(found[name], list):
                found[name] = [
                    self.images[place % len(self.images)] if _is_url(item) else item
                    for place, item in enumerate(found[name])
                ]
        return found

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
            json={**self.body(cycle.create), **(body or {})},
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

    def any_task(self, cycle: LifeCycle) -> str:
        """Give the id of a task of this account, a new one only if there is none."""
        mine = (i for i, k in self.ledger.tasks.items() if k.owner == self.key and k.life_cycle is cycle)
        return next(mine, None) or self.create(cycle)

    def fetch(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Exchange:
        """Call an address that the server gave, without the key. What fails there is a breach."""
        sent = Sent(method, url, tuple((headers or {}).items()), body)
        try:
            exchange = Exchange(sent, self.backend.fetch(method, url, headers or {}, body))
        except NoAnswerError as error:
            self.breach(str(error), Exchange(sent, Answer(0)), rule_of(every_request_is_answered))
            return Exchange(sent, Answer(0))
        self._look_for_the_key(exchange)
        return exchange

    # --- what it can do

    @property
    def offered(self) -> frozenset[str]:
        """The names of the scenarios that it offers; none if it is no stand-in."""
        if self.backend.offered is None:
            try:
                answer = self.backend.send(Sent("GET", scenarios.CATALOGUE_PATH))
                found = answer.json() if answer.is_success else {}
                self.backend.offered = frozenset(s["name"] for s in found["scenarios"])
            except (NoAnswerError, ValueError, KeyError, TypeError):
                self.backend.offered = frozenset()
        return self.backend.offered

    def need(self, *names: str) -> None:
        """Skip the running test where a scenario is not offered."""
        missing = [name for name in names if name not in self.offered]
        if missing:
            pytest.skip(
                f"the server would have to offer the scenario `{missing[0]}` ({scenarios.CATALOGUE_PATH})"
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
        self._look_for_the_key(exchange)
        operation = operations.find(sent.method, sent.path)
        if operation is None:
            return
        for check in RULES:
            rule = rule_of(check)
            verdicts.note(rule, "held")
            for text in check(exchange, operation):
                self.breach(text, exchange, rule)
        owner = next((key for key in self.keys if key in map(_second, sent.headers)), "")
        for rule, text in self.ledger.read(exchange, operation, owner):
            self.breach(text, exchange, rule)

    def _look_for_the_key(self, exchange: Exchange) -> None:
        rule = rule_of(no_answer_shows_the_key)
        verdicts.note(rule, "held")
        for text in leaks.places(exchange.answer, self.keys):
            self.breach(text, exchange, rule)

    def expect(
        self, held: object, text: str, exchange: Exchange | None = None, rule: Rule | None = None
    ) -> bool:
        """Note a breach unless something holds, and go on; returns whether it holds."""
        if not held:
            self.breach(text, exchange, rule)
        return bool(held)

    def breach(self, text: str, exchange: Exchange | None, rule: Rule | None = None) -> None:
        """Note a breach, of the running test's rule unless another is given."""
        self.breaches.append(Breach(rule or self.rule, text, exchange))

    def broke(self, error: Exception) -> None:
        """Note what ended the running test: its own assertion, or an answer that it could not read."""
        text = str(error).partition("\n")[0]
        told, self._told = self._told, None
        if isinstance(error, AssertionError) and told is not None and text == told[0]:
            self.breach(text, told[1])
        elif not self.breaches:
            self.breach(
                text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}", None
            )

    def assert_clean(self) -> None:
        """Fail if any answer broke a rule; the message has the line that repeats each request."""
        __tracebackhide__ = True
        day, open_breaches = verdicts.today(), []
        for breach in self.breaches:
            known = next((entry for entry in self.known if entry.covers(breach, day)), None)
            open_breaches += [] if known else [breach]
            verdicts.note(
                breach.rule,
                "accepted" if known else "broken",
                text=self._without_keys(breach.text),
                check=self.check,
                place=self._without_keys(breach.place),
                told=self.told(breach),
                accepted=str(known or ""),
            )
        self.breaches.clear()
        by_rule = {breach.rule.name: breach for breach in reversed(open_breaches)}
        if by_rule:
            raise AssertionError(
                "\n\n".join(
                    f"{name}: {self._without_keys(b.text)}\n{self.told(b)}"
                    for name, b in reversed(by_rule.items())
                )
            )

    def tell(self, text: str, exchange: Exchange) -> str:
        """Say what is wrong with an exchange, and remember the exchange for the report."""
        self._told = text, exchange
        return f"{text}\n{self.told(Breach(self.rule, text, exchange))}"

    def told(self, breach: Breach) -> str:
        """Say which exchange a breach is about, and how to repeat it, without the key."""
        if breach.exchange is None:
            return ""
        sent, answer = breach.exchange.sent, breach.exchange.answer
        origin = "" if "://" in sent.target else self.origin
        lines = [
            f"  {sent.method} {sent.target[:200]} -> {answer.status or 'no answer'} {answer.media_type}",
            f"  answer: {answer.body[:300].decode('utf-8', 'replace')}",
            f"  repeat: {curl(sent, origin, self.keys)}",
        ]
        return self._without_keys("\n".join(lines))

    def _without_keys(self, text: str) -> str:
        for key in self.keys:
            text = text.replace(key, "(key)")
        return text


def every_request_is_answered() -> None:
    """Every request gets a whole answer that is valid HTTP."""


def no_answer_shows_the_key() -> None:
    """No answer shows a key, in no header and no body: not in part, not masked, not encoded or hashed."""


def _second(pair: tuple[str, str]) -> str:
    return pair[1]


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))
