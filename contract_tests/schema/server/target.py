"""The server under test. Every request goes through it and is guarded, and every answer is judged."""

from __future__ import annotations

import json as json_module
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
from attrs import Factory, define, field

from contract_tests.schema import exercised
from contract_tests.schema.server import bodies, leaks, operations, verdicts
from contract_tests.schema.server.exchange import (
    CATALOGUE_PATH,
    SCENARIO_HEADER,
    Answer,
    Exchange,
    NoAnswerError,
    Sent,
    curl,
)
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.ledger import Ledger
from contract_tests.schema.server.patience import Patience
from contract_tests.schema.server.rules import RULES
from contract_tests.schema.server.verdicts import Breach, Rule, rule_of
from contract_tests.support.contract import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contract_tests.schema.server.guard import Guard
    from contract_tests.schema.server.operations import LifeCycle, Operation, Place
    from contract_tests.schema.server.sources import Backend

_UNSET: Final = object()
_TOO_MANY: Final = 429
_NEAR: Final = frozenset({"127.0.0.1", "localhost", "::1", "contract.test"})


class EndedError(Exception):
    """A test can't go on; what was wrong is noted."""


@define(eq=False)
class Target:
    """The server under test, and what one test has met of it."""

    backend: Backend
    origin: str
    key: str
    guard: Guard
    other_key: str | None = None  # of another account
    webhook_secret: str | None = None
    ledger: Ledger = Factory(Ledger)
    patience: Patience = Factory(lambda: Patience(60.0))
    known: tuple[verdicts.Acceptance, ...] = ()
    images: tuple[str, ...] = ()  # addresses of images that it can fetch; empty: the document's own
    record: list[Sent] = Factory(list)
    breaches: list[Breach] = Factory(list)
    rule: Rule = Factory(lambda: Rule("", ""))  # what the running test checks
    check: str = ""  # the running test
    _lock: threading.RLock = field(factory=threading.RLock, repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """All good keys: secrets."""
        return tuple(filter(None, (self.key, self.other_key)))

    @property
    def is_near(self) -> bool:
        """Whether it runs on this machine, so that it can reach a receiver here."""
        return urlsplit(self.origin).hostname in _NEAR

    # --- keys

    def schemes(self, operation: Operation | None) -> list[tuple[str, ...]]:
        """Return alternatives of security schemes: of an operation, or of what is no operation.

        Each of the document's servers may name its own one; another origin is a stand-in, and takes all.
        """
        servers = document().get("servers", ())
        named = {server["url"].rstrip("/"): server.get("x-api-key-scheme") for server in servers}
        others = {scheme for scheme in named.values() if scheme} - {named.get(self.origin)}
        others = others if named.get(self.origin) else set()
        some = [operation] if operation else operations.operations()
        found = dict.fromkeys(option for op in some for option in op.security)
        return [option for option in found if not others.intersection(option)]

    def ways(self, operation: Operation | None = None) -> list[tuple[Place, ...]]:
        """Return alternatives of places, of which each is to have a key."""
        return [tuple(map(operations.place_of, option)) for option in self.schemes(operation)]

    def key_headers_in(self, names: Iterable[str]) -> set[str]:
        """Return those of some header names in which a key stands."""
        known = {place.name for way in self.ways() for place in way if place.part == "header"}
        return known & {name.lower() for name in names}

    # --- sending

    def send(self, sent: Sent) -> Exchange:
        """Send a request and judge its answer; a 429 that nobody asked for is waited out.

        Raises NotSentError if the guard keeps it back, or a rate limit or quota does.
        """
        started = time.monotonic()
        for attempt in range(1000):
            with self._lock:
                exchange = self._send_once(sent)
            if exchange.answer.status != _TOO_MANY or sent.scenarios:
                return exchange
            pause = self.patience.pause(exchange.answer, attempt, time.monotonic() - started)
            said = exchange.answer.text[:200]
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
        """Send a request that is made of parts, with the good key unless told otherwise.

        A scenario skips the test where it is not offered.
        """
        way = next(iter(self.ways(operations.nearest(method, path)) if authorized else ()), ())
        found, query = operations.carried(way, self.key if key is None else key)
        if query:
            path += f"{'&' if '?' in path else '?'}{query}"
        if json is not _UNSET:
            content, found["content-type"] = json_module.dumps(json).encode(), "application/json"
        if scenario is not None:
            found[SCENARIO_HEADER] = scenario
            self.need(*Sent("", "", tuple(found.items())).scenarios)
        for name, value in (headers or {}).items():
            is_more = name == "cookie" and name in found
            found[name.lower()] = f"{found[name]}; {value}" if is_more else value
        return self.send(Sent(method, path, tuple(found.items()), content))

    def request(
        self,
        operation: Operation,
        path: str | None = None,
        *,
        body: Any = _UNSET,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Exchange:
        """Send a valid request, with the document's first example as the body unless another is given."""
        found = operation.samples("header")
        if cookies := operation.samples("cookie"):
            found["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if operation.body is not None and "content" not in more:
            value = self.body(operation) if body is _UNSET else body
            found["content-type"], more["content"] = bodies.encoded(operation.media_type, value)
        path = operation.url() if path is None else path
        return self.call(operation.method, path, headers={**found, **(headers or {})}, **more)

    def body(self, operation: Operation) -> Any:
        """Return a valid body: the document's first example, with images that the server can fetch."""
        return self.reachable(bodies.example_body(operation))

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

    def create(self, cycle: LifeCycle, scenario: str | None = None, key: str | None = None) -> str:
        """Make a task from the document's first example, and return its id."""
        exchange = self.request(cycle.create, key=key, scenario=scenario)
        self.demand(exchange.answer.is_success, "a valid create is refused", exchange)
        return str(operations.at(exchange.answer.json(), cycle.id_pointer))

    def task(self, cycle: LifeCycle, task_id: str) -> dict[str, Any]:
        """Ask for a task that exists."""
        exchange = self.call("GET", cycle.status_url(task_id))
        self.demand(exchange.answer.is_success, "a task that exists is not shown", exchange)
        found: dict[str, Any] = operations.at(exchange.answer.json(), cycle.task_pointer)
        return found

    def any_task(self, cycle: LifeCycle) -> str:
        """Return the id of a task of this account, a new one only if there is none."""
        mine = (i for i, k in self.ledger.tasks.items() if k.owner == self.key and k.life_cycle is cycle)
        return next(mine, None) or self.create(cycle)

    def fetch(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Exchange:
        """Call an address that the server gave, without the key. What fails there is a breach."""
        sent = Sent(method, url, tuple((headers or {}).items()), body)
        try:
            exchange = Exchange(sent, self.backend.fetch(sent))
        except NoAnswerError as error:
            exchange = Exchange(sent, Answer(0))
            self.breach(str(error), exchange, rule_of(every_request_is_answered))
        self._look_for_the_key(exchange)
        return exchange

    # --- what a stand-in offers

    @property
    def offered(self) -> frozenset[str]:
        """The names of the scenarios that it offers; none if it is no stand-in."""
        if self.backend.offered is None:
            try:
                answer = self.backend.send(Sent("GET", CATALOGUE_PATH))
                found = answer.json() if answer.is_success else {}
                self.backend.offered = frozenset(s["name"] for s in found["scenarios"])
            except (NoAnswerError, ValueError, KeyError, TypeError):
                self.backend.offered = frozenset()
        return self.backend.offered

    def need(self, *names: str) -> None:
        """Skip the running test where a scenario is not offered."""
        missing = [name for name in names if name not in self.offered]
        if missing:
            pytest.skip(f"the server would have to offer the scenario `{missing[0]}` ({CATALOGUE_PATH})")

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
        for rule, text in self.ledger.read(exchange, operation, self._owner(sent, operation)):
            self.breach(text, exchange, rule)

    def _owner(self, sent: Sent, operation: Operation) -> str:
        """Return the good key that a request has where the document puts it; empty if it has none."""
        for key in self.keys:
            for headers, query in (operations.carried(way, key) for way in self.ways(operation)):
                if query in sent.target and all(v in sent.values(name) for name, v in headers.items()):
                    return key
        return ""

    def _look_for_the_key(self, exchange: Exchange) -> None:
        rule = rule_of(no_answer_shows_the_key)
        verdicts.note(rule, "held")
        for text in leaks.places(exchange.answer, self.keys):
            self.breach(text, exchange, rule)

    def expect(self, held: object, text: str, exchange: Exchange | None, rule: Rule | None = None) -> bool:
        """Note a breach unless something holds, and go on; returns whether it holds."""
        if not held:
            self.breach(text, exchange, rule)
        return bool(held)

    def demand(self, held: object, text: str, exchange: Exchange) -> None:
        """Note a breach unless something holds, and end the running test with it."""
        if not self.expect(held, text, exchange):
            raise EndedError(text)

    def breach(self, text: str, exchange: Exchange | None, rule: Rule | None = None) -> None:
        """Note a breach, of the running test's rule unless another is given."""
        self.breaches.append(Breach(rule or self.rule, text, exchange))

    def broke(self, error: Exception) -> None:
        """Note what ended the running test, unless an answer has broken a rule: that says more."""
        if not self.breaches:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            self.breach(kind + str(error).partition("\n")[0], None)

    def assert_clean(self) -> None:
        """Fail if any answer broke a rule; the message has the line that repeats each request."""
        __tracebackhide__ = True
        day, told = verdicts.today(), dict[str, str]()
        for breach in self.breaches:
            known = next((entry for entry in self.known if entry.covers(breach, day)), None)
            text, exchange = self._without_keys(breach.text), self._told(breach.exchange)
            if known is None:
                told.setdefault(breach.rule.name, f"{breach.rule.name}: {text}\n{exchange}")
            verdicts.note(
                breach.rule, "accepted" if known else "broken", text=text, check=self.check,
                place=self._without_keys(breach.place), told=exchange, accepted=str(known or ""),
            )  # fmt: skip
        self.breaches.clear()
        if told:
            raise AssertionError("\n\n".join(told.values()))

    def _told(self, exchange: Exchange | None) -> str:
        """Say which exchange a breach is about, and how to repeat it, without the key."""
        if exchange is None:
            return ""
        sent, answer = exchange.sent, exchange.answer
        origin = "" if "://" in sent.target else self.origin
        return self._without_keys(
            f"  {sent.method} {sent.target[:200]} -> {answer.status or 'no answer'} {answer.media_type}\n"
            f"  answer: {answer.text[:300]}\n"
            f"  repeat: {curl(sent, origin, self.keys)}"
        )

    def _without_keys(self, text: str) -> str:
        for key in self.keys:
            text = text.replace(key, "(key)")
        return text


def every_request_is_answered() -> None:
    """Every request gets a whole answer that is valid HTTP."""


def no_answer_shows_the_key() -> None:
    """No answer shows a key, in no header and no body: not in part, not masked, not encoded or hashed."""


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))
