"""What an operation refuses, which costs nothing, and then what it takes."""

import re
from typing import Final

import pytest
from attrs import evolve

from contract_tests.schema.server import bodies, schemas
from contract_tests.schema.server.exchange import Exchange
from contract_tests.schema.server.operations import (
    Operation,
    branches,
    by_path,
    cycle_of,
    operations,
    properties,
)
from contract_tests.schema.server.target import Target

WITH_BODY: Final = [op for op in operations() if op.body]
JSON: Final = [op for op in WITH_BODY if op.media_type == "application/json"]
OPEN: Final = [
    op for op in JSON
    if isinstance(bodies.example_body(op), dict) and op.body_schema.get("additionalProperties") is not False
]  # fmt: skip
VALID = [pytest.param(op, one, id=f"{op}: {one.label}") for op in WITH_BODY for one in bodies.valid(op)]
PROBLEM: Final = "application/problem+json"
OTHER_TYPES: Final[tuple[str | None, ...]] = (
    None, "text/plain", "text/json", "application/json", "application/xml", "multipart/form-data",
    "application/x-www-form-urlencoded", "application/octet-stream", "application/jsonl",
    "application/x-json", "application/javascript", "application/*", "*/*",
    "text/html; a=application/json", "application", "json", "application/vnd.x+json",
)  # fmt: skip
TEXTS: Final = (
    "'; DROP TABLE tasks;--", "{{7*7}}", "${jndi:x}", "../../etc/passwd", "\x00", "\ud7ff￿", "%s%n", "-1",
)  # fmt: skip

of_each = pytest.mark.parametrize("operation", WITH_BODY, ids=str)
of_json = pytest.mark.parametrize("operation", JSON, ids=str)


@of_each
def test_a_body_that_breaks_the_schema_is_refused_by_name(target: Target, operation: Operation) -> None:
    """One breach of the schema is a 400 (or 403), whose problem details name the parameter at fault."""
    named: set[str] = set()
    for body in bodies.broken(operation):
        name = body.parameter or ""
        # Problem details once for each parameter: they are made of the same reasons as the message.
        accepts = ("*/*", PROBLEM) if PROBLEM in operation.content(400) and name not in named else ("*/*",)
        for accept in accepts:
            exchange = target.request(operation, body=body.value, headers={"accept": accept})
            refused = target.wants(exchange, operation.refusals(400, 403), f"taken, though {body.label}")
            if refused and name:
                blames_it(target, operation, body, exchange, must=accept == PROBLEM)
            named.add(name)


def blames_it(
    target: Target, operation: Operation, body: bodies.Body, exchange: Exchange, *, must: bool
) -> None:
    """Expect that a refusal names the parameter at fault, or at least none that is right."""
    name, sent = body.parameter or "", body.value if isinstance(body.value, dict) else {}
    needed = {n for part in branches(operation.body_schema) for n in part.get("required", ())}
    value = exchange.answer.json() if exchange.answer.is_json else {}
    problem = value.get("problem", value)
    params = problem.get("invalid_params") or []
    words = [set(re.split(r"[^A-Za-z0-9_]+", str(p.get("name", p.get("field", ""))))) for p in params]
    wrong = {name} | (needed - sent.keys())
    right = set(properties(operation.body_schema)) - wrong
    if any(words):
        is_named = any(wrong & some for some in words)
        is_fair = not any(right & some and not wrong & some for some in words)
        target.expect(is_named and is_fair, f"{name} is wrong, and {params} named", exchange)
    elif must and exchange.answer.media_type == PROBLEM:
        target.breach(f"problem details do not name {name}", exchange)
    said = set(re.split(r"[^A-Za-z0-9_]+", str(problem.get("message", ""))))
    blamed = said & {other for other in right if "_" in other or other in name}
    target.expect(name in said or not blamed, f"{name} is wrong, and the message blames {blamed}", exchange)


@of_json
def test_only_a_create_makes_a_task(target: Target, operation: Operation) -> None:
    """What is refused makes no task, nor does another method: afterwards the list is as it was."""
    cycle = cycle_of(operation)
    if cycle is None or cycle.listing is None:
        return
    target.request(cycle.listing)
    for value in ({}, {**bodies.example_body(operation), next(iter(properties(operation.body_schema))): 7}):
        target.request(operation, body=value)
    for method in {"HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"} - by_path()[operation.path].keys():
        target.request(evolve(operation, method=method))
    target.wants(target.request(cycle.listing), {200, 404}, "the list")


@of_json
def test_bytes_that_are_no_json_are_refused(target: Target, operation: Operation) -> None:
    """What is no JSON by the letter is a documented 400, in each media type that is asked for."""
    for content in bodies.malformed(operation, bodies.example_body(operation)):
        for accept in operation.content(400) or ("*/*",):
            headers = {"content-type": "application/json", "accept": accept}
            exchange = target.request(operation, content=content, headers=headers)
            target.wants(exchange, operation.refusals(400, 403), f"{content[-40:]!r} is taken for JSON")


@of_each
def test_another_content_type_is_refused(target: Target, operation: Operation) -> None:
    """A valid body under a content type that the document does not have is a 4xx, and makes no task."""
    _, good = bodies.encoded(operation.media_type, bodies.example_body(operation))
    offered = {name.lower() for name in operation.body["content"]}
    for content_type in OTHER_TYPES if operation.needs_body else OTHER_TYPES[1:]:
        ranges = {f"{str(content_type).split('/', maxsplit=1)[0]}/*", "*/*", content_type}
        if good and not offered & ranges:
            headers = {} if content_type is None else {"content-type": content_type}
            exchange = target.request(operation, content=good, headers=headers)
            target.wants(exchange, range(400, 500), f"{content_type} is taken")


@pytest.mark.parametrize(("operation", "body"), VALID)
def test_a_valid_body_is_taken(target: Target, operation: Operation, body: bodies.Body) -> None:
    """Whatever the schema allows, to its very edge, is taken."""
    exchange = target.request(operation, body=body.value)
    is_lost = not operation.is_found_for_sure and exchange.answer.status == 404
    target.demand(not exchange.answer.is_refusal or is_lost, f"refused, though {body.label}", exchange)


@of_json
def test_json_is_taken_however_its_name_is_written(target: Target, operation: Operation) -> None:
    """Neither letter case nor a UTF-8 charset makes another media type."""
    for name in ("application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"', "application/json ;"):
        exchange = target.request(operation, headers={"content-type": name})
        target.demand(not exchange.answer.is_refusal, f"{name} is refused", exchange)


@pytest.mark.parametrize("operation", OPEN, ids=str)
def test_a_field_that_nobody_documented_does_no_harm(target: Target, operation: Operation) -> None:
    """The schema allows more fields: one of them is neither a server error nor echoed."""
    for value in ("text", None, {"a": [1, {"b": None}]}, 10**30, -0.0):
        body = {**bodies.example_body(operation), "x_contract_suite": value}
        exchange = target.request(operation, body=body)
        target.demand(not exchange.answer.is_refusal, "a field beside the schema is refused", exchange)
        target.demand("x_contract_suite" not in exchange.answer.text, "it is echoed", exchange)


@of_json
def test_words_with_a_meaning_elsewhere_have_none_here(target: Target, operation: Operation) -> None:
    """No text makes the server fail: not a path, a template, a query, nor Unicode's odd letters."""
    for name, node in properties(operation.body_schema).items():
        if node.get("type") == "string" and "enum" not in node and "format" not in node:
            for text in (text for text in TEXTS if not schemas.faults(node, text)):
                exchange = target.request(operation, body={**bodies.example_body(operation), name: text})
                target.demand(not exchange.answer.is_refusal, f"{name}: {text!r} is refused", exchange)
