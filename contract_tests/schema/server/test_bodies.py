"""What a create takes and refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import bodies
from contract_tests.schema.server.operations import Operation, operations, properties
from contract_tests.schema.server.target import example_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _pytest.mark import ParameterSet

    from contract_tests.schema.server.target import Target

WITH_BODY = [op for op in operations() if op.body and "application/json" in op.body["content"]]
PROBLEM = "application/problem+json"


def each(make: Callable[[Operation], Iterable[bodies.Body | tuple[str, bytes]]]) -> list[ParameterSet]:
    """Give every operation with each of its bodies."""
    return [
        pytest.param(op, body, id=f"{op}: {body.label if isinstance(body, bodies.Body) else body[0]}")
        for op in WITH_BODY
        for body in make(op)
    ]


@pytest.mark.parametrize(("operation", "body"), each(bodies.broken))
def test_a_body_that_breaks_the_schema_is_refused_by_name(
    target: Target, operation: Operation, body: bodies.Body
) -> None:
    """One breach of the schema is a 400, and its problem details name the parameter at fault."""
    plain = target.call(operation.method, operation.url(), json=body.value)
    assert plain.answer.status == 400, target.tell(f"taken, though {body.label}", plain)
    assert body.parameter is not None
    assert body.parameter in plain.answer.json()["message"], target.tell(
        "the message names no parameter", plain
    )
    if PROBLEM not in operation.content(400):
        return
    detailed = target.call(operation.method, operation.url(), json=body.value, headers={"accept": PROBLEM})
    assert detailed.answer.media_type == PROBLEM, target.tell("no problem details come", detailed)
    problem = detailed.answer.json()
    params = problem.get("problem", problem)["invalid_params"]
    names = [param.get("name", param.get("field", "")) for param in params]
    assert any(body.parameter in name for name in names), target.tell(f"{body.parameter} unnamed", detailed)


@pytest.mark.parametrize(("operation", "body"), each(bodies.valid))
def test_a_valid_body_is_taken(target: Target, operation: Operation, body: bodies.Body) -> None:
    """Whatever the schema allows, to its very edge, is taken."""
    exchange = target.call(operation.method, operation.url(), json=body.value)
    assert exchange.answer.is_success, target.tell(f"refused, though {body.label}", exchange)


@pytest.mark.parametrize(("operation", "body"), each(bodies.malformed))
def test_bytes_that_are_no_json_are_refused(
    target: Target, operation: Operation, body: tuple[str, bytes]
) -> None:
    """What is no JSON by the letter is a documented 400, in each media type that is asked for."""
    for accept in operation.content(400):
        headers = {"content-type": "application/json", "accept": accept}
        exchange = target.call(operation.method, operation.url(), content=body[1], headers=headers)
        assert exchange.answer.status == 400, target.tell(f"{body[0]} is no 400", exchange)
        assert exchange.answer.media_type == accept, target.tell(f"{accept} was asked for", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
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
    good = json.dumps(example_body(operation)).encode()
    exchange = target.call(operation.method, operation.url(), content=good, headers=headers)
    assert 400 <= exchange.answer.status < 500, target.tell(f"{content_type} is taken", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"', "application/json ;"],
)
def test_json_is_taken_however_its_name_is_written(
    target: Target, operation: Operation, content_type: str
) -> None:
    """Neither letter case nor a UTF-8 charset makes another media type."""
    good = json.dumps(example_body(operation)).encode()
    exchange = target.call(
        operation.method, operation.url(), content=good, headers={"content-type": content_type}
    )
    assert exchange.answer.is_success, target.tell(f"{content_type} is refused", exchange)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_field_that_nobody_documented_does_no_harm(target: Target, operation: Operation) -> None:
    """The schema allows more fields: one of them is neither a server error nor echoed."""
    for value in ("text", None, {"a": [1, {"b": None}]}, 10**30, -0.0):
        body = {**example_body(operation), "x_contract_suite": value}
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
                body = {**example_body(operation), name: text}
                exchange = target.call(operation.method, operation.url(), json=body)
                assert exchange.answer.is_success, target.tell(f"{name}: {text!r} is refused", exchange)
