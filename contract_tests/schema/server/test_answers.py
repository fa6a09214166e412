"""Every documented status in every documented media type, and what `Accept` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.exercised import Row, documented
from contract_tests.schema.server.operations import Operation, life_cycles, operations
from contract_tests.schema.server.verdicts import stricter

if TYPE_CHECKING:
    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.target import Target

ERRORS = [row for row in documented() if row.status[:1] != "2"]
BY_ROW = {(operation.method, operation.path): operation for operation in operations()}
# A code of the network edge, which no operation has of its own.
OF_THE_EDGE = 502


def call(target: Target, operation: Operation, accept: str | None, scenario: str | None = None) -> Exchange:
    """Send a valid request."""
    headers = {} if accept is None else {"accept": accept}
    return target.request(operation, headers=headers, scenario=scenario)


@pytest.mark.parametrize("row", ERRORS, ids=" ".join)
def test_every_documented_error_can_be_had_as_documented(target: Target, row: Row) -> None:
    """Each error comes in each of its media types when it is asked for, with a body that fits."""
    operation = BY_ROW[row.method, row.path]
    status = OF_THE_EDGE if row.status == "default" else int(row.status)
    exchange = call(target, operation, row.media_type, f"status={status}")
    assert exchange.answer.status == status, target.tell(f"{status} was asked for", exchange)
    assert exchange.answer.media_type == row.media_type, target.tell(
        f"{row.media_type} was asked for", exchange
    )


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_every_operation_succeeds_as_documented(target: Target, operation: Operation) -> None:
    """Each operation's success comes in each of its media types."""
    url, cycle = operation.url(), next((c for c in life_cycles() if operation in {c.status, c.listing}), None)
    if cycle is not None:
        task_id = target.any_task(cycle)
        url = cycle.status_url(task_id) if operation is cycle.status else url
    once = cycle is None and any(operation is c.create for c in life_cycles())  # each answer is a task
    for accept in (None,) if once else (*operation.success.get("content", ()), "*/*", None):
        headers = {} if accept is None else {"accept": accept}
        exchange = target.request(operation, url, headers=headers)
        assert exchange.answer.is_success, target.tell("a valid request is refused", exchange)


@stricter("HTTP lets a server ignore Accept; the document offers both media types")
@pytest.mark.parametrize("operation", [op for op in operations() if len(op.content(400)) > 1], ids=str)
@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, None),
        ("*/*", None),
        ("application/json", "application/json"),
        ("application/problem+json", "application/problem+json"),
        ("application/problem+json, application/json;q=0.5", "application/problem+json"),
        ("application/json, application/problem+json;q=0.5", "application/json"),
        ("APPLICATION/PROBLEM+JSON", "application/problem+json"),
        ("application/problem+json;q=0, application/json", "application/json"),
        ("text/html", None),
        ("not even a media type;;q=x", None),
    ],
)
def test_accept_chooses_among_the_documented_media_types(
    target: Target, operation: Operation, accept: str | None, wanted: str | None
) -> None:
    """Of several media types the most wanted comes; where none is named, any documented one."""
    if operation.body is not None:
        headers = {"content-type": "application/json"} | ({} if accept is None else {"accept": accept})
        exchange = target.call(operation.method, operation.url(), content=b"hello", headers=headers)
    else:
        exchange = call(target, operation, accept, "status=400")
    assert exchange.answer.status == 400, target.tell("it is no 400", exchange)
    offered = operation.content(400)
    assert exchange.answer.media_type in ({wanted} if wanted else offered), target.tell(
        "wrong choice", exchange
    )


@pytest.mark.parametrize("operation", [op for op in operations() if "429" in op.responses], ids=str)
def test_a_rate_says_when_to_come_back(target: Target, operation: Operation) -> None:
    """A 429 for a rate has Retry-After, one for the day's quota none; both have the document's words."""
    rate = call(target, operation, None, "rate=7")
    assert (rate.answer.status, rate.answer.header("retry-after")) == (429, "7"), target.tell("rate", rate)
    quota = call(target, operation, None, "quota")
    assert (quota.answer.status, quota.answer.header("retry-after")) == (429, None), target.tell(
        "quota", quota
    )
    assert rate.answer.body != quota.answer.body, target.tell("a rate and a quota look alike", quota)
    examples = [
        e["value"] for e in operation.responses["429"]["content"]["application/json"]["examples"].values()
    ]
    assert rate.answer.json() in examples
    assert quota.answer.json() in examples
