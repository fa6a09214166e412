"""The server under test. Every request goes through it and is guarded, and every answer is judged."""

import time
from collections.abc import Container, Iterable
from itertools import cycle
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from attrs import Factory, define

from contract_tests.schema import exercised
from contract_tests.schema.server import bodies, leaks, operations, verdicts
from contract_tests.schema.server.exchange import (
    SCENARIO_HEADER,
    Answer,
    Backend,
    Exchange,
    NoAnswerError,
    Sent,
    curl,
)
from contract_tests.schema.server.guard import Guard, NotSentError
from contract_tests.schema.server.ledger import Ledger
from contract_tests.schema.server.operations import LifeCycle, Operation, Place
from contract_tests.schema.server.patience import Patience
from contract_tests.schema.server.rules import RULES, Seen
from contract_tests.schema.server.verdicts import Line, Rule, rule_of

CATALOGUE_PATH: Final = "/_mock/scenarios"  # where stand-ins list what can be asked of them
_UNSET: Final = object()
_NEAR: Final = frozenset({"127.0.0.1", "localhost", "::1", "contract.test"})


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
    breaches: list[Line] = Factory(list)
    rule: Rule = Factory(lambda: Rule("", ""))  # what the running test checks

    @property
    def keys(self) -> tuple[str, ...]:
        return self.guard.keys

    @property
    def is_near(self) -> bool:
        """Whether it runs on this machine, so that it can reach a receiver here."""
        return urlsplit(self.origin).hostname in _NEAR

    def ways(self, operation: Operation | None = None) -> list[tuple[Place, ...]]:
        """Return alternatives of places, of which each is to have a key."""
        return [tuple(map(operations.place_of, way)) for way in operations.ways(operation, self.origin)]

    # --- sending

    def send(self, sent: Sent) -> Exchange:
        """Send a request and judge its answer; a 429 that nobody asked for is waited out.

        Raises NotSentError if the guard keeps it back, or a rate limit or quota does.
        """
        assert sent.target.startswith("/"), "a request with a key goes to the origin alone"
        started, attempt = time.monotonic(), 0
        while True:
            reserved = self.guard.admit(sent)
            self.record.append(sent)
            exchange = self._exchange(sent)
            if reserved:
                self.guard.settle(exchange.answer)
            if not exchange.answer.status:
                raise NoAnswerError(exchange.answer.text)
            self._judge(exchange)
            if exchange.answer.status != 429 or sent.scenarios:
                return exchange
            said, spent = exchange.answer.text[:200], time.monotonic() - started
            what = f"429 at {sent.method} {sent.path}: {said}"
            if not self.patience.sit_out(exchange.answer, attempt, spent, what):
                raise NotSentError(f"the server refuses it with a 429, and waiting is no use: {said}")
            attempt += 1

    def _exchange(self, sent: Sent) -> Exchange:
        """Send a request; if no answer comes, that is a breach, and the answer's status is 0."""
        try:
            exchange = Exchange(sent, self.backend.send(sent))
        except NoAnswerError as error:
            exchange = Exchange(sent, Answer(0, (), str(error).encode()))
            self.breach(str(error), exchange, rule_of(every_request_is_answered))
        for text in leaks.places(exchange.answer, self.keys):
            self.breach(text, exchange, rule_of(no_answer_shows_the_key))
        verdicts.held(rule_of(no_answer_shows_the_key))
        return exchange

    def call(  # noqa: PLR0913 - a request has this many parts
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        content: bytes = b"",
        scenario: str | None = None,
        authorized: bool = True,
    ) -> Exchange:
        """Send a request of parts, by default with the good key; a scenario not offered skips the test."""
        here = operations.by_path().get(exercised.template_of(path) or "", {})
        like = "GET" if method == "HEAD" and "GET" in here else method
        operation = here.get(like) or next(iter(here.values()), None)
        way = next(iter(self.ways(operation) if authorized else ()), ())
        found, query = operations.carried(way, self.key if key is None else key)
        if scenario is not None:
            found[SCENARIO_HEADER] = scenario
            self.need(*Sent("", "", tuple(found.items())).scenarios)
        for name, value in (headers or {}).items():
            is_more = name == "cookie" and name in found
            found[name.lower()] = f"{found[name]}; {value}" if is_more else value
        return self.send(Sent(method, operations.with_query(path, query), tuple(found.items()), content))

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
        found = dict(operation.samples["header"])
        if cookies := operation.samples["cookie"]:
            found["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if operation.body and "content" not in more:
            value = self._reachable(bodies.example_body(operation) if body is _UNSET else body)
            found["content-type"], more["content"] = bodies.encoded(operation.media_type, value)
        path = operation.url() if path is None else path
        return self.call(operation.method, path, headers={**found, **(headers or {})}, **more)

    def _reachable(self, body: Any) -> Any:
        """Replace the addresses of images in a body by some that the server can fetch."""
        if not self.images or not isinstance(body, dict):
            return body
        for name in body.keys() & bodies.image_lists():
            if isinstance(body[name], list):
                pairs = zip(body[name], cycle(self.images), strict=False)
                body = {**body, name: [url if str(item).startswith("http") else item for item, url in pairs]}
        return body

    def create(self, cycle: LifeCycle, scenario: str | None = None, key: str | None = None) -> str:
        """Make a task from the document's first example, and return its id."""
        exchange = self.request(cycle.create, key=key, scenario=scenario)
        self.demand(exchange.answer.is_success, "a valid create is refused", exchange)
        return str(operations.at(exchange.answer.json(), cycle.id_pointer))

    def task(self, cycle: LifeCycle, task_id: str) -> dict[str, Any]:
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
        return self._exchange(Sent(method, url, tuple((headers or {}).items()), body))

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
        if missing := [name for name in names if name not in self.offered]:
            pytest.skip(f"the server would have to offer the scenario `{missing[0]}` ({CATALOGUE_PATH})")

    # --- judging

    def _judge(self, exchange: Exchange) -> None:
        sent, answer = exchange.sent, exchange.answer
        exercised.record("server", sent.method, sent.path, answer.status, answer.media_type)
        operation = operations.find(sent.method, sent.path)
        if operation is not None:
            seen = Seen(sent, answer, operation, self._owner(sent, operation))
            self.hold(((check, check(seen)) for check in RULES), exchange)
            self.hold(self.ledger.checks(seen), exchange)

    def hold(self, checks: Iterable[tuple[Any, Iterable[Any]]], exchange: Exchange | None = None) -> None:
        """Note which rules are held, and their breaches: sentences, or each with its exchange."""
        for check, breaches in checks:
            rule = rule_of(check)
            verdicts.held(rule)
            for breach in breaches:
                text, about = breach if isinstance(breach, tuple) else (breach, exchange)
                self.breach(text, about, rule)

    def _owner(self, sent: Sent, operation: Operation) -> str:
        """Return the good key that a request has where the document puts it; empty if it has none."""
        for key in self.keys:
            for headers, query in (operations.carried(way, key) for way in self.ways(operation)):
                if query in sent.target and all(v in sent.values(name) for name, v in headers.items()):
                    return key
        return ""

    def wants(self, exchange: Exchange, statuses: Container[int], text: str) -> bool:
        """Note a breach unless an answer has one of some statuses, and go on; returns whether it has."""
        return self.expect(exchange.answer.status in statuses, text, exchange)

    def expect(self, held: object, text: str, exchange: Exchange) -> bool:
        """Note a breach unless something holds, and go on; returns whether it holds."""
        if not held:
            self.breach(text, exchange)
        return bool(held)

    def demand(self, held: object, text: str, exchange: Exchange) -> None:
        """Note a breach unless something holds, and end the running test with it."""
        if not self.expect(held, text, exchange):
            raise AssertionError(text)

    def breach(self, text: str, exchange: Exchange | None, rule: Rule | None = None) -> None:
        """Note a breach, of the running test's rule unless another is given; it may be an accepted one."""
        place = f"{exchange.sent.method} {exchange.sent.path}" if exchange else ""
        text, told = leaks.hidden(text, self.keys), self._told(exchange) if exchange else ""
        self.breaches.append(verdicts.broken(rule or self.rule, text, place, self.known, told))

    def broke(self, error: Exception) -> None:
        """Note what ended the running test, unless an answer has broken a rule: that says more."""
        if not self.breaches:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            self.breach(kind + str(error).partition("\n")[0], None)

    def assert_clean(self) -> None:
        """Fail if any answer broke a rule; the message has the line that repeats each request."""
        __tracebackhide__ = True
        told: dict[str, str] = {}
        for line in self.breaches:
            verdicts.note(line)
            if line.outcome == "broken":
                told.setdefault(line.rule.name, f"{line.rule.name}: {line.text}\n{line.told}")
        self.breaches.clear()
        if told:
            raise AssertionError("\n\n".join(told.values()))

    def _told(self, exchange: Exchange) -> str:
        """Say which exchange a breach is about, and how to repeat it, without the key."""
        sent, answer = exchange.sent, exchange.answer
        origin = self.origin if sent.target.startswith("/") else ""
        return leaks.hidden(
            f"  {sent.method} {sent.target[:200]} -> {answer.status or 'no answer'} {answer.media_type}\n"
            f"  answer: {answer.text[:300]}\n"
            f"  repeat: {curl(sent, origin, self.keys)}",
            self.keys,
        )


def every_request_is_answered() -> None:
    """Every request gets a whole answer that is valid HTTP."""


def no_answer_shows_the_key() -> None:
    """No answer shows a key, in no header and no body: not in part, not masked, not encoded or hashed."""
