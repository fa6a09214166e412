"""Who is let in: missing, wrong, empty and misplaced keys, whatever the security scheme is."""

# ruff: noqa: E501 - tables

import base64
import hashlib
from typing import Final

import pytest

from contract_tests.schema.server import operations as ops
from contract_tests.schema.server.bodies import example_body
from contract_tests.schema.server.target import Target

GUARDED: Final = [operation for operation in ops.operations() if operation.security]
# Not random: a stand-in may take any key but those that begin so.
WRONG: Final = "invalid-key-of-the-contract-suite"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "MADE-UP")
# What proxies say of a caller, which anybody can say.
CLAIMS: Final = {
    **dict.fromkeys(
        ("x-forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "x-originating-ip", "client-ip"), "127.0.0.1"
    ),
    "forwarded": "for=127.0.0.1", "x-forwarded-host": "localhost", "x-forwarded-user": "admin",
    "x-remote-user": "admin", "x-original-url": "/", "x-internal": "true",
}  # fmt: skip
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"

of_each = pytest.mark.parametrize("operation", GUARDED, ids=str)
of_cycle = pytest.mark.parametrize("cycle", ops.life_cycles(), ids=str)


def refused(
    target: Target, operation: ops.Operation, text: str, headers: dict[str, str], query: str = ""
) -> None:
    """Send a valid request whose key stands where headers and query say, if anywhere, and expect the 401."""
    url = ops.with_query(operation.url(), query)
    exchange = target.request(operation, url, headers=headers, authorized=False)
    target.wants(exchange, operation.refusals(401), text)


@of_each
def test_nobody_gets_in_without_a_good_key(target: Target, operation: ops.Operation) -> None:
    """A key that is missing, empty or wrong is a 401 at each operation, before anything else is looked at."""
    way = target.ways(operation)[0]
    name = way[0].name
    for key in ("", "  ", WRONG):
        refused(target, operation, f"the key {key!r} is let in", *ops.carried(way, key))
    for left_out in way:
        rest = ops.carried((place for place in way if place is not left_out), target.key)
        refused(target, operation, f"no key in {left_out.name} is let in", *rest)
    for headers in (
        {name: "invalid-\xe9\xff"},
        {"authorization": f"Bearer {WRONG}"},
        {"authorization": "Basic aW52YWxpZDppbnZhbGlk"},
        {"x-api-key": WRONG},
        {"cookie": f"{name}={WRONG}"},
        *({claim: value} for claim, value in CLAIMS.items()),
    ):
        refused(target, operation, "a wrong key is let in", headers)
    refused(target, operation, "a wrong key is let in", {}, f"{name}={WRONG}")


def elsewhere(place: ops.Place, key: str) -> list[tuple[ops.Place, str]]:
    """Return places where a good key might be looked for, each with what stands there."""
    name = place.name
    pairs = (f"{key}:", f":{key}", f"{key}:{key}", key)
    basic = [f"Basic {base64.b64encode(text.encode()).decode()}" for text in pairs]
    values = [key, *(f"{word} {key}" for word in ("Bearer", "bearer", "Token", "ApiKey", "Key")), *basic]
    others = (
        "x-api-key", "api-key", "apikey", "x-apikey", "key", "x-key", "x-auth-token", "x-access-token", "token",
        "x-auth-key", "x-goog-api-key", "ocp-apim-subscription-key", "proxy-authorization", "x-authorization",
        "x-api-token", "x-original-authorization", "x-forwarded-api-key",
        name.replace("-", "_"), name.replace("-", ""), name.removeprefix("x-"), f"x-{name}", f"{name}s",
        *(name.replace("-api-key", other) for other in ("-key", "-apikey", "-token")),
    )  # fmt: skip
    queries = (
        name, name.replace("-", "_"), "api_key", "apikey", "api-key", "apiKey", "key", "token", "access_token",
    )  # fmt: skip
    return [
        *((ops.Place("header", "authorization"), value) for value in values),
        *((ops.Place("header", other), key) for other in others),
        *((ops.Place("cookie", other), key) for other in (name, "api_key", "apikey", "token", "session")),
        *((ops.Place("query", other), key) for other in queries),
    ]


def near_misses(key: str) -> dict[str, str]:
    return {
        "less its end": key[:-1], "less its beginning": key[1:], "its first half": key[: len(key) // 2],
        "its first eight": key[:8], "one letter more": key + "x", "one letter before": "x" + key,
        "its last letter changed": key[:-1] + ("a" if key[-1] != "a" else "b"),
        "its first letter changed": ("a" if key[0] != "a" else "b") + key[1:],
        "in large letters": key.upper(), "in small letters": key.lower(), "in swapped letters": key.swapcase(),
        "backwards": key[::-1], "twice": key + key, "in a list with itself": f"{key},{key}",
        "in a list": f"{key}, other", "last in a list": f"other, {key}", "in another list": f"{key};other",
        "with a word after it": f"{key} other", "with a word before it": f"other {key}",
        "in quotes": f'"{key}"', "in single quotes": f"'{key}'", "as a bearer token": f"Bearer {key}",
        "in angle brackets": f"<{key}>", "in braces": f"{{{key}}}", "with an equals sign": f"key={key}",
        "as basic authentication": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "in base64": base64.b64encode(key.encode()).decode(), "in hexadecimal": key.encode().hex(),
        "percent-encoded": "".join(f"%{byte:02X}" for byte in key.encode()),
        "with one letter percent-encoded": f"%{ord(key[0]):02X}{key[1:]}",
        "with a wildcard": key[:4] + "*", "with a tab inside": key[:4] + "\t" + key[4:],
        "with a space inside": key[:4] + " " + key[4:], "without hyphens": key.replace("-", "").replace("_", ""),
        "with underscores": key.replace("-", "_"), "with a comment": f"{key}'--", "long": key + "a" * 4000,
        "its hash": hashlib.sha256(key.encode()).hexdigest(),
        **{word: word for word in ("*", "%", ".", "null", "undefined", "true", "0", "' OR '1'='1")},
    }  # fmt: skip


@of_each
def test_a_good_key_in_the_wrong_place_is_no_key(target: Target, operation: ops.Operation) -> None:
    """The key counts in the documented places alone: in no other header, cookie, query or body."""
    documented = {(place.part, place.name) for way in target.ways() for place in way}
    first = target.ways(operation)[0][0]
    for place, value in elsewhere(first, target.key):
        if (place.part, place.name) not in documented:
            refused(target, operation, f"{place.part} {place.name} lets in", *ops.carried([place], value))
    example = example_body(operation)
    if operation.media_type == "application/json" and isinstance(example, dict):
        for field in ("api_key", "apikey", "key", first.name):
            exchange = target.request(operation, body={**example, field: target.key}, authorized=False)
            target.wants(exchange, operation.refusals(401), f"{field} in the body lets in")


@of_each
def test_nearly_a_good_key_is_none(target: Target, operation: ops.Operation) -> None:
    """A key is compared whole and letter by letter: a near miss is a 401 at each operation."""
    reads = [read for read in GUARDED if not read.body and read.method == "GET"]
    if target.offered and reads:
        headers, query = ops.carried(target.ways(reads[0])[0], "any-key-of-the-contract-suite")
        told = target.call("GET", ops.with_query(reads[0].url(), query), headers=headers, authorized=False)
        if told.answer.status not in reads[0].refusals(401):
            pytest.skip("the stand-in would have to take some keys only: start it with --key")
    if operation.method != "GET" and target.guard.profile == "free":
        pytest.skip("PROFILE=free: who takes a near miss makes a task. To send it: PROFILE=full CAP=20")
    way = target.ways(operation)[0]
    for label, key in near_misses(target.key).items():
        # A cookie ends at a blank or a semicolon, and what is no ASCII has no one form there.
        if key not in target.keys and (way[0].part != "cookie" or not set(key) & set(' ;,"\t')):
            refused(target, operation, f"the key {label} is let in", *ops.carried(way, key))


@pytest.mark.parametrize("path", sorted({operation.path for operation in GUARDED}))
def test_every_method_asks_for_the_key(target: Target, path: str) -> None:
    """No method skips the check: without a key each is a 401, but OPTIONS, which says no more than `Allow`."""
    here = ops.by_path()[path]
    one = next(operation for operation in here.values() if operation.security)
    unguarded = {method for method, operation in here.items() if not operation.security}
    # Of the security of tasks it was observed that the key comes first of all.
    is_observed = any(one.security == cycle.create.security for cycle in ops.life_cycles())
    refusals = one.refusals(401) | (set() if is_observed else {404, 405})
    for headers, query in (({}, ""), ops.carried(target.ways(one)[0], WRONG)):
        url = ops.with_query(one.url(), query)
        overrides = ("x-http-method-override", "x-method-override", "x-http-method")
        tries: list[tuple[str, dict[str, str]]] = [(m, {}) for m in METHODS if m not in unguarded]
        for method, more in (*tries, *(("POST", {override: "OPTIONS"}) for override in overrides)):
            exchange = target.call(method, url, headers={**headers, **more}, authorized=False)
            target.wants(exchange, refusals, f"{method} {more} does not ask for a key")
        options = target.call("OPTIONS", url, headers=headers, authorized=False)
        target.wants(options, {200, 204, 401, 403, 405}, "OPTIONS")
        told = "task_id" in options.answer.text or '"data"' in options.answer.text
        target.expect(not told, "OPTIONS shows tasks without a key", options)


@of_cycle
def test_nobody_sees_a_task_without_a_key(target: Target, cycle: ops.LifeCycle) -> None:
    """A task that exists is a 401 without a good key, by any method, and is not told from one that does not."""
    way, task_id = target.ways(cycle.status)[0], target.any_task(cycle)
    # A stand-in may take any key.
    for key in (None, "", WRONG, *(() if target.offered else (target.key[:-1],))):
        headers, query = ({}, "") if key is None else ops.carried(way, key)
        urls = [ops.with_query(cycle.status_url(i), query) for i in (task_id, UNKNOWN)]
        for method in ("GET", "HEAD"):
            both = [target.call(method, url, headers=headers, authorized=False) for url in urls]
            for exchange in both:
                target.wants(exchange, {401}, f"{method} without a good key")
            target.expect(both[0].answer.body == both[1].answer.body, "the answers differ", both[0])
        options = target.call("OPTIONS", urls[0], headers=headers, authorized=False)
        target.expect(task_id not in options.answer.text, "OPTIONS shows the task", options)


@pytest.mark.parametrize("operation", [op for op in GUARDED if op.method == "GET"], ids=str)
def test_each_documented_header_takes_the_key(target: Target, operation: ops.Operation) -> None:
    """Each alternative that the document names for this server takes a good key, headers in any letters."""
    for way in target.ways(operation):
        headers, query = ops.carried(way, target.key)
        for spelled in (headers, {name.upper(): value for name, value in headers.items()}):
            url = ops.with_query(operation.url(), query)
            exchange = target.request(operation, url, headers=spelled, authorized=False)
            taken = exchange.answer.status not in operation.refusals(401)
            target.demand(taken, f"a good key in {[place.name for place in way]} is refused", exchange)


@of_cycle
def test_the_key_is_asked_for_before_the_path_and_the_body(target: Target, cycle: ops.LifeCycle) -> None:
    """Without a key, an unknown path and a bad body are 401 like any other request, as observed."""
    for headers in ({}, ops.carried(target.ways(cycle.create)[0], WRONG)[0]):
        for method, path in (("GET", "/v1/no-such-path"), (cycle.create.method, cycle.create.url())):
            exchange = target.call(method, path, headers=headers, content=b"[", authorized=False)
            target.wants(exchange, {401}, "it is no 401")
