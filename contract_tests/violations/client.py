"""Violations of the client: money, the key, the contract, parsing, polling, downloads and the journal."""

from __future__ import annotations

import inspect
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import httpx

from contract_tests.violations.violation import replaced, table
from contract_tests.violations.wire import KEY_HEADERS, Exchange, Wire
from kling_elements import ConnectionFailed, DeadlineExceeded, TaskFailed

if TYPE_CHECKING:
    from collections.abc import Callable


# --- on the wire


def _key_everywhere() -> Wire:
    seen: dict[str, str] = {}

    def before(exchange: Exchange) -> None:
        headers = exchange.request.headers
        seen.update({name: headers[name] for name in KEY_HEADERS if name in headers})
        if not exchange.is_ours:
            headers.update(seen)

    return Wire(before)


def _key_twice(exchange: Exchange) -> None:
    headers = exchange.request.headers
    for name in KEY_HEADERS & set(headers):
        headers["authorization"] = f"Bearer {headers[name]}"


def _body(change: Callable[[dict[str, Any]], object]) -> Wire:
    def before(exchange: Exchange) -> None:
        if exchange.is_create:
            value = json.loads(exchange.request.content)
            change(value)
            exchange.send_instead(json.dumps(value).encode())

    return Wire(before)


def _path(old: bytes, new: bytes, *, ours: bool) -> Wire:
    def before(exchange: Exchange) -> None:
        url = exchange.request.url
        if exchange.is_ours == ours:
            exchange.request.url = url.copy_with(raw_path=url.raw_path.replace(old, new))

    return Wire(before)


def _without(*names: str) -> Wire:
    return Wire(after=lambda exchange: [exchange.headers.pop(name, None) for name in names])


def _message(status: int, text: str) -> Wire:
    def after(exchange: Exchange) -> None:
        if exchange.is_ours and exchange.status == status:
            exchange.edit_json(lambda value: value.update(message=text) if "message" in value else None)

    return Wire(after=after)


def _without_params(exchange: Exchange) -> None:
    def change(value: dict[str, Any]) -> None:
        for problem in (value, value.get("problem")):
            if isinstance(problem, dict):
                problem.pop("invalid_params", None)

    exchange.edit_json(change)


def _402_as_400(exchange: Exchange) -> None:
    exchange.status = 400 if exchange.status == httpx.codes.PAYMENT_REQUIRED else exchange.status


def _task(change: Callable[[dict[str, Any]], object]) -> Wire:
    def after(exchange: Exchange) -> None:
        if exchange.is_ours and exchange.status == httpx.codes.OK:
            exchange.edit_json(lambda v: change(v["data"]) if isinstance(v.get("data"), dict) else None)

    return Wire(after=after)


# --- at the public face


def _either(wrong: Callable[[BaseException], Any], *methods: str) -> Callable[[], None]:
    """Wrap methods of both clients: `wrong` gets what was raised, and returns or raises."""

    def make(real: Any) -> Any:
        def call(self: Any, *args: Any, **options: Any) -> Any:
            try:
                return real(self, *args, **options)
            except BaseException as error:  # noqa: BLE001 - `wrong` raises again what it does not change
                return wrong(error)

        async def call_async(self: Any, *args: Any, **options: Any) -> Any:
            try:
                return await real(self, *args, **options)
            except BaseException as error:  # noqa: BLE001 - `wrong` raises again what it does not change
                return wrong(error)

        return call_async if inspect.iscoroutinefunction(real) else call

    names = [f"{name}.{method}" for name in ("KlingElements", "AsyncKlingElements") for method in methods]
    return replaced(make, *(f"kling_elements:{name}" for name in names))


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


VIOLATIONS: Final = table("client", {
    "create-repeated-on-timeout": ("A create without an answer is sent again: paid twice.",
      Wire(again=lambda exchange: exchange.is_create and not exchange.status)),
    "create-repeated-on-5xx": ("A create that got a 5xx is sent again: paid twice.",
      Wire(again=lambda exchange: exchange.is_create and exchange.status >= httpx.codes(500))),
    "quota-is-a-rate": ("The day's quota is retried like a rate.", _message(429, "Too many requests")),
    "deadline-is-a-failure": ("A missed deadline is a failure without the task's id.",
      _either(_deadline_fails, "wait")),
    "interrupt-forgets": ("Ctrl-C during a wait does not show the task's id.",
      _either(_interrupt_is_bare, "wait", "generate")),
    "created-not-recorded": ("The journal never learns the id of a created task.",
      replaced(_returning(None), "kling_elements.operations.recorder:Recorder.created")),
    "quota-forgotten": ("A used-up quota is not remembered for the next process.",
      replaced(_returning(None), "kling_elements.operations.recorder:Recorder.quota_wait")),
    # the key
    "key-to-other-hosts": ("The key goes to the host of uploads and results.", _key_everywhere()),
    "key-as-a-bearer-token": ("The key is sent in a second header too.", Wire(_key_twice)),
    "redirect-followed": ("A redirect is followed.",
      replaced(lambda real: lambda *args, **options: real(*args, **{**options, "follow_redirects": True}),
        "httpx:Client.send", "httpx:AsyncClient.send")),
    "key-in-a-repr": ("The key's repr shows it.",
      replaced(lambda real: lambda self: f"ApiKey({self.reveal()!r})",
        "kling_elements.api.auth:ApiKey.__repr__")),
    "echo-not-redacted": ("A key that the server echoes stands in the error.",
      replaced(lambda real: lambda self, text: text, "kling_elements.api.auth:ApiKey.redact")),
    # the contract
    "duration-is-a-number": ("duration is sent as 5, not '5'.",
      _body(lambda body: body.update({k: int(v) for k, v in body.items() if k == "duration"}))),
    "field-lost": ("negative_prompt is not sent.", _body(lambda body: body.pop("negative_prompt", None))),
    "status-under-the-create-path": ("Status is asked for under create's path.",
      _path(b"/kling-elements/", b"/kling-elements-std/", ours=True)),
    "invalid-body-sent": ("A body is not validated before it is sent.",
      replaced(_returning([]), "kling_elements.validation:Validator.problems")),
    "small-images-sent": ("An image that is too small is sent.",
      replaced(_returning(()), "kling_elements.images.constraints:problems")),
    # parsing
    "created-unknown": ("CREATED, which the page lacks, is no status.",
      _task(lambda task: task.update({k: "" for k, v in task.items() if (k, v) == ("status", "CREATED")}))),
    "unknown-fields-lost": ("Fields that the document lacks are lost.",
      _task(lambda task: [task.pop(name) for name in set(task) - {"task_id", "status", "generated"}])),
    "other-task-accepted": ("An answer about another task is accepted.",
      replaced(lambda real: lambda answer, task_id=None: real(answer),
        "kling_elements.api.responses:read_task")),
    "any-404-is-empty": ("Any 404 is an empty list: a wrong URL looks like an empty account.",
      _message(404, "Tasks not found")),
    "reasons-lost": ("An error does not say which field is wrong.", Wire(after=_without_params)),
    "402-is-plain": ("A 402 is no error of its own.", Wire(after=_402_as_400)),
    "request-id-lost": ("Errors have no request id.", _without("x-request-id")),
    # polling
    "retry-after-ignored": ("Retry-After and the rate limit's reset are ignored.",
      _without("retry-after", "x-ratelimit-reset")),
    "no-jitter": ("Pauses are not random.",
      replaced(lambda real: lambda policy, attempt, hint, _, *more: real(policy, attempt, hint, 1.0, *more),
        "kling_elements.policy.retries:backoff")),
    "sleeps-past-the-deadline": ("The last sleep goes past the deadline.",
      replaced(lambda real: lambda self, seconds, now: seconds,
        "kling_elements.policy.polling:Deadline.clamp")),
    "unknown-status-ends-the-wait": ("A wait ends at an unknown status.",
      replaced(lambda real: property(lambda self: self.status not in {"CREATED", "IN_PROGRESS"}),
        "kling_elements:TaskData.is_terminal")),
    "failed-is-a-result": ("generate returns a FAILED task.", _either(_failed_is_returned, "generate")),
    # downloads
    "file-overwritten": ("An existing file is overwritten.",
      replaced(_overwriting, "kling_elements:Task.download", "kling_elements:AsyncTask.download")),
    "any-body-is-a-video": ("Any body is kept as the video.",
      replaced(_always_whole, "kling_elements.downloads.mp4:inspect_video")),
    "parts-of-two-videos": ("A continued download does not ask whether the file has changed.",
      Wire(lambda exchange: exchange.request.headers.pop("if-range", None))),
    "signed-query-encoded": ("The signed query of a result's URL is encoded again.",
      _path(b"~", b"%7E", ours=False)),
    # finer ones
    "alike-images-share-an-upload": ("Two images that begin alike share one upload.",
      replaced(lambda real: lambda image: (image.data[:64].hex(), image.content_type),
        "kling_elements.operations.uploads:_key")),
    "second-result-lost": ("Of two results only the first is kept.",
      _task(lambda task: task.update(generated=task.get("generated", [])[:1]))),
    "retry-after-without-its-zone": ("A date of another time zone is read as UTC.",
      replaced(lambda real: lambda text: (date := real(text)) and date.replace(tzinfo=UTC),
        "kling_elements.api.parsing:_date")),
    "expiry-in-local-time": ("A result's expiry is local time under the name of UTC.",
      replaced(lambda real: lambda url: (date := real(url)) and date.astimezone().replace(tzinfo=UTC),
        "kling_elements.types:url_expiry")),
    "key-struck-out-as-it-is-only": ("An encoded key that the server echoes stands in the error.",
      replaced(lambda real: lambda key: lambda text: text.replace(key, "[API key]"),
        "kling_elements.api.key_redaction:redactor")),
    "video-not-flushed": ("A video is not brought to the disk before it gets its name.",
      replaced(_returning(None), "kling_elements.files:sync")),
})  # fmt: skip
