"""Who is let in: missing, wrong, empty and misplaced keys."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server.operations import LifeCycle, Operation, life_cycles, operations

if TYPE_CHECKING:
    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.target import Target

GUARDED = [operation for operation in operations() if operation.security]
CYCLES = [pytest.param(cycle, id=cycle.create.path.rpartition("/")[2]) for cycle in life_cycles()]
READ = next(operation for operation in GUARDED if operation.body is None)
# Not random: a stand-in may take any key but those that begin so.
WRONG = "invalid-key-of-the-contract-suite"


def ask(target: Target, operation: Operation, headers: dict[str, str], path: str | None = None) -> Exchange:
    """Send a valid request whose key stands where `headers` or the path say, if anywhere."""
    url = path or operation.url()
    if operation.body is None:
        return target.call(operation.method, url, headers=headers, authorized=False)
    return target.call(operation.method, url, headers=headers, authorized=False, json=target.body(operation))


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
        target.expect(exchange.answer.status == 401, f"{label} is let in", exchange)


def elsewhere(name: str, key: str) -> dict[str, tuple[dict[str, str], str]]:
    """Give headers and a query that have a good key where the document puts none."""
    basic = {
        text: base64.b64encode(text.encode()).decode() for text in (f"{key}:", f":{key}", f"{key}:{key}", key)
    }
    values = [f"Bearer {key}", f"bearer {key}", key, f"Token {key}", f"ApiKey {key}", f"Key {key}"]
    headers = [
        *(("authorization", value) for value in values),
        *(("authorization", f"Basic {value}") for value in basic.values()),
        *((other, key) for other in (
            "x-api-key", "api-key", "apikey", "x-apikey", "key", "x-key", "x-auth-token", "x-access-token", "token",
            "x-auth-key", "x-goog-api-key", "ocp-apim-subscription-key", "proxy-authorization", "x-authorization",
            "x-api-token", "x-original-authorization", "x-forwarded-api-key",
            name.replace("-", "_"), name.replace("-", ""), name.removeprefix("x-"), f"x-{name}", f"{name}s",
            name.replace("-api-key", "-key"), name.replace("-api-key", "-apikey"), name.replace("-api-key", "-token"),
        )),
        *(("cookie", f"{cookie}={key}") for cookie in (name, "api_key", "apikey", "token", "session")),
    ]  # fmt: skip
    queries = (
        name,
        name.replace("-", "_"),
        "api_key",
        "apikey",
        "api-key",
        "apiKey",
        "key",
        "token",
        "access_token",
    )
    return {f"{header}: {value}": ({header: value}, "") for header, value in headers} | {
        f"?{query}": ({}, f"?{query}={key}") for query in queries
    }


def near_misses(key: str) -> dict[str, str]:
    """Give what is nearly a good key, and none."""
    return {
        "less its end": key[:-1],
        "less its beginning": key[1:],
        "its first half": key[: len(key) // 2],
        "its first eight": key[:8],
        "one letter more": key + "x",
        "one letter before": "x" + key,
        "its last letter changed": key[:-1] + ("a" if key[-1] != "a" else "b"),
        "its first letter changed": ("a" if key[0] != "a" else "b") + key[1:],
        "in large letters": key.upper() if key.upper() != key else key.lower(),
        "in small letters": key.lower() if key.lower() != key else key.swapcase(),
        "in swapped letters": key.swapcase(),
        "backwards": key[::-1],
        "twice": key + key,
        "in a list": f"{key}, other",
        "last in a list": f"other, {key}",
        "in a list with itself": f"{key},{key}",
        "in a list with semicolons": f"{key};other",
        "with a word after it": f"{key} other",
        "with a word before it": f"other {key}",
        "in quotes": f'"{key}"',
        "in single quotes": f"'{key}'",
        "in angle brackets": f"<{key}>",
        "in braces": f"{{{key}}}",
        "as a bearer token": f"Bearer {key}",
        "as basic authentication": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "in base64": base64.b64encode(key.encode()).decode(),
        "percent-encoded": "".join(f"%{byte:02X}" for byte in key.encode()),
        "with one letter percent-encoded": f"%{ord(key[0]):02X}{key[1:]}",
        "in hexadecimal": key.encode().hex(),
        "with a wildcard": key[:4] + "*",
        "a wildcard": "*",
        "a percent sign": "%",
        "a dot": ".",
        "null": "null",
        "undefined": "undefined",
        "true": "true",
        "zero": "0",
        "with a tab inside": key[:4] + "\t" + key[4:],
        "with a space inside": key[:4] + " " + key[4:],
        "without hyphens": key.replace("-", "").replace("_", "") if "-" in key or "_" in key else key[:-2],
        "with underscores": key.replace("-", "_") if "-" in key else key[:-3],
        "SQL": "' OR '1'='1",
        "with a comment": f"{key}'--",
        "with an equals sign": f"key={key}",
        "long": key + "a" * 4000,
        "its hash": hashlib.sha256(key.encode()).hexdigest(),
    }


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_a_good_key_in_the_wrong_place_is_no_key(target: Target, operation: Operation) -> None:
    """The key counts in the documented headers alone: in no other header, cookie, query or body."""
    name = next(iter(target.key_headers.values()))
    for label, (headers, query) in elsewhere(name, target.key).items():
        if target.key_headers_in(headers):
            continue
        exchange = ask(target, operation, headers, operation.url() + query)
        target.expect(exchange.answer.status == 401, f"{label.split(': ')[0]} lets in", exchange)
    if operation.body is not None:
        for field in ("api_key", "apikey", "key", name):
            body = {**target.body(operation), field: target.key}
            exchange = target.call(operation.method, operation.url(), json=body, authorized=False)
            target.expect(exchange.answer.status == 401, f"{field} in the body lets in", exchange)


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_nearly_a_good_key_is_none(target: Target, operation: Operation) -> None:
    """A key is compared whole and letter by letter: a near miss is a 401 at each operation."""
    name = next(iter(target.key_headers.values()))
    if target.offered and ask(target, READ, {name: "any-key-of-the-contract-suite"}).answer.status != 401:
        pytest.skip("the stand-in would have to take some keys only: start it with --key")
    if operation.body is not None and target.guard.profile == "free":
        pytest.skip(
            "PROFILE=free: a server that takes a near miss would make a task. To send it: PROFILE=full CAP=20"
        )
    for label, key in near_misses(target.key).items():
        if key in target.keys:
            continue
        exchange = ask(target, operation, {name: key})
        target.expect(exchange.answer.status == 401, f"the key {label} is let in", exchange)


@pytest.mark.parametrize("path", sorted({operation.path for operation in GUARDED}))
def test_every_method_asks_for_the_key(target: Target, path: str) -> None:
    """No method skips the check: without a key each is a 401, but OPTIONS, which says no more than `Allow`."""
    name = next(iter(target.key_headers.values()))
    url = next(operation for operation in GUARDED if operation.path == path).url()
    for headers in ({}, {name: WRONG}):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "MADE-UP"):
            exchange = target.call(method, url, headers=headers, authorized=False)
            target.expect(exchange.answer.status == 401, f"{method} does not ask for a key", exchange)
        for override in ("x-http-method-override", "x-method-override", "x-http-method"):
            exchange = target.call("POST", url, headers={**headers, override: "OPTIONS"}, authorized=False)
            target.expect(exchange.answer.status == 401, f"{override} skips the key", exchange)
        options = target.call("OPTIONS", url, headers=headers, authorized=False)
        target.expect(options.answer.status in {200, 204, 401, 405}, "OPTIONS", options)
        told = b"task_id" in options.answer.body or b'"data"' in options.answer.body
        target.expect(not told, "OPTIONS shows tasks without a key", options)


@pytest.mark.parametrize("cycle", CYCLES)
def test_nobody_sees_a_task_without_a_key(target: Target, cycle: LifeCycle) -> None:
    """A task that exists is a 401 without a good key, by any method, and is not told from one that does not."""
    name = next(iter(target.key_headers.values()))
    task_id = target.any_task(cycle)
    paths = [cycle.status_url(task_id), cycle.status_url("00000000-0000-4000-8000-000000000000")]
    for headers in ({}, {name: ""}, {name: WRONG}, {name: target.key[:-1]}):
        if target.offered and headers.get(name) == target.key[:-1]:
            continue  # a stand-in may take any key
        for method in ("GET", "HEAD"):
            both = [target.call(method, path, headers=headers, authorized=False) for path in paths]
            for exchange in both:
                target.expect(exchange.answer.status == 401, f"{method} without a good key", exchange)
            target.expect(both[0].answer.body == both[1].answer.body, "the answers differ", both[0])
        options = target.call("OPTIONS", paths[0], headers=headers, authorized=False)
        target.expect(task_id.encode() not in options.answer.body, "OPTIONS shows the task", options)


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
