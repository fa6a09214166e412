"""Faults of the server. The suite's server side must find each, asking nothing but HTTP requests."""

# ruff: noqa: E501 - a table

from __future__ import annotations

from dataclasses import replace
from typing import Final

from contract_tests.violations.answered import Answered, body, field, rows, task
from contract_tests.violations.mutant import Place

_PLACE: Final = Place("server", "kling_elements_mock", ("server_side",))
_mutant = _PLACE.mutant


KEYS: Final = (
    _mutant("key-echoed", "The key comes back in a header.", Answered(
        lambda sent, answer: field(answer, "x-echo", sent.header("x-freepik-api-key") or "")), near="test_keys"),
)  # fmt: skip

ANSWERS: Final = (
    _mutant("text-plain-error", "Errors are text/plain.", Answered(
        lambda sent, answer: field(answer, "content-type", "text/plain") if answer.status == 400 else answer),
        near="test_bodies"),
    _mutant("html-404", "An unknown task is an HTML page.", Answered(
        lambda sent, answer: field(answer, "content-type", "text/html") if answer.status == 404 else answer),
        near="test_tasks"),
    _mutant("accept-406", "An Accept that nothing fits is a 406.", Answered(
        lambda sent, answer: replace(answer, status=406)
        if sent.header("accept") == "text/html" and answer.status == 400 else answer), near="test_accept"),
    _mutant("problem-without-reasons", "Problem details give no reasons.", Answered(
        lambda sent, answer: body(answer, lambda value: {**value, "invalid_params": [
            {"name": param.get("name")} for param in value["invalid_params"]]} if "invalid_params" in value else value)
        if answer.media_type == "application/problem+json" else answer), near="test_bodies"),
    _mutant("empty-message", "Errors have an empty message.", Answered(
        lambda sent, answer: body(answer, lambda value: {**value, "message": ""})
        if answer.status == 401 else answer), near="test_keys"),
    _mutant("error-code-field", "Errors have a field that is not documented.", Answered(
        lambda sent, answer: body(answer, lambda value: {**value, "code": 7})
        if answer.status >= 400 and answer.media_type == "application/json" else answer), near="test_bodies"),
    _mutant("progress-field", "Tasks have a field that is not documented.", Answered(
        task(lambda sent, found: {**found, "progress": 50})), near="test_tasks"),
    _mutant("no-request-id", "No answer has a request id.", Answered(
        lambda sent, answer: field(answer, "x-request-id", None)), near="test_tasks"),
    _mutant("constant-request-id", "All answers have one request id.", Answered(
        lambda sent, answer: field(answer, "x-request-id", "1")), near="test_tasks"),
    _mutant("rate-limit-in-words", "x-ratelimit-limit is a word.", Answered(
        lambda sent, answer: field(answer, "x-ratelimit-limit", "many") if answer.header("x-ratelimit-limit") else answer),
        near="test_tasks"),
    _mutant("half-a-rate-limit", "x-ratelimit-reset is missing beside its siblings.", Answered(
        lambda sent, answer: field(answer, "x-ratelimit-reset", None)), near="test_tasks"),
    _mutant("allow-missing", "A 405 has no Allow.", Answered(
        lambda sent, answer: field(answer, "allow", None)), near="test_methods"),
    _mutant("no-retry-after", "A 429 for a rate does not say when to come back.", Answered(
        lambda sent, answer: field(answer, "retry-after", None)), near="test_answers"),
    _mutant("quota-with-retry-after", "A 429 for the day's quota says to come back in a second.", Answered(
        lambda sent, answer: field(answer, "retry-after", "1") if answer.status == 429 and not answer.header("retry-after")
        else answer), near="test_answers"),
)  # fmt: skip

TASKS: Final = (
    _mutant("skips-in-progress", "A task is never IN_PROGRESS.", Answered(
        task(lambda sent, found: {**found, "status": "CREATED"} if found["status"] == "IN_PROGRESS" else found)),
        near="test_tasks"),
    _mutant("other-id-echoed", "Status answers another task's id.", Answered(
        task(lambda sent, found: {**found, "task_id": "046b6c7f-0b8a-43b9-b35d-6489e6daee91"}
             if sent.method == "GET" else found)), near="test_tasks"),
    _mutant("list-forgets", "The list leaves out the newest task.", Answered(rows(lambda found: found[1:] or found)),
            near="test_tasks"),
    _mutant("list-repeats", "The list has a task twice.", Answered(rows(lambda found: [*found, found[0]])),
            near="test_tasks"),
    _mutant("list-lags", "The list says CREATED of every task.", Answered(
        rows(lambda found: [{**row, "status": "CREATED"} for row in found])), near="test_tasks"),
    _mutant("list-with-results", "The list gives results.", Answered(
        rows(lambda found: [{**row, "generated": ["https://x.test/a"]} for row in found])), near="test_tasks"),
)  # fmt: skip

WEBHOOKS: Final = (
)  # fmt: skip

MUTANTS: Final = (*KEYS, *ANSWERS, *TASKS, *WEBHOOKS)
