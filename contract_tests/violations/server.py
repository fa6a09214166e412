"""Violations of the server. The suite's server side must find each, by HTTP requests alone."""

# ruff: noqa: E501 - a table

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from contract_tests.violations.answered import Answered, body, field, request_body, rows, task
from contract_tests.violations.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.schema.server.exchange import Answer, Sent

_KEY: Final = "x-freepik-api-key"
_OTHER_ID: Final = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"


def _violation(name: str, description: str, apply: Callable[[], None], near: str) -> Violation:
    return Violation("server", name, description, apply, ("schema/server",), near)


def _key_from(find: Callable[[Sent], str]) -> Answered:
    """Take a key from a place where the document has none."""

    def ask(sent: Sent) -> Sent:
        key = sent.header(_KEY) or find(sent)
        rest = tuple(pair for pair in sent.headers if pair[0].lower() != _KEY)
        return replace(sent, headers=(*rest, (_KEY, key))) if key else sent

    return Answered(ask=ask)


def _bearer(sent: Sent) -> str:
    return (sent.header("authorization") or "").removeprefix("Bearer ")


def _as_json(sent: Sent) -> Sent:
    rest = tuple(pair for pair in sent.headers if pair[0].lower() != "content-type")
    return replace(sent, headers=(*rest, ("content-type", "application/json")))


def _closed(sent: Sent) -> Sent:
    cut = sent.body.startswith(b"{") and not sent.body.rstrip().endswith(b"}")
    return replace(sent, body=sent.body + b"}") if cut else sent


def _twin(body: dict[str, Any]) -> None:
    if body.get("duration") in (5, 10):
        body["duration"] = str(body["duration"])


def _shortened(body: dict[str, Any]) -> None:
    if isinstance(body.get("prompt"), str):
        body["prompt"] = body["prompt"][:2000]


def _crash(sent: Sent, answer: Answer) -> Answer:
    """Fail on one value; the request's body is not at hand, so the word stands in the answer's place."""
    return replace(answer, status=500) if answer.status == 400 and b"aspect_ratio" in answer.body else answer


def _on(status: int, change: Callable[[Answer], Answer]) -> Answered:
    return Answered(lambda sent, answer: change(answer) if answer.status == status else answer)


def _without_reasons(answer: Answer) -> Answer:
    def change(value: Any) -> Any:
        if "invalid_params" not in value:
            return value
        return {**value, "invalid_params": [{"name": param.get("name")} for param in value["invalid_params"]]}

    return body(answer, change) if answer.media_type == "application/problem+json" else answer


def _early_result(sent: Sent, found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "generated": ["https://x.test/a"]} if found["status"] == "IN_PROGRESS" else found


def _empty_list(sent: Sent, answer: Answer) -> Answer:
    if answer.status == 404 and b"Tasks not found" in answer.body:
        raw = json.dumps({"data": []}).encode()
        return field(replace(answer, status=200, body=raw), "content-length", str(len(raw)))
    return answer


VIOLATIONS: Final = (
    _violation("key-echoed", "The key comes back in a header.", Answered(
        lambda sent, answer: field(answer, "x-echo", sent.header(_KEY) or "")), "test_keys"),
    _violation("bearer-token", "A good key is accepted as a bearer token too.", _key_from(_bearer), "test_keys"),
    _violation("key-in-query", "A good key is accepted from the query.", _key_from(
        lambda sent: sent.target.partition("?")[2].partition("=")[2]), "test_keys"),
    _violation("integer-twins", "duration accepts the integer 5 for the string '5'.", request_body(_twin), "test_bodies"),
    _violation("no-maxlength", "A prompt that is too long is cut and accepted.", request_body(_shortened), "test_bodies"),
    _violation("any-content-type", "A body is read as JSON whatever its content type.", Answered(ask=_as_json), "test_bodies"),
    _violation("cut-off-accepted", "A body that is cut off is accepted.", Answered(ask=_closed), "test_bodies"),
    _violation("crash-on-a-word", "A wrong word for one field crashes the server.", Answered(_crash), "test_bodies"),
    _violation("problem-without-reasons", "Problem details give no reasons.", _on(400, _without_reasons), "test_bodies"),
    _violation("text-plain-error", "Errors are text/plain.", _on(
        400, lambda answer: field(answer, "content-type", "text/plain")), "test_bodies"),
    _violation("accept-406", "An Accept that nothing fits is a 406.", Answered(
        lambda sent, answer: replace(answer, status=406)
        if sent.header("accept") == "text/html" and answer.status == 400 else answer), "test_answers"),
    _violation("allow-missing", "A 405 has no Allow.", Answered(
        lambda sent, answer: field(answer, "allow", None)), "test_methods"),
    _violation("no-retry-after", "A 429 for a rate does not say when to come back.", Answered(
        lambda sent, answer: field(answer, "retry-after", None)), "test_answers"),
    _violation("constant-request-id", "All answers have one request id.", Answered(
        lambda sent, answer: field(answer, "x-request-id", "1")), "test_tasks"),
    _violation("half-a-rate-limit", "x-ratelimit-reset is missing beside its siblings.", Answered(
        lambda sent, answer: field(answer, "x-ratelimit-reset", None)), "test_tasks"),
    _violation("progress-field", "Tasks have a field that is not documented.", Answered(
        task(lambda sent, found: {**found, "progress": 50})), "test_tasks"),
    _violation("skips-in-progress", "A task is never IN_PROGRESS.", Answered(
        task(lambda sent, found: {**found, "status": "CREATED"} if found["status"] == "IN_PROGRESS" else found)),
        "test_tasks"),
    _violation("early-result", "A task IN_PROGRESS has a result.", Answered(task(_early_result)), "test_tasks"),
    _violation("no-result", "A COMPLETED task has no result.", Answered(
        task(lambda sent, found: {**found, "generated": []})), "test_tasks"),
    _violation("other-id-echoed", "Status answers another task's id.", Answered(
        task(lambda sent, found: {**found, "task_id": _OTHER_ID} if sent.method == "GET" else found)), "test_tasks"),
    _violation("list-repeats", "The list has a task twice.", Answered(rows(lambda found: [*found, found[0]])), "test_tasks"),
    _violation("list-lags", "The list says CREATED of every task.", Answered(
        rows(lambda found: [{**row, "status": "CREATED"} for row in found])), "test_tasks"),
    _violation("empty-list-200", "An empty list is an empty array.", Answered(_empty_list), "test_tasks"),
    _violation("no-webhook", "Nothing is delivered.", request_body(lambda body: body.pop("webhook_url", None)), "test_webhooks"),
)  # fmt: skip
