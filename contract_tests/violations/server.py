"""Violations of the server: somebody else's server of the document, with one behaviour changed.

The suite's server side must find each from outside, without scenarios: one for each rule and kind of place.
`_LAWFUL` has the opposite: what a server may do by the document, and that must pass.
"""

# ruff: noqa: E501 - a table

import hashlib
import json
import re
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

from attrs import evolve, field, frozen

from contract_tests.schema.server import sources
from contract_tests.schema.server.configuration import Configuration
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.violations import stranger
from contract_tests.violations.violation import Violation

Changes = dict[str, Callable[..., Any]]
_OTHER_ID: Final = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"
_GOOD: Final = {
    "duration": "5", "aspect_ratio": "square_1_1", "prompt": "x", "negative_prompt": "x", "images": ["https://x.test/a.png"],
    "webhook_url": "https://x.test/", "files": [{"content_type": "image/png"}],
}  # fmt: skip


@frozen
class Served:
    """A stranger's server with some methods replaced, by name: each gets the real one, the server and arguments."""

    changes: Changes
    settings: dict[str, Any] = field(factory=dict)

    def __call__(self) -> None:
        sources.stand_in = self.serve

    def serve(self, configuration: Configuration) -> stranger.Stranger:
        server = stranger.Stranger((configuration.key, sources.OTHER_KEY), **self.settings)
        for name, change in self.changes.items():
            # A name that is gone fails here.
            setattr(server, name, partial(change, getattr(server, name), server))
        return server


# --- ways to change a server


def _after(name: str) -> Callable[[Callable[[Any], Any]], Changes]:
    return lambda change: {name: lambda real, server, *arguments: change(real(*arguments))}


_created, _address, _message, _results = map(_after, ("created", "address", "message", "results"))


def _each(change: Callable[[Sent, Answer], Answer]) -> Changes:
    return {"operation": lambda real, server, sent: change(sent, real(sent))}


def _at(*statuses: int, change: Callable[[Answer], Answer]) -> Changes:
    return _each(lambda sent, answer: change(answer) if answer.status in statuses else answer)


def _raw(answer: Answer, body: bytes) -> Answer:
    return stranger.with_header(evolve(answer, body=body), "content-length", str(len(body)))


def _header(name: str, value: str | None) -> Callable[[Answer], Answer]:
    return lambda answer: stranger.with_header(answer, name, value)


def _added(answer: Answer, name: str, value: str) -> Answer:
    return evolve(answer, headers=(*answer.headers, (name, value)))


def _key(sent: Sent) -> str:
    return next((value for name in stranger.KEY_HEADERS for value in sent.values(name) if value), "")


def _lets_in(when: Callable[[Sent, str], bool]) -> Changes:
    """Let in who has no good key: by the request, and a good key."""
    return {"owner": lambda real, server, sent: real(sent) or next(
        (key for key in server.keys if when(sent, key)), None
    )}  # fmt: skip


def _finds(same: Callable[[str, str], bool]) -> Changes:
    """Find a task by other spellings of its id: the wanted one, and a real one."""
    return {"find": lambda real, server, task_id, owner: real(task_id, owner) or next(
        (job for job in server.jobs.values() if job.owner == owner and same(task_id, job.id)), None
    )}  # fmt: skip


def _reads(name: str, change: Callable[[Any], Any]) -> Changes:
    """Change a parameter before it is checked; values that can't be changed so stay."""

    def check(real: Any, server: stranger.Stranger, path: str, body: dict[str, Any]) -> None:
        with suppress(TypeError, AttributeError, ValueError):
            body = {**body, name: change(body[name])} if name in body else body
        real(path, body)

    return {"check": check}


def _takes(name: str, like: Callable[[Any], bool]) -> Changes:
    return _reads(name, lambda value: _GOOD[name] if like(value) else value)


def _task(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Changes:
    """Change a task in the answers of status, and in webhooks."""
    return {"detail": lambda real, server, job, word: change(real(job, word))}


def _rows(change: Callable[[list[Any]], list[Any]]) -> Changes:
    return {"rows": lambda real, server, jobs: change(real(jobs))}


def _words(change: Callable[[stranger.Stranger, stranger.Job, str], str]) -> Changes:
    return {"word": lambda real, server, job: change(server, job, real(job))}


_SEEDED: Final[dict[str, tuple[Any, ...]]] = {
    # uploads
    "upload-one-short": ("One address fewer than files comes.", {"success": lambda r, s, v: r({"files": v["files"][:-1] or v["files"]} if "files" in v else v)}),
    "upload-same-asset": ("All files have one asset's address.", _address(lambda f: {**f, "asset_url": "http://contract.test/files/asset/1"})),
    "upload-headers-other": ("Another content type is signed.", _address(lambda f: {**f, "headers": {"content-type": "image/png"}})),
    "upload-cut": ("The last byte is lost.", {"put": lambda r, s, q, f: r(evolve(q, body=q.body[:-1]), f)}),
    "upload-asset-early": ("An asset is there before its bytes.", {"asset": lambda r, s, f: Answer(200) if f.data is None else r(f)}),
    "upload-expires-in-ms": ("An upload's life is in milliseconds.", _address(lambda f: {**f, "expires_in": 120_000})),
    "upload-first-file-checked": ("Only the first file's type is checked.", _reads("files", lambda v: v if len(v) > 14 else v[:1])),
    "upload-fifteen": ("Fifteen files are taken.", _reads("files", lambda v: v[:14])),
    "upload-key-in-address": ("An upload's address has the key.", {"address": lambda r, s, q, w: {**r(q, w), "upload_url": r(q, w)["upload_url"] + "&key=" + _key(q)}}),
    # keys
    "key-prefix": ("A prefix of a key is good.", _lets_in(lambda q, key: len(_key(q)) > 4 and key.startswith(_key(q)))),
    "key-bearer": ("A bearer token is a key.", _lets_in(lambda q, key: q.header("authorization") == f"Bearer {key}")),
    "key-body": ("The body takes a key.", _lets_in(lambda q, key: f'"api_key": "{key}"' in q.text)),
    "key-head-skipped": ("HEAD asks for no key.", _lets_in(lambda q, key: q.method == "HEAD")),
    "key-empty": ("An empty key is good.", _lets_in(lambda q, key: q.header("x-freepik-api-key") == "")),
    "key-status-skipped": ("Status asks for no key.", {"owner": lambda r, s, q: r(q) or (next(iter(s.jobs.values())).owner if s.jobs and "kling-elements/" in q.path else None)}),
    "key-options-data": ("OPTIONS shows tasks.", {"preflight": lambda r, s, q, m: s.body(200, {"data": s.rows(list(s.jobs.values()))}, stranger.JSON)}),
    "key-path-first": ("An unknown path is told before the key is asked for.", {"operation": lambda r, s, q: r(q) if s.methods(q.path) else s.error(404, "Not found")}),
    "key-second-header-refused": ("The second documented header takes no key.", {"owner": lambda r, s, q: q.header("x-freepik-api-key") if q.header("x-freepik-api-key") in s.keys else None}),
    "key-403": ("A wrong key is a 403.", _at(401, change=lambda a: evolve(a, status=403))),
    "key-forwarded-for": ("A caller that says it is local needs no key.", _lets_in(lambda q, key: q.header("x-forwarded-for") == "127.0.0.1")),
    "leak-hash": ("The key's hash comes back.", _each(lambda q, a: _added(a, "x-caller", hashlib.sha256(_key(q).encode()).hexdigest()))),
    "leak-result": ("A result's address has the key in base64.", {"results": lambda r, s, j: [url + "&account=" + b64encode(j.owner.encode()).decode() for url in r(j)]}),
    "leak-hook": ("The receiver is sent the key.", {"post": lambda r, s, u, h, b: r(u, {**h, "authorization": f"Bearer {s.keys[0]}"}, b)}),
    "leak-trace": ("TRACE echoes the request.", {"operation": lambda r, s, q: s.body(405, {"message": str(q.headers)}, stranger.JSON) if q.method == "TRACE" else r(q)}),
    # bodies
    "five-as-integer": ("duration accepts 5.", _takes("duration", lambda v: v == 5 and not isinstance(v, bool))),
    "five-trimmed": ("duration is trimmed.", _reads("duration", str.strip)),
    "word-null": ("duration may be null.", _takes("duration", lambda v: v is None)),
    "prompt-one-more": ("A prompt of 2,501 characters is taken.", _takes("prompt", lambda v: len(v) == 2501)),
    "prompt-one-less": ("A prompt of 2,500 characters is refused.", _reads("prompt", lambda v: v + "x")),
    "prompt-in-utf16": ("A prompt is measured in UTF-16.", _reads("prompt", lambda v: "a" * (len(v.encode("utf-16-le")) // 2))),
    "negative-unchecked": ("negative_prompt is not checked.", _takes("negative_prompt", lambda v: True)),
    "images-five": ("Five images are taken.", _reads("images", lambda v: v[:4] if len(v) == 5 else v)),
    "images-first-checked": ("Only the first image is checked.", _reads("images", lambda v: v[:1] if isinstance(v, list) and len(v) < 5 else v)),
    "image-alias": ("image is taken for images.", {"check": lambda r, s, p, b: r(p, {"images": [b["image"]] if isinstance(b["image"], str) else b["image"], **b} if "image" in b else b)}),
    "body-any-type": ("A body is JSON whatever its content type.", {"read": lambda r, s, q: r(Sent(q.method, q.target, (("content-type", stranger.JSON),), q.body))}),
    "body-vendor-json": ("A body of any +json type is JSON.", {"read": lambda r, s, q: r(Sent(q.method, q.target, (("content-type", stranger.JSON),), q.body) if q.media_type.endswith("+json") else q)}),
    "body-nan": ("NaN is taken.", {"constant": lambda r, s, name: None}),
    "body-closed": ("A body that is cut off is closed.", {"read": lambda r, s, q: r(evolve(q, body=q.body + b"}") if q.body.startswith(b"{") and not q.body.rstrip().endswith(b"}") else q)}),
    "url-space": ("webhook_url may have a space.", _reads("webhook_url", lambda v: v.replace(" ", "") if v == "http://a b/" else v)),
    "invalid-422": ("An invalid body is a 422.", _at(400, change=lambda a: evolve(a, status=422))),
    "invalid-500": ("A wrong word fails the server.", {"check": lambda r, s, p, b: r(p, b) if isinstance(b.get("duration", ""), str) else 1 / 0}),
    "magic-prompt": ("One word in a prompt fails the server.", {"check": lambda r, s, p, b: 1 / 0 if "DROP" in str(b.get("prompt")) else r(p, b)}),
    "extra-field-refused": ("A field beside the schema is refused.", {"check": lambda r, s, p, b: (_ for _ in ()).throw(stranger.RefusedError("x", "is unknown")) if "x_contract_suite" in b else r(p, b)}),
    "problem-blames-another": ("Problem details blame another parameter.", {"problem": lambda r, s, n, w: r("duration" if n == "prompt" else n, w)}),
    "problem-blames-two": ("Problem details blame an innocent parameter, too.", {"problem": lambda r, s, n, w: {"message": "x", "invalid_params": [{"name": name, "reason": w} for name in (n or "body", "duration")]}}),
    "problem-empty": ("Problem details name nothing.", {"problem": lambda r, s, n, w: {"message": "x", "invalid_params": []}}),
    "problem-never": ("Problem details are never given.", {"wants_problem": lambda r, s, accept: False}),
    "message-empty": ("An error has no message.", {"error": lambda r, s, n, m: r(n, "" if n == 400 else m)}),
    "refused-makes-a-task": ("A refused body makes a task all the same.", {"refuse": lambda r, s, q, n, w: [s.jobs.setdefault(str(i := uuid4()), stranger.Job(str(i), q.path, _key(q), {}, "")), r(q, n, w)][1]}),
    "head-makes-a-task": ("HEAD at create's path makes a task.", {"listing": lambda r, s, q, o: [s.jobs.setdefault(str(i := uuid4()), stranger.Job(str(i), q.path, o, {}, "")) if q.method == "HEAD" else 0, r(q, o)][1]}),
    "equal-bodies-one-task": ("Equal bodies make one task.", {"new_id": lambda r, s: str(UUID(int=len({json.dumps(j.body) for j in s.jobs.values()}) + 2**80, version=4))}),
    # ids
    "id-upper": ("An id in large letters is found.", _finds(lambda w, i: w.lower() == i)),
    "id-other-path": ("A task is shown under create's path, too.", {"methods": lambda r, s, p: r(p) or (("GET",) if re.fullmatch(r".*/kling-elements-std/[0-9a-f-]{36}", p) else ()), "status": lambda r, s, q, o: r(evolve(q, target=q.path.replace("-std/", "/")), o)}),
    "id-not-new": ("Ids repeat.", {"new_id": lambda r, s: "00000000-0000-4000-8000-00000000000a"}),
    "id-no-uuid": ("Ids are numbers.", {"new_id": lambda r, s: str(len(s.jobs) + 1)}),
    "id-echo-other": ("Status answers another id.", _task(lambda d: {**d, "task_id": _OTHER_ID})),
    "id-unknown-400": ("An unknown id is a 400.", _at(404, change=lambda a: evolve(a, status=400))),
    "id-foreign": ("Another account's task is shown.", {"find": lambda r, s, i, o: s.jobs.get(i)}),
    # lists
    "list-both-models": ("The lists of both models are one.", {"listing": lambda r, s, q, o: s.success({"data": s.rows([j for j in s.jobs.values() if j.owner == o])}) if s.jobs else r(q, o)}),
    "list-all-accounts": ("The lists of all accounts are one.", {"listing": lambda r, s, q, o: s.success({"data": s.rows([j for j in s.jobs.values() if j.model == q.path])}) if s.jobs else r(q, o)}),
    "list-forgets-old": ("Only the newest task is listed.", _rows(lambda rows: rows[:1])),
    "list-twice": ("A task is listed twice.", _rows(lambda rows: [*rows, rows[0]])),
    "list-ghost": ("A task that nobody made is listed.", _rows(lambda rows: [*rows, {"task_id": str(uuid4()), "status": "CREATED"}])),
    "list-old-status": ("The list says CREATED of every task.", _rows(lambda rows: [{**row, "status": "CREATED"} for row in rows])),
    "list-empty-array": ("An empty list is an empty array.", {"listing": lambda r, s, q, o: s.success({"data": []}) if r(q, o).status == 404 else r(q, o)}),
    # results
    "result-404": ("A result is not there.", {"video": lambda r, s, j: Answer(404)}),
    "result-cut": ("A result is cut off.", {"video": lambda r, s, j: stranger.typed("video/mp4", r(j).body[:-20])}),
    "result-always-ten": ("A result has 10 s always.", {"video": lambda r, s, j: stranger.typed("video/mp4", stranger.film(10))}),
    "result-of-another": ("All tasks have the first one's result.", {"results": lambda r, s, j: r(next(iter(s.jobs.values())))}),
    "result-moves": ("A result's address changes.", _results(lambda urls: [f"{url}&n={time.monotonic()}" for url in urls])),
    "result-early": ("A task IN_PROGRESS has a result.", {"detail": lambda r, s, j, w: {**r(j, w), "generated": s.results(j) if w != "CREATED" else []}}),
    "result-none": ("A COMPLETED task has no result.", _results(lambda urls: [])),
    "result-206": ("A whole result is said to be a part.", {"video": lambda r, s, j: evolve(r(j), status=206)}),
    "result-once": ("A result can be fetched once.", {"video": lambda r, s, j: Answer(404) if s.fetched.count(j.id) else (s.fetched.append(j.id), r(j))[1]}),
    "result-needs-key": ("A result asks for a key.", {"file": lambda r, s, q: r(q) if _key(q) or "result" not in q.path else Answer(401)}),
    # rate limits
    "rate-more-than-all": ("More is left than is allowed.", {"rate": lambda r, s, limit, left, reset: r(limit, limit + left, reset)}),
    "rate-random": ("The rest is a random number.", {"rate": lambda r, s, limit, left, reset: r(limit, uuid4().int % limit, reset)}),
    "rate-reset-epoch": ("The reset is a moment.", {"rate": lambda r, s, limit, left, reset: r(limit, left, int(time.time()) + reset)}),
    "rate-reset-ms": ("The reset is in milliseconds.", {"rate": lambda r, s, limit, left, reset: r(limit, left, reset * 1000)}),
    "rate-float": ("The reset has a fraction.", {"rate": lambda r, s, *said: r(*said) | {"reset": "59.5"}}),
    "rate-by-turns": ("Every other answer has the headers.", {"rate": lambda r, s, limit, left, reset: r(limit, left, reset) if left % 2 else {}}),
    # answers
    "wire-latin-1": ("JSON is declared as Latin-1.", _each(lambda q, a: stranger.with_header(a, "content-type", stranger.JSON + "; charset=iso-8859-1"))),
    "wire-half-a-character": ("A text ends in half a character.", _at(404, change=lambda a: _raw(a, a.body[:-2] + b'\\ud83d"}'))),
    "wire-nan": ("JSON has NaN.", _at(404, change=lambda a: _raw(a, a.body[:-1] + b', "x": NaN}'))),
    "wire-text-html": ("JSON is declared as a page.", _at(200, 404, change=_header("content-type", "text/html"))),
    "wire-two-types": ("There are two content types.", _at(404, change=lambda a: _added(a, "content-type", "text/html"))),
    "wire-no-id": ("There is no request id.", _at(404, change=_header("x-request-id", None))),
    "wire-one-id": ("All answers have one request id.", _each(lambda q, a: stranger.with_header(a, "x-request-id", "1"))),
    "wire-false-length": ("The length is false.", _at(404, change=_header("content-length", "3"))),
    "wire-201": ("A create is a 201.", {"create": lambda r, s, q, o, b: evolve(r(q, o, b), status=201)}),
    "wire-202": ("A create is a 202.", {"create": lambda r, s, q, o, b: evolve(r(q, o, b), status=202)}),
    "wire-empty-200": ("A list has no body.", {"listing": lambda r, s, q, o: _raw(r(q, o), b"") if r(q, o).is_success else r(q, o)}),
    "wire-field-more": ("Tasks have a field more.", _task(lambda d: {**d, "progress": 50})),
    "wire-405-allow-more": ("Allow names a method too many.", {"allowed": lambda r, s, m: (*r(m), "DELETE")}),
    "wire-head-404": ("HEAD is a 404.", _each(lambda q, a: evolve(a, status=404) if q.method == "HEAD" and a.status == 200 else a)),
    "wire-slash": ("A slash at the end makes no other path.", {"operation": lambda r, s, q: r(evolve(q, target=q.target.rstrip("/")))}),
    "wire-override": ("A header makes another method.", {"operation": lambda r, s, q: r(evolve(q, method=q.header("x-http-method-override") or q.method))}),
    # webhooks
    "hook-never": ("Nothing is delivered.", {"deliver": lambda r, s, j, m: None}),
    "hook-end-only": ("Only the end is delivered.", {"changes": lambda r, s, j: [("COMPLETED", 1.0)]}),
    "hook-early": ("The end is delivered before status shows it.", {"changes": lambda r, s, j: [("IN_PROGRESS", 0.0), ("COMPLETED", 0.1)]}, {"seconds": 1.0}),
    "hook-twice": ("Each change is delivered twice, with two ids.", {"deliver": lambda r, s, j, m: (r(j, m), r(j, m))}),
    "hook-one-id": ("All deliveries have one id.", {"signed": lambda r, s, n, t, b: r("msg_1", t, b)}),
    "hook-body-unsigned": ("The body is not part of what is signed.", {"signed": lambda r, s, n, t, b: r(n, t, b"")}),
    "hook-ms": ("The timestamp is in milliseconds.", {"signed": lambda r, s, n, t, b: r(n, t + "000", b)}),
    "hook-other-result": ("A delivery has another address than status.", _message(lambda v: {**v, "generated": [u + "&x=1" for u in v["generated"]]})),
    "hook-put": ("A delivery is a PUT.", {"post": lambda r, s, u, h, b: r(u, h, b, "PUT")}),
    "hook-no-query": ("The query of a receiver's address is lost.", {"hook": lambda r, s, j: r(j).partition("?")[0]}),
    "hook-shared": ("All tasks tell the last receiver.", {"hook": lambda r, s, j: [x for x in s.jobs.values() if "webhook_url" in x.body][-1].body["webhook_url"]}),
    # lives
    "life-never-ends": ("Tasks never end.", _words(lambda s, j, word: "IN_PROGRESS" if word == "COMPLETED" else word)),
    "life-all-fail": ("Every task fails.", _words(lambda s, j, word: "FAILED" if word == "COMPLETED" else word)),
    "life-skips": ("No task is ever IN_PROGRESS.", _words(lambda s, j, word: "CREATED" if word == "IN_PROGRESS" else word)),
    "life-leaves-end": ("A task leaves COMPLETED.", _words(lambda s, j, word: "IN_PROGRESS" if word == "COMPLETED" and int(time.monotonic() * 50) % 2 else word)),
    "life-forgotten": ("A task is forgotten when it ends.", {"find": lambda r, s, i, o: None if r(i, o) and s.word(r(i, o)) == "COMPLETED" else r(i, o)}),
    "life-not-at-once": ("A new task is not found at first.", {"find": lambda r, s, i, o: None if r(i, o) and s.word(r(i, o)) == "CREATED" else r(i, o)}),
    "life-done-at-create": ("A task is COMPLETED when it is created.", _created(lambda d: {**d, "status": "COMPLETED"})),
    "life-other-id": ("A create gives another id than the task has.", _created(lambda d: {**d, "task_id": str(uuid4())})),
    "life-refused": ("A valid create is refused.", {"create": lambda r, s, q, o, b: s.error(403, "No") if "duration" in b else r(q, o, b)}),
}  # fmt: skip

# What may be otherwise at once, together: each takes a whole run of the tests.
_LAWFUL: Final[dict[str, tuple[Any, ...]]] = {
    "lawful-plain": ("Nothing is changed.", {}),
    "lawful-problems": ("Problem details are wrapped, come unless JSON is asked for, and errors have other words.", {
        "problem": lambda r, s, n, w: {"problem": r(n, w)},
        "wants_problem": lambda r, s, accept: r(accept) or ("json" not in accept and "html" not in accept),
        "error": lambda r, s, n, m: r(n, "Das geht nicht.\n"),
    }),
    "lawful-fields": ("Problem details name a field of the body, no rate limit is told, an asset is bytes, and a task has an error of null.", {
        "problem": lambda r, s, n, w: {"message": "No", "invalid_params": [{"field": f"body.{n}" if n else "body", "reason": w}]},
        "rate": lambda r, s, *n: {},
        "asset": lambda r, s, f: stranger.with_header(r(f), "content-type", "application/octet-stream"),
        **_task(lambda d: {**d, "error": None}),
    }),
    "lawful-bytes": ("JSON has line breaks and a charset in quotes, header names large letters, and no length is told.", _each(lambda q, a: evolve(
        a, body=json.dumps(json.loads(a.body), indent=2).encode() if a.body else b"",
        headers=tuple((n.upper(), f'{v};charset="UTF-8"' if n == "content-type" else v) for n, v in a.headers if n != "content-length"),
    ))),
    "lawful-options-405": ("OPTIONS is a 405, and Allow has HEAD and OPTIONS, each method in a line of its own.", {
        **_each(lambda q, a: evolve(a, headers=tuple((n, word) for n, v in a.headers for word in (v.split(", ") if n == "allow" else [v])))),
        "allowed": lambda r, s, m: (*r(m), "HEAD", "OPTIONS"),
        "preflight": lambda r, s, q, m: stranger.with_header(s.error(405, "No"), "allow", ", ".join(s.allowed(m))) if s.owner(q) else s.error(401, "Missing API key"),
    }),
    "lawful-options-401": ("OPTIONS asks for a key, and a list shows the last five, oldest first.", {
        "preflight": lambda r, s, q, m: r(q, m) if s.owner(q) else s.error(401, "Missing API key"), **_rows(lambda rows: rows[4::-1]),
    }),
    "lawful-begun": ("A task is IN_PROGRESS when it is created, and takes no time.", {
        "created": lambda r, s, j: {"task_id": j.id, "status": "IN_PROGRESS"},
        "word": lambda r, s, j: "COMPLETED" if time.monotonic() - j.born > 0.02 else "IN_PROGRESS",
    }),
    "lawful-three-at-once": ("Three tasks at once, and a 429 that says when to come back.", {}, {"most_at_once": 3}),
    "lawful-three-without-hint": ("Three tasks at once, and a 429 that says nothing.", {"error": lambda r, s, n, m: stranger.with_header(r(n, m), "retry-after", None)}, {"most_at_once": 3}),
    "lawful-hooks": ("CREATED is delivered too, each delivery is repeated with its id, and has signatures of two secrets.", {
        "changes": lambda r, s, j: [("CREATED", 0.0), ("IN_PROGRESS", 0.4), ("COMPLETED", 1.0)],
        "post": lambda r, s, u, h, b: (r(u, h, b), r(u, h, b)),
        "signed": lambda r, s, *a: {**r(*a), "webhook-signature": "v2,YWJj " + r(*a)["webhook-signature"]},
    }),
}  # fmt: skip

VIOLATIONS: Final = tuple(
    Violation("server", name, said, Served(*changes), lawful=name in _LAWFUL)
    for name, (said, *changes) in (_SEEDED | _LAWFUL).items()
)
