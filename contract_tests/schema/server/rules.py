"""What holds for every single answer, whatever was asked. Each rule is a function; its docstring is the rule.

A rule takes the exchange and the operation that was called, and gives a sentence for each breach.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from contract_tests.schema.server import schemas
from contract_tests.schema.server.verdicts import stricter
from contract_tests.support.contract import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_tests.schema.server.exchange import Exchange
    from contract_tests.schema.server.operations import Operation

    Rule = Callable[[Exchange, Operation], Iterator[str]]

# By HTTP, or by their meaning here, an answer has each of these once.
_ONCE: Final = (
    "content-type", "content-length", "content-encoding", "x-request-id", "retry-after", "date", "location",
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
)  # fmt: skip
_PROBLEM: Final = "application/problem+json"
_A_MONTH: Final = 31 * 86_400
_TWO_DAYS: Final = 2 * 86_400
_RATE_HEADERS: Final = re.compile(r"^x-ratelimit-(limit|remaining|reset)$")


def _media(exchange: Exchange, operation: Operation) -> dict[str, Any] | None:
    """Return what the document has under the answer's media type, or under a range that it is in."""
    content, name = operation.content(exchange.answer.status), exchange.answer.media_type
    known = {written.split(";")[0].lower(): media for written, media in content.items()}
    return next((known[n] for n in (name, f"{name.split('/')[0]}/*", "*/*") if n in known), None)


def status_is_documented(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """A status stands in the document; `default` stands for errors, never for a success or a redirect."""
    status = exchange.answer.status
    if not operation.documents(status) and (status < 400 or "default" not in operation.responses):
        yield f"the status {status} is not documented"


def server_fails_only_on_request(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """A 5xx comes only where the request's scenario asks for one: no input makes a server fail."""
    if exchange.answer.status >= 500 and not exchange.sent.asks_for(exchange.answer.status):
        yield f"{exchange.answer.status}: the server failed"


def media_type_is_documented(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """An answer has a media type that the document offers for its status; without one it has no body."""
    content = operation.content(exchange.answer.status)
    if content and _media(exchange, operation) is None:
        named = exchange.answer.media_type or "no content type"
        yield f"{named} is not documented for {exchange.answer.status} ({', '.join(content)} is)"


def json_is_strict(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """A JSON body is JSON by the letter: UTF-8, no NaN, no name twice, nothing after it."""
    if exchange.answer.is_json:
        try:
            exchange.answer.json()
        except ValueError as error:
            yield f"the body is no JSON: {error}"


def body_fits_its_schema(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """A body fits the schema of its status and media type, formats included."""
    schema, value = _judged(exchange, operation)
    if schema is not None:
        yield from schemas.faults(schema, value)


@stricter("A schema allows other fields unless it says otherwise; here one is a change of the contract")
def no_field_is_undocumented(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """A JSON body has no field that its schema does not declare."""
    schema, value = _judged(exchange, operation)
    if schema is not None:
        for place in schemas.undeclared(schema, value):
            yield f"the field {place} is documented nowhere"


def errors_have_what_their_examples_have(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """An error has, not empty, the fields that all examples of its status and media type have."""
    if exchange.answer.media_type == _PROBLEM:
        return  # it has two shapes, and a rule of its own
    schema, value = _judged(exchange, operation)
    examples = _examples(_media(exchange, operation) or {})
    if schema is None or exchange.answer.status < 400 or not examples:
        return
    shared = set.intersection(*(set(example) if isinstance(example, dict) else set() for example in examples))
    for name in sorted(shared):
        if not isinstance(value, dict) or value.get(name) in (None, ""):
            yield f"the field {name} is missing or empty, which every documented example has"


def problem_details_name_their_parameters(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """Problem details are flat or wrapped, have a message, and say what is wrong with each parameter."""
    if exchange.answer.media_type != _PROBLEM:
        return
    _, value = _judged(exchange, operation)
    if not isinstance(value, dict) or (isinstance(value.get("problem"), dict) and set(value) != {"problem"}):
        yield "problem details are one object, flat or wrapped, not both"
        return
    problem = value.get("problem", value)
    if not isinstance(problem, dict) or not problem.get("message"):
        yield "problem details have no message"
        return
    params = problem.get("invalid_params")
    if not isinstance(params, list) or not params:
        yield "problem details name no parameter"
        return
    for param in params:
        if not isinstance(param, dict) or not param.get("reason") or not (param.keys() & {"name", "field"}):
            yield f"{param!r} does not say which parameter is wrong and why"


def headers_fit_their_schemas(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """Each documented header that comes has the documented type and limits; a required one comes."""
    for name, node in operation.response(exchange.answer.status).get("headers", {}).items():
        header, text = resolve(node), exchange.answer.header(name)
        if text is None:
            if header.get("required"):
                yield f"the header {name} is missing"
            continue
        for fault in schemas.header_faults(resolve(header.get("schema", {})), text):
            yield f"the header {name}: {fault}"


def retry_after_is_seconds_or_a_date(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """Retry-After is whole seconds or an HTTP date (RFC 9110), and names a moment that can be waited for."""
    text = exchange.answer.header("retry-after")
    if text is None:
        return
    if re.fullmatch(r"[0-9]+", text):
        if int(text) > _TWO_DAYS:
            yield f"retry-after: {text} is more than two days, if it is seconds"
        return
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        yield f"retry-after: {text!r} is neither seconds nor a date"
        return
    if not -60 < seconds < _TWO_DAYS:  # clocks may differ by a minute
        yield f"retry-after: {text} is {seconds:.0f} s from now"


def rate_limits_make_sense(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """Where one x-ratelimit header comes, its siblings come too, and no more is left than is allowed."""
    documented = operation.response(exchange.answer.status).get("headers", {})
    wanted = sorted(name for name in documented if _RATE_HEADERS.match(name))
    values = {name: exchange.answer.header(name) for name in wanted}
    # A 429 may say no more than how long to wait; only a success counts down.
    if exchange.answer.is_success and any(values.values()):
        for name in (name for name, value in values.items() if value is None):
            yield f"the header {name} is missing beside its siblings"
    limit, left = values.get("x-ratelimit-limit"), values.get("x-ratelimit-remaining")
    if limit and left and limit.isdigit() and left.isdigit() and int(left) > int(limit):
        yield f"{left} requests are left of {limit}"
    if limit == "0" and exchange.answer.is_success:
        yield "a request succeeds though 0 are allowed"
    reset = values.get("x-ratelimit-reset")
    if reset and reset.isdigit() and int(reset) > _A_MONTH:
        yield f"x-ratelimit-reset: {reset} is no number of seconds from now"


@stricter("The document does not require the header; it was on every recorded answer of sibling endpoints")
def every_answer_has_a_request_id(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """Where the document has x-request-id, it comes."""
    documented = operation.response(exchange.answer.status).get("headers", {})
    if "x-request-id" in documented and not (exchange.answer.header("x-request-id") or "").strip():
        yield "x-request-id is missing"


def content_length_is_true(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """Content-Length, where it comes, is the body's length."""
    text = exchange.answer.header("content-length")
    encoded = exchange.answer.header("content-encoding")
    if text is None or encoded is not None or exchange.sent.method == "HEAD":
        return
    if text != str(len(exchange.answer.body)):
        yield f"content-length is {text}, and the body has {len(exchange.answer.body)} bytes"


def text_is_utf_8(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """A charset that JSON's content type names is UTF-8: JSON has no other."""
    content_type = exchange.answer.header("content-type") or ""
    found = re.search(r"charset\s*=\s*\"?([^\s;\"]*)", content_type, re.IGNORECASE)
    if exchange.answer.is_json and found and found[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        yield f"content-type: {content_type}"


def headers_come_once(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """A header that has one value comes once."""
    for name in _ONCE:
        values = exchange.answer.values(name)
        if len(values) > 1 or (name.startswith(("x-rate", "content-len")) and "," in "".join(values)):
            yield f"{name} comes {len(values)} times: {', '.join(values)}"


def an_answer_without_content_has_no_body(exchange: Exchange, operation: Operation) -> Iterator[str]:
    """204, 304 and the answer to HEAD have no body; a success with documented content has one."""
    status, body, method = exchange.answer.status, exchange.answer.body, exchange.sent.method
    if body and (status in {204, 304} or method == "HEAD"):
        yield f"{status} to {method} has a body"
    has_content = any("json" in name for name in operation.content(status))
    if not body and exchange.answer.is_success and method != "HEAD" and has_content:
        yield f"{status} has no body"


RULES: Final[tuple[Rule, ...]] = (
    status_is_documented,
    server_fails_only_on_request,
    media_type_is_documented,
    json_is_strict,
    body_fits_its_schema,
    no_field_is_undocumented,
    errors_have_what_their_examples_have,
    problem_details_name_their_parameters,
    headers_fit_their_schemas,
    retry_after_is_seconds_or_a_date,
    rate_limits_make_sense,
    every_answer_has_a_request_id,
    content_length_is_true,
    text_is_utf_8,
    headers_come_once,
    an_answer_without_content_has_no_body,
)


def _judged(exchange: Exchange, operation: Operation) -> tuple[dict[str, Any] | None, Any]:
    """Return the schema that the body is to fit, and the body; no schema if it can't be judged."""
    schema = (_media(exchange, operation) or {}).get("schema")
    if schema is None or exchange.sent.method == "HEAD":
        return None, None
    if not exchange.answer.is_json:
        return (schema if resolve(schema).get("type") == "string" else None), exchange.answer.text
    try:
        return schema, exchange.answer.json()
    except ValueError:
        return None, None


def _examples(media: dict[str, Any]) -> list[Any]:
    named = [resolve(example).get("value") for example in media.get("examples", {}).values()]
    return named or ([media["example"]] if "example" in media else [])
