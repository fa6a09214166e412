"""Paths and methods that the document does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server.operations import Operation, life_cycles, operations
from contract_tests.support.contract import METHODS

if TYPE_CHECKING:
    from contract_tests.schema.server.target import Target

PATHS = sorted({operation.path for operation in operations()})
# A server may always answer these two (RFC 9110); the document need not say so.
IMPLIED = {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", [m.upper() for m in METHODS if m.upper() not in IMPLIED] + ["MADE-UP"])
def test_another_method_is_a_405_that_names_the_right_ones(target: Target, path: str, method: str) -> None:
    """A method that a path does not have is a 405, whose Allow has exactly the documented ones."""
    here = {operation.method: operation for operation in operations() if operation.path == path}
    if method in here:
        exchange = target.call(method, here[method].url(), authorized=False)
        assert exchange.answer.status != 405, target.tell("a documented method is not allowed", exchange)
        return
    exchange = target.call(method, next(iter(here.values())).url())
    assert exchange.answer.status == 405, target.tell("an undocumented method is no 405", exchange)
    allowed = {word.strip() for word in (exchange.answer.header("allow") or "").split(",")} - {""}
    assert allowed - IMPLIED == set(here) - IMPLIED, target.tell(f"Allow: {sorted(allowed)}", exchange)


@pytest.mark.parametrize("get", [op for op in operations() if op.method == "GET"], ids=str)
def test_head_is_get_without_a_body(target: Target, get: Operation) -> None:
    """HEAD has GET's status and no body, also where there is something to see."""
    cycle, url = next((c for c in life_cycles() if get in {c.status, c.listing}), None), get.url()
    if cycle is not None and target.guard.left != 0:
        task_id = target.any_task(cycle)
        url = cycle.status_url(task_id) if get is cycle.status else url
    wanted = target.call("GET", url).answer.status
    exchange = target.call("HEAD", url)
    assert (exchange.answer.status, exchange.answer.body) == (wanted, b""), target.tell("HEAD", exchange)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_nearby_is_not_found(target: Target, path: str) -> None:
    """A path that the document does not have is a 404, however much it looks like one."""
    url = next(operation for operation in operations() if operation.path == path).url()
    for near in (url + "/", url + "/more/still", url.replace("/v1/", "/v2/"), "/" + url, url.upper()):
        exchange = target.call("GET", near)
        assert exchange.answer.status == 404, target.tell("an unknown path is no 404", exchange)


@pytest.mark.parametrize("path", PATHS)
def test_a_header_makes_no_other_method(target: Target, path: str) -> None:
    """A method is the request line's: no header or query overrides it."""
    here = {operation.method: operation for operation in operations() if operation.path == path}
    url = next(iter(here.values())).url()
    other = next(method for method in ("PUT", "DELETE") if method not in here)
    for headers, query in (
        ({"x-http-method-override": next(iter(here))}, ""),
        ({"x-method-override": next(iter(here))}, ""),
        ({}, f"?_method={next(iter(here))}"),
    ):
        exchange = target.call(other, url + query, headers=headers)
        target.expect(exchange.answer.status == 405, f"{other} is no 405", exchange)
