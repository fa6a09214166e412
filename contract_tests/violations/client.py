"""Violations of the client: money, the key, the contract, parsing, polling, downloads and the journal."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import httpx

from contract_tests.support.contract import key_headers
from contract_tests.violations.violation import Violation, replaced
from contract_tests.violations.wire import Exchange, Wire
from kling_elements import ConnectionFailed, DeadlineExceeded, TaskFailed

if TYPE_CHECKING:
    from collections.abc import Callable

_API: Final = ("client/api", "client/operations")


def _violation(name: str, description: str, apply: Callable[[], None], near: str, *tests: str) -> Violation:
    return Violation("client", name, description, apply, tests or _API, near)


# --- on the wire


def _key_everywhere() -> Wire:
    seen: dict[str, str] = {}

    def before(exchange: Exchange) -> None:
        names = [name for name in key_headers().values() if name in exchange.request.headers]
        if names:
            seen.update({name: exchange.request.headers[name] for name in names})
        else:
            exchange.rewrite(headers=httpx.Headers({**dict(exchange.request.headers), **seen}))

    return Wire(before)


def _key_twice(exchange: Exchange) -> None:
    for name in key_headers().values():
        if name in exchange.request.headers:
            exchange.request.headers["authorization"] = f"Bearer {exchange.request.headers[name]}"


def _body(change: Callable[[dict[str, Any]], Any]) -> Wire:
    def before(exchange: Exchange) -> None:
        if exchange.is_create:
            value = json.loads(exchange.request.content)
            change(value)
            exchange.rewrite(content=json.dumps(value).encode())

    return Wire(before)


def _number_for_duration(body: dict[str, Any]) -> None:
    if "duration" in body:
        body["duration"] = int(body["duration"])


def _wrong_status_path(exchange: Exchange) -> None:
    path = exchange.request.url.raw_path.replace(b"/kling-elements/", b"/kling-elements-std/")
    if exchange.is_ours and path != exchange.request.url.raw_path:
        exchange.rewrite(url=exchange.request.url.copy_with(raw_path=path))


def _query_encoded_again(exchange: Exchange) -> None:
    path = exchange.request.url.raw_path
    if not exchange.is_ours and b"~" in path:
        exchange.rewrite(url=exchange.request.url.copy_with(raw_path=path.replace(b"~", b"%7E")))


def _without(*names: str) -> Wire:
    def after(exchange: Exchange) -> None:
        for name in names:
            exchange.headers.pop(name, None)

    return Wire(after=after)


def _without_if_range(exchange: Exchange) -> None:
    exchange.request.headers.pop("if-range", None)


def _message(status: int, text: str) -> Wire:
    def after(exchange: Exchange) -> None:
        if exchange.is_ours and exchange.status == status:
            exchange.edit_json(lambda value: value.update(message=text) if "message" in value else None)

    return Wire(after=after)


def _without_params(exchange: Exchange) -> None:
    def change(value: dict[str, Any]) -> None:
        value.pop("invalid_params", None)
        if isinstance(value.get("problem"), dict):
            value["problem"].pop("invalid_params", None)

    exchange.edit_json(change)


def _402_as_400(exchange: Exchange) -> None:
    exchange.status = 400 if exchange.status == 402 else exchange.status


def _task(change: Callable[[Exchange, dict[str, Any]], Any]) -> Wire:
    def edit(exchange: Exchange, value: dict[str, Any]) -> None:
        if isinstance(value.get("data"), dict):
            change(exchange, value["data"])

    def after(exchange: Exchange) -> None:
        if exchange.is_ours and exchange.status == httpx.codes.OK:
            exchange.edit_json(lambda value: edit(exchange, value))

    return Wire(after=after)


def _known_fields_only(_: Exchange, task: dict[str, Any]) -> None:
    for name in set(task) - {"task_id", "status", "generated"}:
        del task[name]


def _is_created(_: Exchange, task: dict[str, Any]) -> None:
    if task.get("status") == "CREATED":
        task["status"] = ""


# --- at the public face


def _either(wrong: Callable[[BaseException], Any], *methods: str) -> Callable[[], None]:
    """Wrap methods of both clients: `wrong` gets what was raised, and returns or raises."""

    def make(real: Any) -> Any:
        def call(self: Any, *args: Any, **options: Any) -> Any:
            try:
                return real(self, *args, **options)
            except BaseException as error:  # noqa: BLE001 - `wrong` raises again what it does not change
                return wrong(error)

        return call

    def make_async(real: Any) -> Any:
        async def call(self: Any, *args: Any, **options: Any) -> Any:
            try:
                return await real(self, *args, **options)
            except BaseException as error:  # noqa: BLE001 - `wrong` raises again what it does not change
                return wrong(error)

        return call

    def apply() -> None:
        for method in methods:
            replaced(make, f"kling_elements:KlingElements.{method}")()
            replaced(make_async, f"kling_elements:AsyncKlingElements.{method}")()

    return apply


def _failed_is_returned(error: BaseException) -> Any:
    if isinstance(error, TaskFailed):
        return error.task
    raise error


def _deadline_fails(error: BaseException) -> Any:
    if isinstance(error, DeadlineExceeded):
        raise ConnectionFailed(str(error.args[0])) from None
    raise error


def _interrupt_is_bare(error: BaseException) -> Any:
    if isinstance(error, KeyboardInterrupt):
        raise KeyboardInterrupt from None
    raise error


def _returning(value: Any) -> Callable[[Any], Any]:
    return lambda real: lambda *args, **options: value


def _overwriting(real: Any) -> Any:
    return lambda self, target, **options: real(self, target, **{**options, "overwrite": True})


def _always_whole(real: Any) -> Any:
    from kling_elements.downloads.mp4 import Finding, Verdict  # noqa: PLC0415 - only when it is applied

    return lambda *args, **options: Finding(Verdict.WHOLE)


_MONEY: Final = (
    _violation(
        "create-repeated-on-timeout",
        "A create without an answer is sent again: paid twice.",
        Wire(again=lambda exchange: exchange.is_create and not exchange.status),
        "test_decisions",
    ),
    _violation(
        "create-repeated-on-5xx",
        "A create that got a 5xx is sent again: paid twice.",
        Wire(again=lambda exchange: exchange.is_create and exchange.status >= httpx.codes(500)),
        "test_decisions",
    ),
    _violation(
        "quota-is-a-rate",
        "The day's quota is retried like a rate.",
        _message(429, "Too many requests"),
        "test_decisions",
    ),
    _violation(
        "deadline-is-a-failure",
        "A missed deadline is a failure without the task's id.",
        _either(_deadline_fails, "wait"),
        "test_wait",
        "client/operations",
    ),
    _violation(
        "interrupt-forgets",
        "Ctrl-C during a wait does not show the task's id.",
        _either(_interrupt_is_bare, "wait", "generate"),
        "test_records",
        "client/operations",
    ),
    _violation(
        "created-not-recorded",
        "The journal never learns the id of a created task.",
        replaced(_returning(None), "kling_elements.operations.recorder:Recorder.created"),
        "test_records",
        "client/operations",
    ),
    _violation(
        "quota-forgotten",
        "A used-up quota is not remembered for the next process.",
        replaced(_returning(None), "kling_elements.operations.recorder:Recorder.quota_wait"),
        "test_records",
        "client/operations",
    ),
)
_KEY: Final = (
    _violation(
        "key-to-other-hosts",
        "The key goes to the host of uploads and results.",
        _key_everywhere(),
        "test_steps",
        "schema/client",
    ),
    _violation(
        "key-as-a-bearer-token",
        "The key is sent in a second header too.",
        Wire(_key_twice),
        "test_requests",
        "schema/client",
    ),
    _violation(
        "redirect-followed",
        "A redirect is followed.",
        Wire(options={"follow_redirects": True}),
        "test_key_hygiene",
    ),
    _violation(
        "key-in-a-repr",
        "The key's repr shows it.",
        replaced(
            lambda real: lambda self: f"ApiKey({self.reveal()!r})", "kling_elements.api.auth:ApiKey.__repr__"
        ),
        "test_key_hygiene",
        "client/api",
    ),
    _violation(
        "echo-not-redacted",
        "A key that the server echoes stands in the error.",
        replaced(lambda real: lambda self, text: text, "kling_elements.api.auth:ApiKey.redact"),
        "test_key_hygiene",
        "client/api",
    ),
)
_CONTRACT: Final = (
    _violation(
        "duration-is-a-number",
        "duration is sent as 5, not '5'.",
        _body(_number_for_duration),
        "test_requests",
        "schema/client",
    ),
    _violation(
        "field-lost",
        "negative_prompt is not sent.",
        _body(lambda body: body.pop("negative_prompt", None)),
        "test_requests",
        "schema/client",
    ),
    _violation(
        "status-under-the-create-path",
        "Status is asked for under create's path.",
        Wire(_wrong_status_path),
        "test_requests",
        "schema/client",
    ),
    _violation(
        "invalid-body-sent",
        "A body is not validated before it is sent.",
        replaced(_returning([]), "kling_elements.validation:Validator.problems"),
        "test_requests",
        "schema/client",
    ),
    _violation(
        "small-images-sent",
        "An image that is too small is sent.",
        replaced(_returning(()), "kling_elements.images.constraints:problems"),
        "test_constraints",
        "client/images",
        "client/operations",
    ),
)
_PARSING: Final = (
    _violation(
        "created-unknown",
        "CREATED, which the page lacks, is no status.",
        _task(_is_created),
        "test_records",
    ),
    _violation(
        "unknown-fields-lost",
        "Fields that the document lacks are lost.",
        _task(_known_fields_only),
        "test_records",
    ),
    _violation(
        "other-task-accepted",
        "An answer about another task is accepted.",
        replaced(
            lambda real: lambda answer, task_id=None: real(answer), "kling_elements.api.responses:read_task"
        ),
        "test_decisions",
    ),
    _violation(
        "any-404-is-empty",
        "Any 404 is an empty list: a wrong URL looks like an empty account.",
        _message(404, "Tasks not found"),
        "test_decisions",
    ),
    _violation(
        "reasons-lost",
        "An error does not say which field is wrong.",
        Wire(after=_without_params),
        "test_documented_answers",
        "schema/client",
    ),
    _violation(
        "402-is-plain",
        "A 402 is no error of its own.",
        Wire(after=_402_as_400),
        "test_documented_answers",
        "schema/client",
    ),
    _violation(
        "request-id-lost",
        "Errors have no request id.",
        _without("x-request-id"),
        "test_decisions",
    ),
)
_POLLING: Final = (
    _violation(
        "retry-after-ignored",
        "Retry-After and the rate limit's reset are ignored.",
        _without("retry-after", "x-ratelimit-reset"),
        "test_decisions",
    ),
    _violation(
        "no-jitter",
        "Pauses are not random.",
        replaced(
            lambda real: lambda policy, attempt, hint, random, *more: real(policy, attempt, hint, 1.0, *more),
            "kling_elements.policy.retries:backoff",
        ),
        "test_timing",
        "client/policy",
    ),
    _violation(
        "sleeps-past-the-deadline",
        "The last sleep goes past the deadline.",
        replaced(
            lambda real: lambda self, seconds, now: seconds, "kling_elements.policy.polling:Deadline.clamp"
        ),
        "test_timing",
        "client/policy",
        "client/operations",
    ),
    _violation(
        "unknown-status-ends-the-wait",
        "A wait ends at an unknown status.",
        replaced(
            lambda real: property(lambda self: self.status not in {"CREATED", "IN_PROGRESS"}),
            "kling_elements:TaskData.is_terminal",
        ),
        "test_wait",
        "client/operations",
    ),
    _violation(
        "failed-is-a-result",
        "generate returns a FAILED task.",
        _either(_failed_is_returned, "generate"),
        "test_wait",
        "client/operations",
    ),
)
_DOWNLOADS: Final = (
    _violation(
        "file-overwritten",
        "An existing file is overwritten.",
        replaced(_overwriting, "kling_elements:Task.download", "kling_elements:AsyncTask.download"),
        "test_downloads",
        "client/downloads",
    ),
    _violation(
        "any-body-is-a-video",
        "Any body is kept as the video.",
        replaced(_always_whole, "kling_elements.downloads.mp4:inspect_video"),
        "test_downloads",
        "client/downloads",
    ),
    _violation(
        "parts-of-two-videos",
        "A continued download does not ask whether the file has changed.",
        Wire(_without_if_range),
        "test_continued_downloads",
        "client/downloads",
    ),
    _violation(
        "signed-query-encoded",
        "The signed query of a result's URL is encoded again.",
        Wire(_query_encoded_again),
        "test_downloads",
        "client/downloads",
    ),
)

_FINER: Final = (
    _violation(
        "alike-images-share-an-upload",
        "Two images that begin alike share one upload.",
        replaced(
            lambda real: lambda image: (image.data[:64].hex(), image.content_type),
            "kling_elements.operations.uploads:_key",
        ),
        "test_uploads",
        "client/operations",
    ),
    _violation(
        "second-result-lost",
        "Of two results only the first is kept.",
        _task(lambda exchange, task: task.update(generated=task.get("generated", [])[:1])),
        "test_responses",
        "client/api",
        "client/operations",
        "client/downloads",
    ),
    _violation(
        "retry-after-without-its-zone",
        "A date of another time zone is read as UTC.",
        replaced(
            lambda real: lambda text: (date := real(text)) and date.replace(tzinfo=UTC),
            "kling_elements.api.parsing:_date",
        ),
        "test_decisions",
        "client/api",
    ),
    _violation(
        "expiry-in-local-time",
        "A result's expiry is local time under the name of UTC.",
        replaced(
            lambda real: lambda url: (date := real(url)) and date.astimezone().replace(tzinfo=UTC),
            "kling_elements.types:url_expiry",
        ),
        "test_downloads",
        "client/downloads",
    ),
    _violation(
        "key-struck-out-as-it-is-only",
        "An encoded key that the server echoes stands in the error.",
        replaced(
            lambda real: lambda key: lambda text: text.replace(key, "[API key]"),
            "kling_elements.api.key_redaction:redactor",
        ),
        "test_key_hygiene",
        "client/api",
    ),
    _violation(
        "video-not-flushed",
        "A video is not brought to the disk before it gets its name.",
        replaced(_returning(None), "kling_elements.files:sync"),
        "test_targets",
        "client/downloads",
    ),
)

VIOLATIONS: Final = (*_MONEY, *_KEY, *_CONTRACT, *_PARSING, *_POLLING, *_DOWNLOADS, *_FINER)
