"""Who is let in: missing, wrong, empty and misplaced keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server.operations import Operation, life_cycles, operations
from contract_tests.schema.server.target import example_body

if TYPE_CHECKING:
    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.target import Target

GUARDED = [operation for operation in operations() if operation.security]
# Not random: a stand-in may take any key but those that begin so.
WRONG = "invalid-key-of-the-contract-suite"


def ask(target: Target, operation: Operation, headers: dict[str, str], path: str | None = None) -> Exchange:
    """Send a valid request whose key stands where `headers` or the path say, if anywhere."""
    url = path or operation.url()
    if operation.body is None:
        return target.call(operation.method, url, headers=headers, authorized=False)
    return target.call(operation.method, url, headers=headers, authorized=False, json=example_body(operation))


def misplaced(target: Target) -> dict[str, tuple[dict[str, str], str]]:
    """Give headers and a query that have a key nowhere where the document puts one."""
    name = next(iter(target.key_headers.values()))
    return {
        "no key": ({}, ""),
        "an empty key": ({name: ""}, ""),
        "a blank key": ({name: "  "}, ""),
        "a wrong key": ({name: WRONG}, ""),
        "a wrong key with odd letters": ({name: "invalid-\xe9\xff"}, ""),
        "a bearer token": ({"authorization": f"Bearer {WRONG}"}, ""),
        "basic authentication": ({"authorization": "Basic aW52YWxpZDppbnZhbGlk"}, ""),
        "a key in another header": ({"x-api-key": WRONG}, ""),
        "a key in a cookie": ({"cookie": f"{name}={WRONG}"}, ""),
        "a key in the query": ({}, f"?{name}={WRONG}"),
    }


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_nobody_gets_in_without_a_good_key(target: Target, operation: Operation) -> None:
    """A key that is missing, empty or wrong is a 401 at each operation, before anything else is looked at."""
    for label, (headers, query) in misplaced(target).items():
        exchange = ask(target, operation, headers, operation.url() + query)
        assert exchange.answer.status == 401, target.tell(f"{label} is let in", exchange)


@pytest.mark.parametrize("operation", GUARDED, ids=str)
@pytest.mark.parametrize("place", ["authorization", "x-api-key", "query", "cookie"])
def test_a_good_key_in_the_wrong_place_is_no_key(target: Target, operation: Operation, place: str) -> None:
    """The key counts in the documented headers alone."""
    name = next(iter(target.key_headers.values()))
    headers = {
        "authorization": {"authorization": f"Bearer {target.key}"},
        "x-api-key": {"x-api-key": target.key},
        "cookie": {"cookie": f"{name}={target.key}"},
        "query": {},
    }[place]
    path = operation.url() + (f"?{name}={target.key}" if place == "query" else "")
    exchange = ask(target, operation, headers, path)
    assert exchange.answer.status == 401, target.tell("a misplaced key is let in", exchange)


@pytest.mark.parametrize("operation", [op for op in GUARDED if op.body is None], ids=str)
def test_each_documented_header_takes_the_key(target: Target, operation: Operation) -> None:
    """Each header that the document names for this server takes a good key, in small or large letters."""
    for name in target.key_headers.values():
        for spelled in (name, name.upper()):
            exchange = ask(target, operation, {spelled: target.key})
            assert exchange.answer.status != 401, target.tell(f"a good key in {spelled} is refused", exchange)


def test_the_key_is_asked_for_before_the_path_and_the_body(target: Target) -> None:
    """Without a key, an unknown path or method and a bad body are 401 like any other, as observed."""
    cycle = life_cycles()[0]
    name = next(iter(target.key_headers.values()))
    for headers in ({}, {name: WRONG}):
        for method, path, body in (
            ("GET", "/v1/no-such-path", b""),
            ("DELETE", cycle.create.url(), b""),
            (cycle.create.method, cycle.create.url(), b"["),
        ):
            exchange = target.call(method, path, headers=headers, content=body, authorized=False)
            assert exchange.answer.status == 401, target.tell("it is no 401", exchange)


def test_a_missing_and_a_wrong_key_are_told_apart(target: Target) -> None:
    """A stand-in says which it was, in the document's words; the live service words it otherwise."""
    if not target.offered:
        pytest.skip(f"{target.origin} is no stand-in: the live service's words may differ. Nothing to do")
    operation = GUARDED[0]
    documented = operation.content(401)["application/json"]["examples"]
    name = next(iter(target.key_headers.values()))
    for headers, word in (({}, "missing"), ({name: ""}, "missing"), ({name: WRONG}, "invalid")):
        said = ask(target, operation, headers).answer.json()
        wanted = [example["value"] for label, example in documented.items() if word in label]
        assert said in wanted


def test_a_task_is_its_makers_alone(target: Target) -> None:
    """Another account's key finds neither the task nor a row for it."""
    other = target.need_another_account()
    for cycle in life_cycles():
        task_id = target.create(cycle)
        seen = target.call("GET", cycle.status_url(task_id), key=other)
        assert seen.answer.status == 404, target.tell("another key sees the task", seen)
        if cycle.listing is not None:
            rows = target.call("GET", cycle.listing.url(), key=other)
            assert task_id.encode() not in rows.answer.body, target.tell("another key lists it", rows)
