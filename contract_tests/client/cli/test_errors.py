"""How errors are reported: exit code, the next command, the object of `--json`, and no secrets."""

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract_tests.client.cli.conftest import context_of
from kling_elements import errors
from kling_elements.cli.error_report import report
from kling_elements.cli.exit_codes import CommandError, ExitCode
from kling_elements.cli.signals import Interrupted
from kling_elements.task import Task

FAILED, EMPTY = Task("t-1", "FAILED"), Task("t-1", "COMPLETED")
KNOWN, SENT = {"task_id": "t-1"}, {"was_create_sent": True}
WAIT = "kling-elements wait t-1"
RESUME = f"{WAIT} -o t-1.mp4"
LIST = "kling-elements list"
REPLACED = {"output": "my out.mp4", "download_options": {"overwrite": True}}


def api(kind: type[errors.ApiError], status: int, **more: Any) -> errors.ApiError:
    return kind(f"HTTP {status}: no.", status_code=status, message="no", **more)


def deadline(**more: Any) -> errors.DeadlineExceeded:
    return errors.DeadlineExceeded(
        "too late.", task_id="t-1", last_status="CREATED", elapsed=2, timeout=1, **more
    )


def download(minutes: int | None, **more: Any) -> errors.DownloadError:
    expires = None if minutes is None else datetime.now(UTC) + timedelta(minutes=minutes)
    return errors.DownloadError("no.", task_id="t-1", expires_at=expires, **more)


CASES: list[tuple[BaseException, dict[str, Any], int, str | None, dict[str, Any]]] = [
    # the error, what the run knew, the exit code, the next command, more of the JSON object
    (CommandError("no"), {}, 2, None, {}),
    (CommandError("no", ExitCode.DEADLINE, hint=WAIT), KNOWN, 5, RESUME, {"resume": RESUME}),
    (CommandError("no", hint="kling-elements resume"), {}, 2, "kling-elements resume", {}),
    (errors.ValidationError(["a", "b"]), {}, 2, None, {"problems": ["a", "b"]}),
    (errors.ValidationError(["a"]), KNOWN, 2, None, {"problems": ["a"]}),
    (errors.ConnectionFailed("no route."), {}, 8, None, {}),
    (errors.ConnectionFailed("no route.", task_id="t-1"), {}, 8, RESUME, {"resume": RESUME}),
    (errors.UploadError("no."), {}, 8, None, {}),
    (api(errors.RateLimitError, 429, request_id="r", retry_after=0.0), {}, 3, None,
     {"status_code": 429, "request_id": "r", "retry_after": 0.0}),
    (api(errors.ServerError, 500), KNOWN, 3, RESUME, {"status_code": 500, "resume": RESUME}),
    (api(errors.NotFoundError, 404), KNOWN, 3, None, {"status_code": 404}),
    (errors.ResponseFormatError("HTML.", status_code=200), {}, 1, None, {"status_code": 200}),
    (errors.TaskFailed("no.", task=FAILED), {}, 4, None, {}),
    (errors.ResultMissing("no.", task=EMPTY, hint="kling-elements status t-1"), {}, 4,
     "kling-elements status t-1", {}),
    (deadline(hint=WAIT), {}, 5, RESUME, {"last_status": "CREATED", "resume": RESUME}),
    (deadline(), REPLACED, 5, f"{WAIT} -o 'my out.mp4' --overwrite",
     {"last_status": "CREATED", "resume": f"{WAIT} -o 'my out.mp4' --overwrite"}),
    (errors.OutcomeUnknown("no.", status_code=502, hint=LIST), {}, 6, LIST, {"status_code": 502}),
    (errors.OutcomeUnknown("no.", task_id="t-1", hint=WAIT), {}, 6, RESUME, {"resume": RESUME}),
    (download(24 * 60, hint="kling-elements download t-1"), {}, 7, RESUME, {"resume": RESUME}),
    (download(None), {}, 7, RESUME, {"resume": RESUME}),
    (download(-5), {}, 7, None, {}),
    (RuntimeError("boom"), {}, 1, None, {}),
    (RuntimeError("boom"), SENT, 1, LIST, {}),
    (RuntimeError("boom"), KNOWN, 1, RESUME, {"resume": RESUME}),
    (Interrupted(signal.SIGINT), {}, 130, None, {}),
    (Interrupted(signal.SIGTERM), SENT, 143, LIST, {}),
    (Interrupted(signal.SIGINT), {"loss": "all is in the journal"}, 130, None, {}),
    (Interrupted(signal.SIGHUP), KNOWN, 129, RESUME, {"resume": RESUME}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "known", "code", "following", "facts"), CASES)
def test_each_error(
    error: BaseException, known: dict[str, Any], code: int, following: str | None, facts: dict[str, Any]
) -> None:
    """Each error has its exit code, its next command on a line of its own, and its facts as JSON."""
    run = context_of("--json")
    for name, value in known.items():
        setattr(run.context, name, value)
    assert report(error, run.context) == code
    lines = run.err.getvalue().splitlines()
    if following is not None:
        assert lines.pop() == f"Next: {following}"
    assert lines
    assert all(line.startswith("kling-elements: ") and line.endswith(".") for line in lines)
    body = json.loads(run.out.getvalue())["error"]
    message = body.pop("message")
    assert all(line.removeprefix("kling-elements: ") in message for line in lines)
    assert following is None or following in message
    task_id = getattr(error, "task_id", None) or known.get("task_id")
    assert body == {"type": type(error).__name__, "task_id": task_id, "exit_code": code, **facts}
    assert known.get("loss", "") in message
    report(error, run.context)
    json.loads(run.out.getvalue())  # one document, whatever comes after it


def test_hints_lead_to_the_same_service() -> None:
    """A hint repeats the options that lead to the service, quoted for a shell, but for a key from stdin."""
    run = context_of("--base-url", "http://h", "--auth-header", "x-key", "--api-key-file", "my key")
    command = "kling-elements --base-url http://h --auth-header x-key --api-key-file 'my key'"
    assert run.context.follow(LIST, None) == f"{command} list"
    assert run.context.resume("t-1") == f"{command} wait t-1 -o t-1.mp4"
    error = errors.KlingError("no.", hint="kling-elements resume")
    assert run.context.format_error(error) == f"no. Next: {command} resume"
    for foreign, text in ((OSError(13, "no"), "[Errno 13] no"), (RuntimeError(), "RuntimeError")):
        assert run.context.format_error(foreign) == text
    assert context_of("--api-key-file", "-").context.command("list") == LIST
    words = {"a\nb": "$'a\\x0ab'", "b\udce9ld": "$'b\\xe9ld'", "é": "'é'", "\ud800": "'\\ud800'"}
    typed = context_of().context.command("wait", *words)
    assert typed == f"kling-elements wait {' '.join(words.values())}"


@pytest.mark.parametrize(("options", "shows"), [((), False), (("-v",), False), (("-vv",), True)])
def test_a_traceback_is_for_those_who_ask(options: tuple[str, ...], *, shows: bool) -> None:
    """An error of ours shows its traceback with -vv, and none of the service's text escapes its line."""
    run = context_of(*options)
    try:
        raise api(errors.BadRequestError, 400, body="x") from ValueError("a\nkling-elements: fine\x1b[2J")
    except errors.ApiError as error:
        report(error, run.context)
    text = run.err.getvalue()
    assert ("Traceback" in text) is shows
    assert "\x1b" not in text
    assert "kling-elements: fine" not in text.splitlines()


def test_an_unreachable_service_is_named() -> None:
    """The origin stands once in the line, unless it can't be one."""
    for url, text, count in (
        ("http://h.localhost", "no.", 1),
        ("http://h.localhost", "http://h.localhost said no.", 1),
        ("ftp://h", "no.", 0),
    ):
        run = context_of("--base-url", url)
        report(errors.ConnectionFailed(text), run.context)
        assert run.err.getvalue().count(url) == count
