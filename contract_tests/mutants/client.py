"""Faults of the client: what people of other clients of this API paid for, and more."""

# ruff: noqa: E501 - tables: the texts that an edit replaces are as long as they are in the source

from __future__ import annotations

from typing import Final

from contract_tests.mutants.mutant import Edit, Place, Value

_PLACE: Final = Place("client", "kling_elements", ("client", "client_side"))
_mutant, _edit = _PLACE.mutant, _PLACE.edit


def _built(operation: str, old: str, new: str) -> Edit:
    """Change a generated request builder."""
    return Edit(f"kling_elements_api.api.image_to_video.{operation}:_get_kwargs", old, new)


REQUESTS: Final = (
    _mutant("key-as-bearer", "The key is sent as a bearer token.", _edit(
        "transport:KeyAuth.auth_flow", "request.headers[self._settings.key_header] = self._settings.key.reveal()",
        'request.headers["Authorization"] = f"Bearer {self._settings.key.reveal()}"'), near="test_request_building"),
    _mutant("key-header-misspelt", "The key's header is another one.", _edit(
        "transport:KeyAuth.auth_flow", "request.headers[self._settings.key_header]", 'request.headers["x-api-key"]'),
        near="test_request_building"),
    _mutant("old-header-on-new-host", "On the vendor's new host the old key header is sent.", _edit(
        "document:Document.key_header", "if urlsplit(server.url).hostname == host:", "if not host:"),
        near="key_header_goes_by_the_host"),
    _mutant("key-in-the-query", "The key stands in the address too.", _edit(
        "transport:KeyAuth.auth_flow", "        yield request",
        '        request.url = request.url.copy_add_param("key", self._settings.key.reveal())\n        yield request'),
        near="no_body_and_no_address"),
    _mutant("key-to-the-result", "The key goes to the result's host as well.", _edit(
        "shell:Shell._perform", "return self._send(effect)",
        "self._foreign.get().auth = self._auth\n        return self._send(effect)"
        ), _edit("shell:ForeignShell._stream", "auth=None, follow", "follow"), near="go_to_the_result"),
    _mutant("redirect-followed", "A redirect of the service is followed, and the key goes along.", _edit(
        "shell:Shell._ask", "follow_redirects=False", "follow_redirects=True"), near="edirect"),
    _mutant("status-under-std", "A task is asked for under the path of create.", _built(
        "get_kling_elements_task", "/v1/ai/image-to-video/kling-elements/{task_id}",
        "/v1/ai/image-to-video/kling-elements-std/{task_id}"), near="status_and_list"),
    _mutant("list-of-pro", "The list that is asked for is the other model's.", _built(
        "list_kling_elements_std_tasks", "kling-elements-std", "kling-elements-pro"), near="status_and_list"),
    _mutant("create-by-put", "Create is a PUT.", _edit(
        "requests:_request", 'Request(built["method"].upper(), ',
        'Request(built["method"].upper().replace("POST", "PUT"), '), near="create_is_the_documents"),
    _mutant("image-for-images", "The field is called image.", _edit(
        "requests:_request", 'built["json"], ensure',
        '{("image" if k == "images" else k): v for k, v in built["json"].items()}, ensure'), near="test_request_building"),
    _mutant("integer-duration", "duration is sent as a number.", _edit(
        "requests:_request", 'built["json"], ensure',
        '{k: (int(v) if k == "duration" else v) for k, v in built["json"].items()}, ensure'), near="test_request_building"),
    _mutant("prompt-dropped", "The negative prompt is not sent.", _edit(
        "requests:_request", 'built["json"], ensure',
        '{k: v for k, v in built["json"].items() if k != "negative_prompt"}, ensure'), near="test_request_building"),
    _mutant("nulls-sent", "Fields that were left out are sent as null.", _edit(
        "requests:draft_request", "for name, value in fields.items() if value is not None}", "for name, value in fields.items()}"),
        near="none_and_enum"),
    _mutant("no-content-type", "The body has no content type.", _edit(
        "requests:_request", '{"Accept": _ACCEPT, **built.get("headers", {})}', '{"Accept": _ACCEPT}'),
        near="create_is_the_documents"),
    _mutant("form-content-type", "The body claims to be a form.", _edit(
        "requests:_request", '**built.get("headers", {})}',
        '**built.get("headers", {}), "Content-Type": "application/x-www-form-urlencoded"}'), near="test_request_building"),
    _mutant("data-uri", "Local images are sent as data URIs.", _edit(
        "requests:finish_request", "loaded[place].base64", '"data:image/png;base64," + loaded[place].base64'),
        near="sent_as_base64"),
    _mutant("images-reversed", "Images are sent in the reverse order.", _edit(
        "requests:finish_request", '{"images": images, **', '{"images": images[::-1], **'), near="test_request"),
    _mutant("invalid-sent", "What does not fit the document is sent.", _edit(
        "requests:draft_request", "    if problems:\n", "    if False:\n"), _edit(
        "requests:finish_request", "if problems := _validator(draft.model).problems(body):", "if False:"),
        near="sends_nothing"),
    _mutant("any-id-sent", "Any text is taken for a task's id.", _edit(
        "requests:status_request", 'check_parameter("getKlingElementsTask", "task-id", task_id)', "pass"), near="odd_ids"),
    _mutant("unknown-field-sent", "A misspelt field is passed over.", _edit(
        "validation:unknown_names", "for name in given if name not in known]", "for name in given if False]"),
        near="sends_nothing"),
)  # fmt: skip

MONEY: Final = (
    _mutant("create-repeated-on-timeout", "A create without an answer is sent again: paid twice.", _edit(
        "decisions:_after_create", "if outcome.was_sent:", "if False:"), near="test_decisions"),
    _mutant("create-repeated-on-500", "A create that got a 5xx is sent again: paid twice.", _edit(
        "decisions:_after_create", '    return Raise(_unknown(f"the service answered',
        "    if task is None:\n        return Repeat(read_error(outcome))\n"
        '    return Raise(_unknown(f"the service answered'), near="create_is_sent_once"),
    _mutant("create-never-repeated", "A create that never left is not sent again.", _edit(
        "decisions:_after_create", "        return Repeat(\n            ConnectionFailed(",
        "        return Raise(\n            ConnectionFailed("), near="test_decisions"),
    _mutant("never-sent-unknown", "A refused connection counts as sent.", _edit(
        "transport:fault_of", "was_sent=was_sent and not isinstance(error, _NEVER_SENT)", "was_sent=was_sent"),
        near="never_left"),
    _mutant("408-is-a-refusal", "A 408 for a create is told as a plain refusal.", _edit(
        "decisions:_after_create", " and outcome.status != _REQUEST_TIMEOUT_STATUS", ""), near="test_decisions"),
    _mutant("quota-retried", "The day's quota is repeated like a rate.", _edit(
        "refusals:read_error", "if answer.status == _TOO_MANY and _QUOTA_PROSE.search(message):", "if False:"),
        near="test_decisions"),
    _mutant("rate-not-repeated", "A rate is raised at once.", _edit(
        "decisions:_after_create", "isinstance(error, RateLimitError) and error.task_id is None", "False"),
        near="test_decisions"),
    _mutant("refusal-with-a-task-repeated", "A 429 that names a task is repeated: paid twice.", _edit(
        "decisions:_after_create", " and error.task_id is None", ""), near="names_a_task"),
    _mutant("id-lost", "The id in an odd answer to create is lost.", _edit(
        "answers:find_created_task", "found = _search_task(answer.json())",
        'found = (answer.json() or {}).get("data") if isinstance(answer.json(), dict) else None'), near="test_created_ids"),
    _mutant("id-in-damage-lost", "The id in an answer that is cut off is lost.", _edit(
        "answers:find_created_task", "if match := _TASK_ID_TEXT", "if False and (match := _TASK_ID_TEXT", (
        '.decode("utf-8", "replace")):', '.decode("utf-8", "replace"))):')), near="test_created_ids"),
    _mutant("interrupt-forgets", "Ctrl-C during a wait does not tell the task.", _edit(
        "flows:Flows.wait", "error.add_note(", "str("), near="test_created_ids"),
    _mutant("retry-after-ignored", "Retry-After is not kept to.", _edit(
        "answers:retry_hint", 'answer.headers.get("retry-after", "")', '""'), near="come_back"),
    _mutant("reset-ignored", "x-ratelimit-reset is not kept to.", _edit(
        "answers:retry_hint", 'answer.headers.get("x-ratelimit-reset", "")', '""'), near="come_back"),
    _mutant("long-hint-slept", "A hint of an hour is slept.", _edit(
        "retries:pause", "if hint <= policy.max_hint and hint < remaining", "if hint < remaining"), near="test_retries"),
    _mutant("no-jitter", "Pauses are not drawn at random.", _edit(
        "retries:pause", "min(bound * random, remaining)", "min(bound, remaining)"), near="test_retries"),
    _mutant("no-cap", "Pauses double without end.", _edit(
        "retries:pause", "min(policy.cap, policy.base", "max(0, policy.base"), near="test_retries"),
)  # fmt: skip

ANSWERS: Final = (
    _mutant("failed-not-checked", "A FAILED task is taken for a good one.", _edit(
        "flows:require_video", "if task.status != COMPLETED:", "if False:"), near="test_generate"),
    _mutant("failed-not-terminal", "A wait does not end at FAILED.", Value(
        "kling_elements.task:TERMINAL_STATUSES", frozenset({"COMPLETED"})), near="test_wait"),
    _mutant("unknown-is-terminal", "A wait ends at a status that nobody knows.", _edit(
        "task:Task.is_terminal", "self.status in TERMINAL_STATUSES",
        'self.status not in {"CREATED", "IN_PROGRESS"}'), near="unknown_statuses"),
    _mutant("no-url-is-fine", "COMPLETED without a video is taken for a result.", _edit(
        "flows:require_video", "if not task.urls:", "if False:"), near="without_a_video"),
    _mutant("deadline-is-none", "A wait looks on after its deadline.", _edit(
        "waiting:Wait._pause", "        if is_over:\n", "        if is_over and elapsed > 9999999:\n"), near="test_the_deadline"),
    _mutant("sleeps-past-the-deadline", "The last sleep goes past the deadline.", _edit(
        "waiting:Wait._delay", "self.deadline.clamp(min(max(planned, hint or 0.0), LONGEST_PAUSE), now)",
        "min(max(planned, hint or 0.0), LONGEST_PAUSE)"), near="test_the_deadline"),
    _mutant("first-502-ends-the-wait", "A wait ends at the first 5xx.", _edit(
        "decisions:decide", "or error.status_code >= _SERVER_ERROR", ""), near="ridden_out"),
    _mutant("html-ends-the-wait", "A wait ends at the first page of HTML.", _edit(
        "decisions:decide", "return Repeat(error)\n    except ApiError", "return Raise(error)\n    except ApiError"),
        near="ridden_out"),
    _mutant("401-ridden-out", "A wait goes on after a 401.", _edit(
        "decisions:decide", "error.status_code in {_REQUEST_TIMEOUT_STATUS, _TOO_MANY}",
        "error.status_code in {_REQUEST_TIMEOUT_STATUS, _TOO_MANY, 401}"), near="refusals_end"),
    _mutant("404-at-once", "A task that was created a moment ago may not be missing.", _edit(
        "decisions:decide", "or (is_fresh and isinstance(error, NotFoundError))", ""), near="new_task_may_be_missing"),
    _mutant("404-for-ever", "A task that is not found is looked for until the deadline.", _edit(
        "decisions:decide", "(is_fresh and isinstance(error, NotFoundError))", "isinstance(error, NotFoundError)"),
        near="grace"),
    _mutant("empty-list-fails", "An empty list is an error.", _edit(
        "reading:read_tasks", "if isinstance(error, NotFoundError) and", "if False and"), near="empty_list"),
    _mutant("any-404-is-empty", "Any 404 is an empty list: a wrong address looks like an empty account.", _edit(
        "reading:read_tasks", " and _NO_TASKS_PROSE.search(error.message)", ""), near="empty_list"),
    _mutant("other-task-taken", "An answer about another task is taken.", _edit(
        "reading:read_task", "if asked is not None and", "if False and"), near="another_task"),
    _mutant("other-form-taken", "An answer about another task is taken where the ids are no UUIDs.", _edit(
        "reading:are_different", "uuids == (None, None) and one.casefold() != other.casefold()", "False"),
        near="another_task"),
    _mutant("quota-forgotten", "A quota that is used up is not remembered for the next process.", _edit(
        "records:Records.failed", "if isinstance(error, QuotaExceededError):", "if False:"), near="quota"),
    _mutant("unsent-is-unknown", "A create whose time is up before it was sent is of unknown outcome.", _edit(
        "tracing:Trace.may_be_sent", "self._is_sending or not self._was_told", "True"), near="test_time_limit"),
    _mutant("connections-kept", "A create goes over a connection that was kept, and that the service may just be closing.", _edit(
        "shell:Shell.__init__", "keeps_alive=False", "keeps_alive=True"), near="test_time_limit"),
    _mutant("key-in-a-traceback", "A Ctrl-C shows frames whose variables hold the key.", _edit(
        "shell:Shell._send", "raise without_frames(error, handled)", "raise error"), near="traceback_of_an_interruption"),
    _mutant("error-swallowed", "A 403 for a task is an unknown status instead of an error.", _edit(
        "reading:read_task", "    if not answer.is_ok:\n        raise read_error(answer)",
        '    if answer.status == 403:\n        return task_from({}, asked or "?", None)\n'
        "    if not answer.is_ok:\n        raise read_error(answer)"), near="test_decisions"),
    _mutant("error-without-request-id", "Errors have no request id.", _edit(
        "refusals:read_error", "request_id=answer.request_id,", "request_id=None,"), near="refusal_says"),
    _mutant("nested-problem-lost", "Problem details are read in their flat shape alone.", _edit(
        "refusals:_problem", "problem = nested if isinstance(nested, dict) else body", "problem = body"), near="refusal_says"),
    _mutant("402-is-plain", "A 402 is no error of its own.", _edit(
        "refusals:read_error", "_ERRORS_BY_STATUS.get(answer.status)",
        "_ERRORS_BY_STATUS.get(answer.status if answer.status != 402 else 0)"), near="refusal_says"),
    _mutant("generated-needed", "A created task without generated is taken for a damaged answer.", _edit(
        "answers:find_created_task", "if found is not None:", 'if found is not None and "generated" in found:'),
        near="test_fixtures"),
    _mutant("strict-enum", "CREATED, which the page does not know, is taken for no status.", _edit(
        "answers:task_from", "status if isinstance(status, str) and status else",
        'status if status in {"IN_PROGRESS", "COMPLETED", "FAILED"} else'), near="test_created_ids"),
    _mutant("key-in-a-repr", "The key's repr shows it.", _edit(
        "settings:ApiKey.__repr__", "\"ApiKey('***')\"", 'f"ApiKey({self._reveal()!r})"'), near="test_key_hygiene"),
    _mutant("echo-not-struck-out", "A key that the server echoes stands in the error.", _edit(
        "settings:ApiKey.redact", "if len(key) >= _MIN_REDACTED else text", "if False else text"), near="test_key_hygiene"),
    _mutant("url-in-the-repr", "The repr of a task shows its signed address.", _edit(
        "task:redact_url", '"…" if parts.query else ""', "parts.query"), near="test_key_hygiene"),
    _mutant("file-overwritten", "A file that exists is overwritten.", _edit(
        "downloads.transfer:download", "overwrite=checked.overwrite", "overwrite=True"), near="file_that_exists"),
    _mutant("any-body-is-a-video", "Whatever comes is kept as the video.", _edit(
        "downloads.transfer:_Transfer.run", "if verdict is Verdict.WHOLE:", "if True:"), near="no_whole_video"),
    _mutant("small-images-sent", "An image that is too small is sent.", _edit(
        "images.rules:_pixel_problem", "facts.width >= rules.min_width and facts.height >= rules.min_height", "True"),
        near="test_images"),
)  # fmt: skip

MUTANTS: Final = (*REQUESTS, *MONEY, *ANSWERS)
