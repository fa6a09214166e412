"""Every documented status in every documented media type, and what `Accept` does."""

from typing import Final

import pytest

from contract_tests.schema.exercised import Row, documented
from contract_tests.schema.server.operations import Operation, by_path, cycle_of, life_cycles, operations
from contract_tests.schema.server.target import Target
from contract_tests.schema.server.verdicts import stricter

# A code of the network edge, which no operation has of its own.
OF_THE_EDGE: Final = 502
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
# What a request accepts, and what it then gets; None: any documented media type.
CHOICES: Final[tuple[tuple[str | None, str | None], ...]] = (
    (None, None), ("*/*", None), ("text/html", None), ("not even a media type;;q=x", None), (JSON, JSON),
    (PROBLEM, PROBLEM), (PROBLEM.upper(), PROBLEM), (f"{PROBLEM}, {JSON};q=0.5", PROBLEM),
    (f"{JSON}, {PROBLEM};q=0.5", JSON), (f"{PROBLEM};q=0, {JSON}", JSON),
)  # fmt: skip


@pytest.mark.parametrize("row", [row for row in documented() if row.status[:1] != "2"], ids=" ".join)
def test_every_documented_error_can_be_had_as_documented(target: Target, row: Row) -> None:
    """Each error comes in each of its media types when it is asked for, with a body that fits."""
    operation = by_path()[row.path][row.method]
    status = OF_THE_EDGE if row.status == "default" else int(row.status.replace("XX", "18"))
    headers = {"accept": row.media_type} if row.media_type else {}
    exchange = target.request(operation, headers=headers, scenario=f"status={status}")
    target.demand(exchange.answer.status == status, f"{status} was asked for", exchange)
    is_right = exchange.answer.media_type == row.media_type or not row.media_type
    target.demand(is_right, f"{row.media_type} was asked for", exchange)


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_every_operation_succeeds_as_documented(target: Target, operation: Operation) -> None:
    """Each operation's success comes in each of its media types."""
    url, cycle = operation.url(), cycle_of(operation)
    is_create = any(operation is each.create for each in life_cycles())  # each answer is a task
    if cycle is not None and not is_create:
        task_id = target.any_task(cycle)
        url = cycle.status_url(task_id) if operation is cycle.status else url
    for accept in (None,) if is_create else (*operation.success.get("content", ()), "*/*", None):
        exchange = target.request(operation, url, headers={} if accept is None else {"accept": accept})
        is_lost = cycle is None and not operation.is_found_for_sure and exchange.answer.status == 404
        target.demand(not exchange.answer.is_refusal or is_lost, "a valid request is refused", exchange)


@stricter("HTTP lets a server ignore Accept; the document offers both media types")
@pytest.mark.parametrize("operation", [op for op in operations() if len(op.content(400)) > 1], ids=str)
def test_accept_chooses_among_the_documented_media_types(target: Target, operation: Operation) -> None:
    """Of several media types the most wanted comes; where none is named, any documented one."""
    offered = operation.content(400)
    for accept, wanted in CHOICES:
        headers = {} if accept is None else {"accept": accept}
        if operation.media_type == JSON and operation.needs_body:
            headers["content-type"] = JSON
            exchange = target.request(operation, content=b"hello", headers=headers)
        else:
            exchange = target.request(operation, headers=headers, scenario="status=400")
        target.demand(exchange.answer.status == 400, "it is no 400", exchange)
        right = {wanted} & set(offered) or offered
        target.expect(exchange.answer.media_type in right, f"wrong choice for Accept: {accept}", exchange)
