"""What a create refuses, which costs nothing, and then what it takes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import bodies
from contract_tests.schema.server.operations import Operation, life_cycles, operations, properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _pytest.mark import ParameterSet

    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.target import Target

WITH_BODY = [op for op in operations() if op.body and "application/json" in op.body["content"]]
PROBLEM = "application/problem+json"


def each(make: Callable[[Operation], Iterable[bodies.Body]]) -> list[ParameterSet]:
    """Give every operation with each of its bodies."""
    return [pytest.param(op, body, id=f"{op}: {body.label}") for op in WITH_BODY for body in make(op)]


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_body_that_breaks_the_schema_is_refused_by_name(target: Target, operation: Operation) -> None:
    """One breach of the schema is a 400 (or 403), whose problem details name the parameter at fault."""
    named: set[str] = set()
    for body in bodies.broken(operation):
        name = body.parameter or ""
        value = target.reachable(body.value) if name not in bodies.image_lists() else body.value
        # Problem details once for each parameter: they are made of the same reasons as the message.
        accepts = (None, PROBLEM) if PROBLEM in operation.content(400) and name not in named else (None,)
        for accept in accepts:
            headers = {"accept": accept} if accept else {}
            exchange = target.call(operation.method, operation.url(), json=value, headers=headers)
            refused = exchange.answer.status in {400, 403}
            target.expect(refused, f"{exchange.answer.status}, though {body.label}", exchange)
            if refused and name:
                blames_it(target, operation, name, exchange, must=accept is not None)
            named.add(name)


@pytest.mark.parametrize("operation", [op for op in WITH_BODY if PROBLEM in op.content(400)], ids=str)
def test_problem_details_are_had_of_every_parameter(target: Target, operation: Operation) -> None:
    """Where problem details are asked for, they name the parameter at fault, of each that a body may have."""
    for name in properties(operation.body_schema):
        body = {**target.body(operation), name: {"a": 1}}
        exchange = target.call(operation.method, operation.url(), json=body, headers={"accept": PROBLEM})
        if exchange.answer.status == 400:
            blames_it(target, operation, name, exchange, must=True)


def blames_it(target: Target, operation: Operation, name: str, exchange: Exchange, *, must: bool) -> None:
    """Expect that a refusal names the parameter at fault, or at least no other one."""
    value = exchange.answer.json()
    problem = value.get("problem", value)
    params = problem.get("invalid_params") or []
    words = [set(re.split(r"[^A-Za-z0-9_]+", str(p.get("name", p.get("field", ""))))) for p in params]
    others = set(properties(operation.body_schema)) - {name}
    if any(words):
        target.expect(any(name in some for some in words), f"{name} is wrong, and {params} named", exchange)
    elif must and exchange.answer.media_type == PROBLEM:
        target.expect(held=False, text=f"problem details do not name {name}", exchange=exchange)
    said = set(re.split(r"[^A-Za-z0-9_]+", str(problem.get("message", ""))))
    blamed = said & {other for other in others if "_" in other or other in name}
    target.expect(name in said or not blamed, f"{name} is wrong, and the message blames {blamed}", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_refused_body_makes_no_task(target: Target, operation: Operation) -> None:
    """After a 400, the list is as it was before: what is refused makes no task."""
    cycle = next((cycle for cycle in life_cycles() if cycle.create is operation), None)
    if cycle is None or cycle.listing is None:
        return
    target.call("GET", cycle.listing.url())
    for value in ({}, {**target.body(operation), next(iter(properties(operation.body_schema))): 7}):
        target.call(operation.method, operation.url(), json=value)
    exchange = target.call("GET", cycle.listing.url())
    assert exchange.answer.status in {200, 404}, target.tell("the list", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_bytes_that_are_no_json_are_refused(target: Target, operation: Operation) -> None:
    """What is no JSON by the letter is a documented 400, in each media type that is asked for."""
    for label, content in bodies.malformed(operation, target.body(operation)):
        for accept in operation.content(400):
            headers = {"content-type": "application/json", "accept": accept}
            exchange = target.call(operation.method, operation.url(), content=content, headers=headers)
            target.expect(exchange.answer.status in {400, 403}, f"{label} is no 400", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/octet-stream",
        "application/jsonl",
        "application/x-json",
        "application/javascript",
        "application/*",
        "*/*",
        "text/html; a=application/json",
        "application",
        "json",
    ],
)
def test_another_content_type_is_refused(
    target: Target, operation: Operation, content_type: str | None
) -> None:
    """A valid body under a content type that the document does not have is a 4xx, and makes no task."""
    assert operation.body is not None
    if content_type in operation.body["content"]:
        pytest.skip("it is documented here")
    headers = {} if content_type is None else {"content-type": content_type}
    good = json.dumps(target.body(operation)).encode()
    exchange = target.call(operation.method, operation.url(), content=good, headers=headers)
    assert 400 <= exchange.answer.status < 500, target.tell(f"{content_type} is taken", exchange)


@pytest.mark.parametrize(("operation", "body"), each(bodies.valid))
def test_a_valid_body_is_taken(target: Target, operation: Operation, body: bodies.Body) -> None:
    """Whatever the schema allows, to its very edge, is taken."""
    exchange = target.call(operation.method, operation.url(), json=target.reachable(body.value))
    assert exchange.answer.is_success, target.tell(f"refused, though {body.label}", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"', "application/json ;"],
)
def test_json_is_taken_however_its_name_is_written(
    target: Target, operation: Operation, content_type: str
) -> None:
    """Neither letter case nor a UTF-8 charset makes another media type."""
    good = json.dumps(target.body(operation)).encode()
    exchange = target.call(
        operation.method, operation.url(), content=good, headers={"content-type": content_type}
    )
    assert exchange.answer.is_success, target.tell(f"{content_type} is refused", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_field_that_nobody_documented_does_no_harm(target: Target, operation: Operation) -> None:
    """The schema allows more fields: one of them is neither a server error nor echoed."""
    for value in ("text", None, {"a": [1, {"b": None}]}, 10**30, -0.0):
        body = {**target.body(operation), "x_contract_suite": value}
        exchange = target.call(operation.method, operation.url(), json=body)
        assert exchange.answer.is_success, target.tell("a field beside the schema is refused", exchange)
        assert b"x_contract_suite" not in exchange.answer.body, target.tell("it is echoed", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_words_with_a_meaning_elsewhere_have_none_here(target: Target, operation: Operation) -> None:
    """No text makes the server fail: not a path, a template, a query, nor Unicode's odd letters."""
    texts = [
        "'; DROP TABLE tasks;--",
        "{{7*7}}",
        "${jndi:x}",
        "../../etc/passwd",
        "\x00",
        "\ud7ff￿",
        "%s%n",
        "-1",
    ]
    for name, node in properties(operation.body_schema).items():
        if node.get("type") == "string" and "enum" not in node and "format" not in node:
            for text in texts:
                body = {**target.body(operation), name: text}
                exchange = target.call(operation.method, operation.url(), json=body)
                assert exchange.answer.is_success, target.tell(f"{name}: {text!r} is refused", exchange)
