"""The rules bite: each is broken on purpose by a server that is right otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.schema.exercised import row_of
from contract_tests.schema.server import default_target, rules
from contract_tests.schema.server.configuration import Configuration
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.schema.server.operations import life_cycles, operations
from contract_tests.schema.server.bodies import example_body
from contract_tests.violations import answered
from contract_tests.violations.answered import body, field, rows

if TYPE_CHECKING:
    from contract_tests.schema.server.target import Target

CYCLE = life_cycles()[0]
RESULT = "https://x.test/a"
OTHER_ID = "00000000-0000-4000-8000-000000000000"


Lie = Callable[[Sent, Answer], Answer]


def headers(answer: Answer, **changed: str | None) -> Answer:
    """Return an answer with other headers; None removes one."""
    for name, value in changed.items():
        answer = field(answer, name.replace("_", "-"), value)
    return answer


def task(**fields: Any) -> Lie:
    """Change fields of the task in answers that have one."""
    return answered.task(lambda sent, found: {**found, **fields})


def on(method: str, status: int, change: Callable[[Answer], Answer]) -> Lie:
    """Change answers of one status to one method."""
    return lambda sent, answer: change(answer) if (sent.method, answer.status) == (method, status) else answer


def gets(change: Lie) -> Lie:
    """Change answers to GET alone."""
    return lambda sent, answer: change(sent, answer) if sent.method == "GET" else answer


LIES: dict[str, tuple[str, Lie]] = {
    "201 for 200": ("status_is_documented", on("POST", 200, lambda a: replace(a, status=201))),
    "a redirect": ("status_is_documented", on("GET", 200, lambda a: replace(a, status=302))),
    "a 500": ("server_fails_only_on_request", on("GET", 200, lambda a: replace(a, status=500))),
    "plain text": (
        "media_type_is_documented", on("POST", 400, lambda a: headers(a, content_type="text/plain"))),
    "NaN": ("json_is_strict", on("GET", 200, lambda a: replace(a, body=a.body[:-1] + b', "x": NaN}'))),
    "a name twice": ("json_is_strict", on("GET", 200, lambda a: replace(a, body=b'{"data": 1, "data": 2}'))),
    "another word": ("body_fits_its_schema", task(status="QUEUED")),
    "no UUID": ("body_fits_its_schema", task(task_id="7")),
    "a number for a text": (
        "body_fits_its_schema", on("POST", 400, lambda a: body(a, lambda v: {"message": 7}))),
    "results that are no URLs": ("body_fits_its_schema", task(generated=["not a url"])),
    "a field more": ("no_field_is_undocumented", task(progress=50)),
    "a field more in an error": (
        "no_field_is_undocumented", on("POST", 400, lambda a: body(a, lambda v: {**v, "code": 1}))),
    "an empty error": (
        "errors_have_what_their_examples_have", on("POST", 400, lambda a: body(a, lambda v: {}))),
    "an empty message": (
        "errors_have_what_their_examples_have",
        on("POST", 401, lambda a: body(a, lambda v: {"message": ""}))),
    "problem details without parameters": (
        "problem_details_name_their_parameters",
        on("POST", 400, lambda a: headers(body(a, lambda v: {"message": "x", "invalid_params": []}),
                                          content_type="application/problem+json"))),
    "a limit in words": (
        "headers_fit_their_schemas", on("GET", 200, lambda a: headers(a, x_ratelimit_limit="many"))),
    "a limit with a fraction": (
        "headers_fit_their_schemas", on("GET", 200, lambda a: headers(a, x_ratelimit_reset="1.5"))),
    "a negative rest": (
        "headers_fit_their_schemas", on("GET", 200, lambda a: headers(a, x_ratelimit_remaining="-1"))),
    "a vague Retry-After": (
        "retry_after_is_seconds_or_a_date", on("GET", 429, lambda a: headers(a, retry_after="soon"))),
    "more left than allowed": (
        "rate_limits_make_sense", on("GET", 200, lambda a: headers(a, x_ratelimit_remaining="999999"))),
    "a limit without its siblings": (
        "rate_limits_make_sense", on("GET", 200, lambda a: headers(a, x_ratelimit_reset=None))),
    "no request id": (
        "every_answer_has_a_request_id", on("GET", 404, lambda a: headers(a, x_request_id=None))),
    "one request id for all": ("was already another answer's", lambda s, a: headers(a, x_request_id="1")),
    "a false length": ("content_length_is_true", on("GET", 200, lambda a: headers(a, content_length="3"))),
    "the key comes back": (
        "the_key_is_not_echoed", lambda s, a: headers(a, x_echo=s.header("x-freepik-api-key") or "")),
    "one id for all": ("with the id of another task", task(task_id="00000000-0000-4000-8000-000000000000")),
    "another task's id": ("is answered", gets(task(task_id=OTHER_ID))),
    "done at once": ("just created is COMPLETED", task(status="COMPLETED")),
    "a result too early": ("IN_PROGRESS, and has a result", task(status="IN_PROGRESS", generated=[RESULT])),
    "COMPLETED without a result": ("COMPLETED without a result", task(generated=[])),
    "one result for all": ("have the same result", gets(task(generated=[RESULT]))),
    "unknown ids are found": (
        "was never created, and is found", lambda s, a: replace(a, status=200, body=json.dumps({"data": {
            "task_id": s.path.rpartition("/")[2], "status": "CREATED", "generated": []}}).encode())
        if a.status == 404 else a),
    "made tasks are not found": (
        "was created, and is not found",
        on("GET", 200, lambda a: replace(a, status=404))),
    "a task is left out": ("is not listed", rows(lambda r: r[1:])),
    "a task is listed twice": ("is listed 2 times", rows(lambda r: [*r, r[0]])),
    "an empty array": ("an empty list is a 404", rows(lambda r: [])),
    "a list with results": (
        "gives the result", rows(lambda r: [{**row, "generated": [RESULT]} for row in r])),
    "back from the end": (
        "left COMPLETED for CREATED", rows(lambda r: [{**row, "status": "CREATED"} for row in r])),
    "COMPLETED becomes FAILED": (
        "left COMPLETED for FAILED", rows(lambda r: [{**row, "status": "FAILED"} for row in r])),
}  # fmt: skip


def traffic(target: Target) -> None:
    """Send a little of everything."""
    url = CYCLE.create.url()
    target.call("POST", url, json={}, authorized=False)
    target.call("POST", url, json={})
    target.call("GET", url, headers={"x-mock-scenario": "rate=2"})
    target.call("GET", url)
    target.call("GET", CYCLE.status_url("00000000-0000-4000-8000-00000000000f"))
    made = []
    for _ in range(2):
        answer = target.call(
            "POST", url, json=example_body(CYCLE.create), headers={"x-mock-scenario": "instant"}
        )
        try:
            made.append(answer.answer.json()["data"]["task_id"])
        except (ValueError, TypeError):
            continue
    for task_id in made:
        target.call("GET", CYCLE.status_url(task_id))
    target.call("GET", url)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with one fault breaks the rule about it, and the line that repeats the request is told."""
    wanted, change = LIES[name]
    monkeypatch.setattr(default_target, "wrap", default_target.wrap)
    answered.Answered(change)()
    with default_target.in_process(Configuration(key="contract-suite-key")) as target:
        traffic(target)
        assert any(wanted in breach.text for breach in target.breaches), [b.text for b in target.breaches]
        with pytest.raises(AssertionError) as caught:
            target.assert_clean()
    assert "repeat: curl" in str(caught.value)
    assert target.key not in str(caught.value)


def test_an_honest_server_breaks_no_rule() -> None:
    """The same traffic leaves nothing to say about the mock."""
    with default_target.in_process(Configuration(key="contract-suite-key")) as target:
        traffic(target)
        target.assert_clean()


def test_every_rule_has_its_lie() -> None:
    """A new rule without a server that breaks it fails here."""
    broken = {wanted for wanted, _ in LIES.values()}
    assert {rule.__name__ for rule in rules.RULES} <= broken


def test_the_counter_knows_templates_and_defaults() -> None:
    """An answer is counted for its template, its own status or the default one, and its bare media type."""
    status = operations()[0].responses
    assert "default" in status
    path = CYCLE.status_url("abc")
    row = row_of("get", f"http://x.test{path}?a=b", 200, "application/json; charset=utf-8")
    assert row == ("GET", CYCLE.status.path, "200", "application/json")
    assert row_of("GET", path, 504, "text/html") == ("GET", CYCLE.status.path, "default", "text/html")
    assert row_of("GET", path, 200, "text/html") is None
    assert row_of("GET", "/nowhere", 200, "application/json") is None
