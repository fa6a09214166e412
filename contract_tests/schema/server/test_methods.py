"""Paths and methods that the document does not have."""

from typing import Final

import pytest
from attrs import evolve

from contract_tests.schema.exercised import template_of
from contract_tests.schema.server.operations import Operation, by_path, cycle_of, operations, with_query
from contract_tests.schema.server.target import Target
from contract_tests.support.contract import METHODS

# A server may always answer these two (RFC 9110); the document need not say so.
IMPLIED: Final = {"HEAD", "OPTIONS"}
OTHERS: Final = ("MADE-UP", *(method.upper() for method in METHODS if method.upper() not in IMPLIED))

of_each_path = pytest.mark.parametrize("path", sorted(by_path()))


@of_each_path
def test_another_method_is_a_405_that_names_the_right_ones(target: Target, path: str) -> None:
    """A method that a path does not have is a 405, whose Allow has exactly the documented ones."""
    here = by_path()[path]
    url = next(iter(here.values())).url()
    for method in OTHERS:
        if method not in here:
            exchange = target.call(method, url)
            words = ",".join(exchange.answer.values("allow")).split(",")
            allowed = {word.strip() for word in words} - {""}
            target.wants(exchange, {405}, "an undocumented method is no 405")
            is_right = allowed - IMPLIED == set(here) - IMPLIED
            target.expect(is_right, f"Allow: {sorted(allowed)}", exchange)
        elif here[method].security:
            exchange = target.call(method, here[method].url(), authorized=False)
            target.expect(exchange.answer.status != 405, "a documented method is not allowed", exchange)


@pytest.mark.parametrize("get", [op for op in operations() if op.method == "GET"], ids=str)
def test_head_is_get_without_a_body(target: Target, get: Operation) -> None:
    """HEAD has GET's status and no body, also where there is something to see."""
    cycle, url = cycle_of(get), get.url()
    if cycle is not None and target.guard.may_spend:
        task_id = target.any_task(cycle)
        url = cycle.status_url(task_id) if get is cycle.status else url
    wanted = target.request(get, url).answer.status
    exchange = target.request(evolve(get, method="HEAD"), url)
    target.demand((exchange.answer.status, exchange.answer.body) == (wanted, b""), "HEAD", exchange)


@of_each_path
def test_a_path_nearby_is_not_found(target: Target, path: str) -> None:
    """A path that the document does not have is a 404, however much it looks like one."""
    url = next(iter(by_path()[path].values())).url().split("?")[0]
    for near in (url + "/", url + "/more/still", url.replace("/v1/", "/v2/"), "/" + url, url.upper()):
        if template_of(near) is None:
            target.wants(target.call("GET", near), {404}, "an unknown path is no 404")


@of_each_path
def test_a_header_makes_no_other_method(target: Target, path: str) -> None:
    """A method is the request line's: no header or query overrides it."""
    here = by_path()[path]
    method, url = next(iter(here)), next(iter(here.values())).url()
    for other in [method for method in ("PUT", "DELETE") if method not in here][:1]:
        for name in ("x-http-method-override", "x-method-override"):
            target.wants(target.call(other, url, headers={name: method}), {405}, f"{other} is no 405")
        target.wants(target.call(other, with_query(url, f"_method={method}")), {405}, f"{other} is no 405")
