"""Violations of the client: money, the key, the contract, parsing, polling, downloads and the journal."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC
from http import HTTPStatus
from typing import Any, Final

import httpx

from contract_tests.support.contract import key_headers
from contract_tests.violations.violation import replaced, table
from kling_elements import ConnectionFailed, DeadlineExceeded
from kling_elements.types import NoResponse, Request, Response

_KEY_HEADERS: Final = frozenset(key_headers().values())
_SEND: Final = "kling_elements.api.base_transport:BaseTransport.send"

# --- what goes to the service, and what comes back


def _asked(change: Callable[[Request], Request]) -> Callable[[], None]:
    return replaced(_SEND, lambda real: lambda self, request, *rest: real(self, change(request), *rest))


def _body(change: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
    def changed(request: Request) -> Request:
        if not _is_create(request):
            return request
        value = json.loads(request.content or b"")
        change(value)
        return request._replace(content=json.dumps(value).encode())

    return _asked(changed)


def _is_create(request: Request) -> bool:
    return request.method == "POST" and "/image-to-video/" in request.path


def _again(when: Callable[[Any], bool]) -> Callable[[], None]:
    def make(real: Any) -> Any:
        async def send(self: Any, request: Request, *rest: Any) -> Any:
            outcome = await real(self, request, *rest)
            return await real(self, request, *rest) if _is_create(request) and when(outcome) else outcome

        return send

    return replaced(_SEND, make)


def _answered(change: Callable[[Response], Response]) -> Callable[[], None]:
    def make(real: Any) -> Any:
        async def send(*args: Any) -> Any:
            outcome = await real(*args)
            return change(outcome) if isinstance(outcome, Response) else outcome

        return send

    return replaced(_SEND, make)


def _json(change: Callable[[Response, dict[str, Any]], object]) -> Callable[[], None]:
    """Change the JSON object of a response in place; other bodies stay."""

    def changed(response: Response) -> Response:
        try:
            value = json.loads(response.body)
        except ValueError:
            return response
        if isinstance(value, dict):
            change(response, value)
        return response._replace(body=json.dumps(value).encode())

    return _answered(changed)


def _without(*names: str) -> Callable[[], None]:
    return _answered(lambda r: r._replace(headers={k: v for k, v in r.headers.items() if k not in names}))


def _message(status: int, text: str) -> Callable[[], None]:
    return _json(lambda r, v: v.update(message=text) if r.status == status and "message" in v else None)


def _without_params(_: Response, value: dict[str, Any]) -> None:
    for problem in (value, value.get("problem")):
        if isinstance(problem, dict):
            problem.pop("invalid_params", None)


def _task(change: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
    return _json(lambda r, v: change(v["data"]) if r.is_ok and isinstance(v.get("data"), dict) else None)


# --- what goes to any host


def _wire(change: Callable[[httpx.Request], object]) -> Callable[[], None]:
    """Change each request of every httpx client, the key in it and its redirects not yet followed."""

    def make(real: Any) -> Any:
        def send(client: Any, request: httpx.Request) -> Any:
            change(request)
            return real(client, request)

        return send

    return replaced("httpx:Client._send_single_request httpx:AsyncClient._send_single_request", make)


def _key_everywhere() -> Callable[[], None]:
    seen: dict[str, str] = {}

    def change(request: httpx.Request) -> None:
        seen.update({name: value for name, value in request.headers.items() if name in _KEY_HEADERS})
        request.headers.update(seen)

    return _wire(change)


def _key_twice(request: httpx.Request) -> None:
    for name in _KEY_HEADERS & set(request.headers):
        request.headers["authorization"] = f"Bearer {request.headers[name]}"


def _encoded(request: httpx.Request) -> None:
    request.url = request.url.copy_with(raw_path=request.url.raw_path.replace(b"~", b"%7E"))


# --- inside


def _deadline_fails(real: Any) -> Any:
    async def wait(*args: Any, **options: Any) -> Any:
        try:
            return await real(*args, **options)
        except DeadlineExceeded as error:
            raise ConnectionFailed(str(error.args[0])) from None

    return wait


def _returning(value: Any) -> Callable[[Any], Any]:
    return lambda real: lambda *args, **options: value


def _always_whole(real: Any) -> Any:
    from kling_elements.downloads.mp4 import Finding, Verdict  # noqa: PLC0415 - only when it is applied

    return lambda *args, **options: Finding(Verdict.WHOLE)


VIOLATIONS: Final = table("client", {
    "create-repeated-on-timeout": ("A create without an answer is sent again: paid twice.",
      _again(lambda outcome: isinstance(outcome, NoResponse) and outcome.was_sent)),
    "create-repeated-on-5xx": ("A create that got a 5xx is sent again: paid twice.",
      _again(lambda outcome: isinstance(outcome, Response) and outcome.status >= 500)),
    "quota-is-a-rate": ("The day's quota is retried like a rate.", _message(429, "Too many requests")),
    "deadline-is-a-failure": ("A missed deadline is a failure without the task's id.",
      "kling_elements.operations.service:TaskService.wait", _deadline_fails),
    "interrupt-forgets": ("Ctrl-C during a wait does not show the task's id.",
      "kling_elements.operations.service:_named_in_errors", lambda real: lambda task_id: nullcontext()),
    "created-not-recorded": ("The journal never learns the id of a created task.",
      "kling_elements.operations.recorder:Recorder.created", _returning(None)),
    "quota-forgotten": ("A used-up quota is not remembered for the next process.",
      "kling_elements.operations.recorder:Recorder.quota_wait", _returning(None)),
    # the key
    "key-to-other-hosts": ("The key goes to the host of uploads and results.", _key_everywhere()),
    "key-as-a-bearer-token": ("The key is sent in a second header too.", _wire(_key_twice)),
    "redirect-followed": ("A redirect is followed.", "httpx:Client.send httpx:AsyncClient.send",
      lambda real: lambda *args, **options: real(*args, **{**options, "follow_redirects": True})),
    "key-in-a-repr": ("The key's repr shows it.", "kling_elements.api.auth:ApiKey.__repr__",
      lambda real: lambda self: f"ApiKey({self.reveal()!r})"),
    "echo-not-redacted": ("A key that the server echoes stands in the error.",
      "kling_elements.api.auth:ApiKey.redact", lambda real: lambda self, text: text),
    # the contract
    "duration-is-a-number": ("duration is sent as 5, not '5'.",
      _body(lambda body: body.update({k: int(v) for k, v in body.items() if k == "duration"}))),
    "field-lost": ("negative_prompt is not sent.", _body(lambda body: body.pop("negative_prompt", None))),
    "status-under-the-create-path": ("Status is asked for under create's path.",
      _asked(lambda r: r._replace(path=r.path.replace("/kling-elements/", "/kling-elements-std/")))),
    "invalid-body-sent": ("A body is not validated before it is sent.",
      "kling_elements.validation:Validator.problems", _returning([])),
    "small-images-sent": ("An image that is too small is sent.", "kling_elements.images.constraints:problems",
      _returning(())),
    # parsing
    "created-unknown": ("CREATED, which the page lacks, is no status.",
      _task(lambda task: task.update({k: "" for k, v in task.items() if (k, v) == ("status", "CREATED")}))),
    "unknown-fields-lost": ("Fields that the document lacks are lost.",
      _task(lambda task: [task.pop(name) for name in set(task) - {"task_id", "status", "generated"}])),
    "other-task-accepted": ("An answer about another task is accepted.",
      "kling_elements.api.responses:read_task", lambda real: lambda answer, task_id=None: real(answer)),
    "any-404-is-empty": ("Any 404 is an empty list: a wrong URL looks like an empty account.",
      _message(404, "Tasks not found")),
    "reasons-lost": ("An error does not say which field is wrong.", _json(_without_params)),
    "402-is-plain": ("A 402 is no error of its own.",
      _answered(lambda r: r._replace(status=400) if r.status == HTTPStatus.PAYMENT_REQUIRED else r)),
    "request-id-lost": ("Errors have no request id.", _without("x-request-id")),
    # polling
    "retry-after-ignored": ("Retry-After and the rate limit's reset are ignored.",
      _without("retry-after", "x-ratelimit-reset")),
    "no-jitter": ("Pauses are not random.", "kling_elements.policy.retries:backoff",
      lambda real: lambda policy, attempt, hint, _, *more: real(policy, attempt, hint, 1.0, *more)),
    "sleeps-past-the-deadline": ("The last sleep goes past the deadline.",
      "kling_elements.policy.retries:Deadline.clamp", lambda real: lambda self, seconds, now: seconds),
    "unknown-status-ends-the-wait": ("A wait ends at an unknown status.",
      "kling_elements:TaskData.is_terminal",
      lambda real: property(lambda self: self.status not in {"CREATED", "IN_PROGRESS"})),
    "failed-is-a-result": ("generate returns a FAILED task.",
      "kling_elements.operations.videos:require_video", lambda real: lambda task: task),
    # downloads
    "file-overwritten": ("An existing file is overwritten.",
      "kling_elements:Task.download kling_elements:AsyncTask.download",
      lambda real: lambda self, target, **options: real(self, target, **{**options, "overwrite": True})),
    "any-body-is-a-video": ("Any body is kept as the video.", "kling_elements.downloads.mp4:inspect_video",
      _always_whole),
    "parts-of-two-videos": ("A continued download does not ask whether the file has changed.",
      _wire(lambda request: request.headers.pop("if-range", None))),
    "signed-query-encoded": ("The signed query of a result's URL is encoded again.", _wire(_encoded)),
    # finer ones
    "alike-images-share-an-upload": ("Two images that begin alike share one upload.",
      "kling_elements.operations.uploads:_key",
      lambda real: lambda image: (image.data[:64].hex(), image.content_type)),
    "second-result-lost": ("Of two results only the first is kept.",
      _task(lambda task: task.update(generated=task.get("generated", [])[:1]))),
    "retry-after-without-its-zone": ("A date of another time zone is read as UTC.",
      "kling_elements.api.parsing:_date",
      lambda real: lambda text: (date := real(text)) and date.replace(tzinfo=UTC)),
    "expiry-in-local-time": ("A result's expiry is local time under the name of UTC.",
      "kling_elements.types:url_expiry",
      lambda real: lambda url: (date := real(url)) and date.astimezone().replace(tzinfo=UTC)),
    "key-struck-out-as-it-is-only": ("An encoded key that the server echoes stands in the error.",
      "kling_elements.api.key_redaction:redactor",
      lambda real: lambda key: lambda text: text.replace(key, "[API key]")),
    "video-not-flushed": ("A video is not brought to the disk before it gets its name.",
      "kling_elements.files:sync", _returning(None)),
})  # fmt: skip
