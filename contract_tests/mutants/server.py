"""Faults of the server. The suite's server side must find each, asking nothing but HTTP requests."""

# ruff: noqa: E501 - tables: the texts that an edit replaces are as long as they are in the source

from __future__ import annotations

from dataclasses import replace
from typing import Final

from contract_tests.mutants.answered import Answered, body, field, rows, task
from contract_tests.mutants.mutant import Edit, Place

_PLACE: Final = Place("server", "kling_elements_mock", ("server_side",))
_mutant, _edit = _PLACE.mutant, _PLACE.edit


def _passing_over(condition: str) -> Edit:
    """Make the mock's validator blind for the errors that meet a condition."""
    return _edit(
        "validation:Schemas.violations",
        "violation = _describe(error)",
        f"violation = _describe(error)\n                if {condition}:\n                    continue",
    )


def _crashing_if(condition: str) -> Edit:
    """Make create crash on the bodies that meet a condition."""
    return _edit(
        "life_cycle:create",
        "    operation, owner, script",
        f'    if {condition}:\n        raise RuntimeError("bug")\n    operation, owner, script',
    )


KEYS: Final = (
    _mutant("any-key", "Any key is good.", _edit(
        "keys:identify", "key in accepted or", "key or key in accepted or"), near="test_keys"),
    _mutant("empty-key", "An empty key is good.", _edit(
        "keys:identify", "    for key in given:", '    if not given:\n        return Owner("nobody")\n    for key in given:'),
        near="test_keys"),
    _mutant("bearer-token", "A good key is taken as a bearer token as well.", _edit(
        "keys:_given", "    for place in places:",
        '    yield carried.headers.get("authorization", "").removeprefix("Bearer ")\n    for place in places:'),
        near="test_keys"),
    _mutant("key-in-query", "A good key is taken from the query.", _edit(
        "keys:_given", "    for place in places:",
        "    yield carried.query.rpartition('=')[2]\n    for place in places:"), near="test_keys"),
    _mutant("key-in-cookie", "A good key is taken from a cookie.", _edit(
        "keys:_given", "    for place in places:", "    yield from carried.cookies.values()\n    for place in places:"),
        near="test_keys"),
    _mutant("one-header-only", "The second documented key header is not read.", _edit(
        "keys:identify", "known = list(places)", "known = list(places)[:1]"), near="test_keys"),
    _mutant("missing-is-invalid", "A missing key is told to be a wrong one.", _edit(
        "keys:identify", 'if given else "missing"', 'if given else "invalid"'), near="test_keys"),
    _mutant("path-before-key", "An unknown path is a 404 before the key is looked at.", _edit(
        "admission:admit", "    who = identify(",
        "    if not here:\n        return Refusal(None, _no_operation(mock, incoming, near, here))\n    who = identify("),
        near="test_keys"),
    _mutant("method-before-key", "A wrong method is a 405 before the key is looked at.", _edit(
        "admission:admit", "    who = identify(",
        "    if here and operation is None:\n        return Refusal(None, _no_operation(mock, incoming, near, here))\n"
        "    who = identify("), near="test_keys"),
    _mutant("one-account", "All keys are one account: everybody sees everybody's tasks.", _edit(
        "keys:identify", 'key.encode("utf-8", "surrogateescape")', 'b"one"'), near="test_keys"),
    _mutant("foreign-status", "A task is shown to a key that did not create it.", _edit(
        "life_cycle:status", "task is None or task.owner != call.owner", "task is None"), near="test_keys"),
    _mutant("foreign-list", "The list has other accounts' tasks.", _edit(
        "life_cycle:listing", "task.owner == call.owner and ", ""), near="test_keys"),
    _mutant("key-echoed", "The key comes back in a header.", Answered(
        lambda sent, answer: field(answer, "x-echo", sent.header("x-freepik-api-key") or "")), near="test_keys"),
)  # fmt: skip

REQUESTS: Final = (
    _mutant("integer-twins", "duration takes the integer 5 for the string '5'.", _passing_over(
        'error.absolute_path and error.absolute_path[0] == "duration" and error.instance in (5, 10)'), near="test_bodies"),
    *(
        _mutant(f"no-{keyword.lower()}", f"The schema's {keyword} is not checked.", _passing_over(
            f"error.validator == {keyword!r}"), near="test_bodies")
        for keyword in ("maxItems", "minItems", "maxLength", "enum", "format", "required", "type")
    ),
    _mutant("utf-16-length", "maxLength counts UTF-16 units: long texts of odd letters are refused.", _edit(
        "validation:Schemas.violations", "        found: dict[str, Violation] = {}",
        "        found: dict[str, Violation] = {}\n        if isinstance(value, dict):\n"
        "            for name, text in value.items():\n"
        '                if isinstance(text, str) and len(text.encode("utf-16-le")) > 5000:\n'
        '                    found[name] = Violation(name, "is too long")'), near="test_bodies"),
    _mutant("any-content-type", "A body is read as JSON whatever content type it claims.", _edit(
        "bodies:_media", "media = next((offered[wanted] for wanted in ranges if wanted in offered), None)",
        'media, name = next(iter(offered.values())), "application/json"'), near="test_bodies"),
    _mutant("exact-content-type", "JSON with a charset parameter is refused.", _edit(
        "bodies:_media", "first.lower(), ", "header.lower(), "), near="test_bodies"),
    _mutant("nan-taken", "NaN is taken for JSON.", _edit(
        "strict_json:parse", "parse_constant=_constant, ", ""), near="test_bodies"),
    _mutant("lenient-utf-8", "Bytes that are no UTF-8 are taken.", _edit(
        "strict_json:parse", 'data.decode("utf-8")', 'data.decode("latin-1").encode().decode().replace("\\xff", "")'),
        near="test_bodies"),
    _mutant("cut-off-taken", "A cut-off body is taken: a closing brace is added.", _edit(
        "strict_json:parse", "    try:\n        value", '    if text.startswith("{") and not text.endswith("}"):\n'
        '        text += "}"\n    try:\n        value'), near="test_bodies"),
    _mutant("no-body-taken", "A create without a body is taken.", _edit(
        "bodies:_value", "        return None\n    media, name", "        return {}\n    media, name",
        ('if body.value.get("required"):', "if False:")), near="test_bodies"),
    _mutant("crash-on-a-word", "One word of one field crashes the server.", _crashing_if(
        'isinstance(body, dict) and body.get("aspect_ratio") == "square_1_1"'), near="test_bodies"),
    _mutant("crash-on-nul", "A NUL in a text crashes the server.", _crashing_if(
        'isinstance(body, dict) and "\\0" in str(body.get("prompt"))'), near="test_bodies"),
    _mutant("crash-on-depth", "A deeply nested body is a 500.", _edit(
        "strict_json:parse", "    except RecursionError:", "    except ZeroDivisionError:"), near="test_bodies"),
    _mutant("extra-fields-refused", "A field beside the schema is refused.", _edit(
        "validation:Schemas.violations", "        found: dict[str, Violation] = {}",
        "        found: dict[str, Violation] = {}\n"
        '        if isinstance(value, dict) and "x_contract_suite" in value:\n'
        '            return (Violation("x_contract_suite", "is unknown"),)'), near="test_bodies"),
    _mutant("nameless-refusal", "A refusal does not name the parameter at fault.", _edit(
        "validation:_describe", 'return Violation(path or "body", _reason(error))', 'return Violation("?", "bad")'),
        near="test_bodies"),
)  # fmt: skip

ANSWERS: Final = (
    _mutant("create-201", "Create answers 201.", _edit(
        "life_cycle:create", "operation.success()[0], _wrapped", "201, _wrapped"), near="test_tasks"),
    _mutant("unwrapped", "The task does not stand under data.", _edit(
        "life_cycle:_wrapped", 'return {"data": value}', "return value"), near="test_tasks"),
    _mutant("text-plain-error", "Errors are text/plain.", Answered(
        lambda sent, answer: field(answer, "content-type", "text/plain") if answer.status == 400 else answer),
        near="test_bodies"),
    _mutant("html-404", "An unknown task is an HTML page.", Answered(
        lambda sent, answer: field(answer, "content-type", "text/html") if answer.status == 404 else answer),
        near="test_tasks"),
    _mutant("accept-ignored", "Accept is ignored: plain JSON always comes.", _edit(
        "negotiation:choose", "key=lambda name: quality(accept, name)", "key=lambda name: name == JSON"),
        near="test_accept"),
    _mutant("accept-unweighed", "Quality values of Accept are ignored.", _edit(
        "negotiation:_weight", "weight = float(option[2:])", "weight = 1.0"), near="test_accept"),
    _mutant("accept-by-case", "Media types in Accept are compared by their letters' case.", _edit(
        "negotiation:quality", "piece.strip().lower()", "piece.strip()"), near="test_accept"),
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
    _mutant("no-rate-limit", "Reads do not tell the rate limit.", _edit(
        "app:Shell._called", "return answer.adding(*call.standing.headers())", "return answer.adding()"), near="test_tasks"),
    _mutant("allow-missing", "A 405 has no Allow.", Answered(
        lambda sent, answer: field(answer, "allow", None)), near="test_methods"),
    _mutant("allow-too-much", "Allow names a method that is none.", _edit(
        "admission:_allow", '"OPTIONS", ', '"OPTIONS", "DELETE", '), near="test_methods"),
    _mutant("delete-taken", "DELETE is answered like GET.", _edit(
        "admission:admit", 'if incoming.method == "HEAD"', 'if incoming.method in {"HEAD", "DELETE"}'), near="test_methods"),
    _mutant("head-405", "HEAD is not allowed.", _edit(
        "admission:admit", '(here.get("GET") if incoming.method == "HEAD" else None)', "None"), near="test_methods"),
    _mutant("trailing-slash", "A path with a slash more is found.", _edit(
        "document:Document.match", 'path.split("/")', 'path.rstrip("/").split("/")'), near="test_methods"),
    _mutant("path-by-any-case", "Paths are found in capitals too.", _edit(
        "document:Document.match", 'path.split("/")', 'path.lower().split("/")'), near="test_methods"),
    _mutant("500-undocumented", "A 503 that is asked for comes as 500.", _edit(
        "app:Shell._forced", "documented(operation, forced.status,",
        "documented(operation, 500 if forced.status == 503 else forced.status,"), near="test_answers"),
    _mutant("no-retry-after", "A 429 for a rate does not say when to come back.", Answered(
        lambda sent, answer: field(answer, "retry-after", None)), near="test_answers"),
    _mutant("quota-with-retry-after", "A 429 for the day's quota says to come back in a second.", Answered(
        lambda sent, answer: field(answer, "retry-after", "1") if answer.status == 429 and not answer.header("retry-after")
        else answer), near="test_answers"),
    _mutant("unknown-scenario-ignored", "An unknown scenario is passed over.", _edit(
        "scenarios:read", "        if scenario is None:", "        if scenario is None:\n            continue"
        "\n        if scenario is None:"), near="test_answers"),
)  # fmt: skip

TASKS: Final = (
    _mutant("no-created", "A new task is IN_PROGRESS at once.", _edit(
        "life_cycle:create", '"status": tasks.CREATED', '"status": tasks.IN_PROGRESS'), near="test_tasks"),
    _mutant("done-at-once", "A new task is COMPLETED at once.", _edit(
        "life_cycle:create", '"status": tasks.CREATED', '"status": tasks.COMPLETED'), near="test_tasks"),
    _mutant("skips-in-progress", "A task is never IN_PROGRESS.", Answered(
        task(lambda sent, found: {**found, "status": "CREATED"} if found["status"] == "IN_PROGRESS" else found)),
        near="test_tasks"),
    _mutant("completed-is-left", "A COMPLETED task is IN_PROGRESS again after ten looks.", _edit(
        "store:Store.look", "            return self._history(task)[-1]",
        '            return "IN_PROGRESS" if task.polls > 10 else self._history(task)[-1]'), near="test_tasks"),
    _mutant("failed-recovers", "A FAILED task becomes COMPLETED.", _edit(
        "mock:Mock.detail", "        detail: dict",
        '        if status == "FAILED" and task.polls > 3:\n            status = "COMPLETED"\n        detail: dict'),
        near="test_tasks"),
    _mutant("failed-has-a-result", "A FAILED task has a result.", _edit(
        "mock:Mock._generated", "status != tasks.COMPLETED or", 'status not in {"COMPLETED", "FAILED"} or'),
        near="test_tasks"),
    _mutant("early-result", "A task IN_PROGRESS has its result.", _edit(
        "mock:Mock._generated", "status != tasks.COMPLETED or", 'status == "CREATED" or'), near="test_tasks"),
    _mutant("no-result", "A COMPLETED task has no result.", _edit(
        "mock:Mock._generated", "status != tasks.COMPLETED or", "True or"), near="test_tasks"),
    _mutant("result-changes", "Each look gives another address.", _edit(
        "mock:Mock._generated", "int(settled + lifetime)", "int(settled + lifetime) + task.polls"), near="test_tasks"),
    _mutant("shared-result", "All tasks have one result.", _edit(
        "mock:Mock._generated", "self.signer.path(task.id,", 'self.signer.path("one",'), near="test_tasks"),
    _mutant("other-id-echoed", "Status answers another task's id.", Answered(
        task(lambda sent, found: {**found, "task_id": "046b6c7f-0b8a-43b9-b35d-6489e6daee91"}
             if sent.method == "GET" else found)), near="test_tasks"),
    _mutant("unknown-id-found", "An id that was never created is found.", _edit(
        "life_cycle:status", "    if task is None or",
        "    if task is None and mock.tasks:\n        task = mock.tasks[0]\n    if task is None or"), near="test_tasks"),
    _mutant("id-prefix-found", "A part of an id is enough.", _edit(
        "store:Store.find", "return self._tasks.get(task_id)",
        "return next((t for i, t in self._tasks.items() if i.startswith(task_id[:20]) and task_id), None)"),
        near="test_tasks"),
    _mutant("id-not-decoded", "A percent-encoded id is not found.", _edit(
        "life_cycle:status", "unquote(call.path_parameters[cycle.parameter])", "call.path_parameters[cycle.parameter]"),
        near="test_tasks"),
    _mutant("id-no-uuid", "Ids are no UUIDs.", _edit(
        "store:Store.new_id", 'f"not-a-uuid-{task_id[:8]}" if script.bad_id else task_id', 'f"task-{task_id[:8]}"'),
        near="test_tasks"),
    _mutant("id-repeated", "Two creates in a row have one id.", _edit(
        "store:Store.new_id", "while task_id in self._tasks:", "while False:",
        ("self._count += 1", "self._count = 1")), near="test_tasks"),
    _mutant("equal-requests-merged", "Equal requests make one task.", _edit(
        "life_cycle:create", "    mock.store.add(task)",
        "    same = next((t for t in mock.tasks if t.body == task.body and t.script == script), None)\n"
        "    if same is None:\n        mock.store.add(task)\n    else:\n        task = same"), near="test_tasks"),
    _mutant("list-forgets", "The list leaves out the newest task.", Answered(rows(lambda found: found[1:] or found)),
            near="test_tasks"),
    _mutant("list-repeats", "The list has a task twice.", Answered(rows(lambda found: [*found, found[0]])),
            near="test_tasks"),
    _mutant("list-lags", "The list says CREATED of every task.", Answered(
        rows(lambda found: [{**row, "status": "CREATED"} for row in found])), near="test_tasks"),
    _mutant("list-without-failed", "The list leaves FAILED tasks out.", _edit(
        "life_cycle:listing", "if task.owner == call.owner and", 'if mock.store.look(task) != "FAILED" and '
        "task.owner == call.owner and"), near="test_tasks"),
    _mutant("list-with-results", "The list gives results.", Answered(
        rows(lambda found: [{**row, "generated": ["https://x.test/a"]} for row in found])), near="test_tasks"),
    _mutant("empty-list-200", "An empty list is an empty array.", _edit(
        "life_cycle:listing", "    if not found:", "    if False:"), near="test_tasks"),
    _mutant("refused-create-makes-a-task", "A create beyond the concurrency makes a task all the same.", _edit(
        "life_cycle:create", "    limits = mock.settings\n", "    limits = mock.settings\n"
        "    if limits.concurrency is not None and mock.store.unfinished(owner) >= limits.concurrency:\n"
        '        mock.store.add(Task(mock.store.new_id(script), cycle, owner, {}, (), tasks.Plan(limits.pace), script,\n'
        '            "", None, mock.clock.monotonic(), mock.clock.time()))\n'), near="test_limits"),
    _mutant("concurrency-off", "The limit of concurrent tasks is not kept.", _edit(
        "life_cycle:create", "mock.store.unfinished(owner) >= limits.concurrency", "False"), near="test_limits"),
    _mutant("concurrency-off-by-one", "One concurrent task too many passes.", _edit(
        "life_cycle:create", "mock.store.unfinished(owner) >= limits", "mock.store.unfinished(owner) > limits"),
        near="test_limits"),
    _mutant("rate-off-by-one", "One request too many passes.", _edit(
        "limits:_standing", "len(used) >= limit.requests", "len(used) > limit.requests"), near="test_limits"),
    _mutant("quota-counts-refused", "A refused create counts for the day's quota.", _edit(
        "life_cycle:create", "    faults = [", "    mock.quota.spend(owner, mock.clock.time())\n    faults = ["),
        near="test_limits"),
    _mutant("quota-for-all", "The day's quota is shared by all accounts.", _edit(
        "limits:DailyQuota.used_up", "self._used[owner, int(time // _DAY)]", "sum(self._used.values())"),
        near="test_limits"),
    _mutant("random-ids", "The same seed gives other ids.", _edit(
        "store:Store.new_id", 'f"{self._seed}/{self._count}" if', 'f"{id(self)}/{self._count}" if'), near="test_tasks"),
)  # fmt: skip

WEBHOOKS: Final = (
    _mutant("no-webhook", "Nothing is delivered.", _edit(
        "mock:Mock.tell", "if task.webhook_url is None:", "if True:"), near="test_webhooks"),
    _mutant("webhook-end-only", "IN_PROGRESS is not delivered.", _edit(
        "webhooks:Postman.deliver", "        for change in changes:",
        '        for change in changes:\n            if change.status == "IN_PROGRESS":\n                continue'),
        near="test_each_change"),
    _mutant("webhook-with-data", "The delivered body stands under data.", _edit(
        "mock:Mock.tell", "json.dumps(self.detail(task, status), ", 'json.dumps({"data": self.detail(task, status)}, '),
        near="test_each_change"),
    _mutant("webhook-unsigned-timestamp", "The signature leaves the timestamp out.", _edit(
        "webhooks:sign", "{message_id}.{timestamp}.", "{message_id}."), near="test_each_delivery"),
    _mutant("webhook-hex-signature", "The signature is in hexadecimal.", _edit(
        "webhooks:sign", "base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest())",
        "base64.b16encode(hmac.new(secret.encode(), text, hashlib.sha256).digest())"), near="test_each_delivery"),
    _mutant("webhook-no-timestamp", "The timestamp's header is missing.", _edit(
        "webhooks:Postman._attempt", '"webhook-timestamp": str(timestamp)', '"webhook-time": str(timestamp)'),
        near="test_each_change"),
    _mutant("webhook-milliseconds", "The timestamp is in milliseconds.", _edit(
        "webhooks:Postman._attempt", "timestamp = int(self._clock.time())", "timestamp = int(self._clock.time()) * 1000"),
        near="test_each_change"),
    _mutant("webhook-new-id", "A repeated delivery has another id.", _edit(
        "webhooks:Postman.deliver", "self._attempt(change, message_id, script)",
        "self._attempt(change, self._new_id(), script)"), near="test_repeated"),
    _mutant("webhook-constant-id", "All deliveries have one id.", _edit(
        "webhooks:Postman._new_id", "self._count += 1", "self._count = 1"), near="test_each_change"),
    _mutant("webhook-text-plain", "Deliveries are text/plain.", _edit(
        "webhooks:Postman._attempt", '"content-type": "application/json"', '"content-type": "text/plain"'),
        near="test_each_change"),
    _mutant("webhook-reversed", "Changes are delivered the last one first.", _edit(
        "webhooks:Postman.deliver", "        if script.webhook_reorder and changes:",
        "        script = __import__('dataclasses').replace(script, webhook_reorder=True)\n"
        "        if script.webhook_reorder and changes:"), near="test_each_change"),
)  # fmt: skip

MUTANTS: Final = (*KEYS, *REQUESTS, *ANSWERS, *TASKS, *WEBHOOKS)
