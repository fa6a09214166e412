"""Paths and methods that the document does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from contract_tests.schema.exercised import template_of
from contract_tests.schema.server.operations import Operation, by_path, cycle_of, operations
from contract_tests.support.contract import METHODS

if TYPE_CHECKING:
    from contract_tests.schema.server.target import Target

PATHS: Final = sorted(by_path())
# A server may always answer these two (RFC 9110); the document need not say so.
IMPLIED: Final = {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", [m.upper() for m in METHODS if m.upper() not in IMPLIED] + ["MADE-UP"])
def test_another_method_is_a_405_that_names_the_right_ones(target: Target, path: str, method: str) -> None:
    """A method that a path does not have is a 405, whose Allow has exactly the documented ones."""
    here = by_path()[path]
    if method in here:
        if here[method].security:
            exchange = target.call(method, here[method].url(), authorized=False)
            target.demand(exchange.answer.status != 405, "a documented method is not allowed", exchange)
        return
    exchange = target.call(method, next(iter(here.values())).url())
    target.demand(exchange.answer.status == 405, "an undocumented method is no 405", exchange)
    allowed = {word.strip() for word in (exchange.answer.header("allow") or "").split(",")} - {""}
    target.demand(allowed - IMPLIED == set(here) - IMPLIED, f"Allow: {sorted(allowed)}", exchange)


@pytest.mark.parametrize("get", [op for op in operations() if op.method == "GET"], ids=str)
def test_head_is_get_without_a_body(target: Target, get: Operation) -> None:
    """HEAD has GET's status and no body, also where there is something to see."""
    cycle, url = cycle_of(get), get.url()
    if cycle is not None and target.guard.may_spend:
        task_id = target.any_task(cycle)
        url = cycle.status_url(task_id) if get is cycle.status else url
    wanted = target.request(get, url).answer.status
    headers = {name: value for name, value in target.record[-1].headers if name != "cookie"}
    exchange = target.call("HEAD", url, headers=headers)
    target.demand((exchange.answer.status, exchange.answer.body) == (wanted, b""), "HEAD", exchange)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_nearby_is_not_found(target: Target, path: str) -> None:
    """A path that the document does not have is a 404, however much it looks like one."""
    url = next(iter(by_path()[path].values())).url().split("?")[0]
    for near in (url + "/", url + "/more/still", url.replace("/v1/", "/v2/"), "/" + url, url.upper()):
        if template_of(near) is None:
            exchange = target.call("GET", near)
            target.demand(exchange.answer.status == 404, "an unknown path is no 404", exchange)


@pytest.mark.parametrize("path", PATHS)
def test_a_header_makes_no_other_method(target: Target, path: str) -> None:
    """A method is the request line's: no header or query overrides it."""
    here = by_path()[path]
    method, url = next(iter(here)), next(iter(here.values())).url()
    for other in [method for method in ("PUT", "DELETE") if method not in here][:1]:
        for headers, query in (
            ({"x-http-method-override": method}, ""),
            ({"x-method-override": method}, ""),
            ({}, f"{'&' if '?' in url else '?'}_method={method}"),
        ):
            exchange = target.call(other, url + query, headers=headers)
            target.expect(exchange.answer.status == 405, f"{other} is no 405", exchange)
