"""What holds for every answer. A function gives a sentence for each breach of the rule in its docstring."""

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final

from attrs import frozen

from contract_tests.schema.server import schemas
from contract_tests.schema.server.exchange import Answer, Sent, seconds_until
from contract_tests.schema.server.operations import Operation
from contract_tests.schema.server.verdicts import stricter
from contract_tests.support.contract import resolve

Texts = Iterator[str]

# By HTTP, or by their meaning here, an answer has each of these once.
_ONCE: Final = (
    "content-type", "content-length", "content-encoding", "x-request-id", "retry-after", "date", "location",
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
)  # fmt: skip
_PROBLEM: Final = "application/problem+json"
_A_MONTH: Final = 31 * 86_400
_TWO_DAYS: Final = 2 * 86_400


@frozen(eq=False)
class Seen:
    """An exchange beside what the document says of it, and the good key that it had, if any."""

    sent: Sent
    answer: Answer
    operation: Operation
    owner: str = ""

    @cached_property
    def content(self) -> dict[str, Any]:
        return self.operation.content(self.answer.status)

    @cached_property
    def headers(self) -> dict[str, dict[str, Any]]:
        found = self.operation.response(self.answer.status).get("headers", {})
        return {name: resolve(node) for name, node in found.items()}

    @cached_property
    def media(self) -> dict[str, Any] | None:
        """What the document has under the answer's media type, or under a range that it is in."""
        name = self.answer.media_type
        known = {written.split(";")[0].lower(): media for written, media in self.content.items()}
        return next((known[n] for n in (name, f"{name.split('/')[0]}/*", "*/*") if n in known), None)

    @cached_property
    def _read(self) -> tuple[Any, str]:
        try:
            return (self.answer.json() if self.answer.is_json else self.answer.text), ""
        except ValueError as error:
            return None, str(error)

    @property
    def value(self) -> Any:
        """The body as JSON or text; None if it is no JSON, though it is declared as that."""
        return self._read[0]

    @property
    def fault(self) -> str:
        return self._read[1]

    @cached_property
    def schema(self) -> dict[str, Any] | None:
        """The schema that the value is to fit; None if it can't be judged."""
        schema: dict[str, Any] | None = (self.media or {}).get("schema")
        if schema is None or self.fault or self.sent.method == "HEAD":
            return None
        return schema if self.answer.is_json or resolve(schema).get("type") == "string" else None


def status_is_documented(seen: Seen) -> Texts:
    """A status stands in the document; `default` is for errors, and for a success where there is no other.

    A refusal that every server needs (401 where a key is wanted) is HTTP's own where the document has none.
    """
    status, operation = seen.answer.status, seen.operation
    is_error_open = status >= 400 and "default" in operation.responses
    is_success_open = status < 300 and not operation.has_success
    is_open = is_error_open or is_success_open or status in operation.unwritten
    if not (operation.documents(status) or is_open):
        yield f"the status {status} is not documented"


def server_fails_only_on_request(seen: Seen) -> Texts:
    """A 5xx comes only where the request's scenario asks for one: no input makes a server fail."""
    if seen.answer.status >= 500 and not seen.sent.asks_for(seen.answer.status):
        yield f"{seen.answer.status}: the server failed"


def media_type_is_documented(seen: Seen) -> Texts:
    """An answer has a media type that the document offers for its status, where it offers any."""
    if seen.content and seen.media is None:
        named = seen.answer.media_type or "no content type"
        yield f"{named} is not documented for {seen.answer.status} ({', '.join(seen.content)} is)"


def json_is_strict(seen: Seen) -> Texts:
    """A JSON body is JSON by the letter: UTF-8 (its charset too), no NaN, no name twice, nothing after it."""
    if seen.fault:
        yield f"the body is no JSON: {seen.fault}"
    content_type = seen.answer.header("content-type") or ""
    found = re.search(r"charset\s*=\s*\"?([^\s;\"]*)", content_type, re.IGNORECASE)
    if seen.answer.is_json and found and found[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        yield f"content-type: {content_type}"


def body_fits_its_schema(seen: Seen) -> Texts:
    """A body fits the schema of its status and media type, formats included."""
    if seen.schema is not None:
        yield from schemas.faults(seen.schema, seen.value)


@stricter("A schema allows other fields unless it says otherwise; here one is a change of the contract")
def no_field_is_undocumented(seen: Seen) -> Texts:
    """A JSON body has no field that its schema does not declare."""
    if seen.schema is not None:
        for place in schemas.undeclared(seen.schema, seen.value):
            yield f"the field {place} is documented nowhere"


def errors_have_what_their_examples_have(seen: Seen) -> Texts:
    """An error has, not empty, the fields that all examples of its status and media type have."""
    media, value = seen.media or {}, seen.value
    examples = [resolve(example).get("value") for example in media.get("examples", {}).values()]
    examples = examples or ([media["example"]] if "example" in media else [])
    # Problem details have two shapes, and a rule of their own.
    if seen.schema is None or seen.answer.status < 400 or not examples or seen.answer.media_type == _PROBLEM:
        return
    for name in sorted(set.intersection(*(set(e) if isinstance(e, dict) else set() for e in examples))):
        if not isinstance(value, dict) or value.get(name) in (None, ""):
            yield f"the field {name} is missing or empty, which every documented example has"


def problem_details_name_their_parameters(seen: Seen) -> Texts:
    """Problem details are flat or wrapped, have a message, and say what is wrong with each parameter."""
    if seen.answer.media_type != _PROBLEM:
        return
    problem = seen.value
    if isinstance(problem, dict) and set(problem) == {"problem"}:
        problem = problem["problem"]
    if not isinstance(problem, dict) or "problem" in problem or not problem.get("message"):
        yield "problem details are one object with a message, flat or wrapped, not both"
        return
    params = problem.get("invalid_params")
    if not isinstance(params, list) or not params:
        yield "problem details name no parameter"
        return
    for param in params:
        if not isinstance(param, dict) or not param.get("reason") or not (param.keys() & {"name", "field"}):
            yield f"{param!r} does not say which parameter is wrong and why"


def headers_fit_their_schemas(seen: Seen) -> Texts:
    """Each documented header that comes has the documented type and limits; a required one comes."""
    for name, header in seen.headers.items():
        text = seen.answer.header(name)
        if text is not None:
            for fault in schemas.header_faults(resolve(header.get("schema", {})), text):
                yield f"the header {name}: {fault}"
        elif header.get("required"):
            yield f"the header {name} is missing"


def retry_after_is_seconds_or_a_date(seen: Seen) -> Texts:
    """Retry-After is whole seconds or an HTTP date (RFC 9110), and names a moment that can be waited for."""
    text = seen.answer.header("retry-after")
    if text is None:
        return
    try:
        seconds = seconds_until(text)
    except ValueError:
        yield f"retry-after: {text!r} is neither seconds nor a date"
        return
    if not -60 < seconds < _TWO_DAYS:  # clocks may differ by a minute
        yield f"retry-after: {text} is {seconds:.0f} s from now"


def rate_limits_make_sense(seen: Seen) -> Texts:
    """Where one x-ratelimit header comes, its siblings come too, and no more is left than is allowed."""
    wanted = sorted(name for name in seen.headers if name.startswith("x-ratelimit-"))
    values = {name: seen.answer.header(name) for name in wanted}
    # A 429 may say no more than how long to wait; only a success counts down.
    if seen.answer.is_success and any(values.values()):
        for name in (name for name, value in values.items() if value is None):
            yield f"the header {name} is missing beside its siblings"
    numbers = {name.rpartition("-")[2]: int(text) for name, text in values.items() if text and text.isdigit()}
    limit, left, reset = (numbers.get(name) for name in ("limit", "remaining", "reset"))
    if limit is not None and left is not None and left > limit:
        yield f"{left} requests are left of {limit}"
    if limit == 0 and seen.answer.is_success:
        yield "a request succeeds though 0 are allowed"
    if reset is not None and reset > _A_MONTH:
        yield f"x-ratelimit-reset: {reset} is no number of seconds from now"


@stricter("The document does not require the header; it was on every recorded answer of sibling endpoints")
def every_answer_has_a_request_id(seen: Seen) -> Texts:
    """Where the document has x-request-id, it comes."""
    if "x-request-id" in seen.headers and not (seen.answer.header("x-request-id") or "").strip():
        yield "x-request-id is missing"


def content_length_is_true(seen: Seen) -> Texts:
    """Content-Length, where it comes, is the body's length."""
    text, size = seen.answer.header("content-length"), len(seen.answer.body)
    is_plain = seen.answer.header("content-encoding") is None and seen.sent.method != "HEAD"
    if text is not None and is_plain and text != str(size):
        yield f"content-length is {text}, and the body has {size} bytes"


def headers_come_once(seen: Seen) -> Texts:
    """A header that has one value comes once."""
    for name in _ONCE:
        values = seen.answer.values(name)
        if len(values) > 1 or (name.startswith(("x-rate", "content-len")) and "," in "".join(values)):
            yield f"{name} comes {len(values)} times: {', '.join(values)}"


def an_answer_without_content_has_no_body(seen: Seen) -> Texts:
    """204, 304 and the answer to HEAD have no body; a success with documented content has one."""
    status, body, method = seen.answer.status, seen.answer.body, seen.sent.method
    if body and (status in {204, 304} or method == "HEAD"):
        yield f"{status} to {method} has a body"
    has_content = any("json" in name for name in seen.content)
    if not body and seen.answer.is_success and method != "HEAD" and has_content:
        yield f"{status} has no body"


RULES: Final[tuple[Callable[[Seen], Texts], ...]] = (
    status_is_documented, server_fails_only_on_request, media_type_is_documented, json_is_strict,
    body_fits_its_schema, no_field_is_undocumented, errors_have_what_their_examples_have,
    problem_details_name_their_parameters, headers_fit_their_schemas, retry_after_is_seconds_or_a_date,
    rate_limits_make_sense, every_answer_has_a_request_id, content_length_is_true,
    headers_come_once, an_answer_without_content_has_no_body,
)  # fmt: skip
