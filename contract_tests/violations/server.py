"""Violations of the server: somebody else's server of the document, with one behaviour changed.

The suite's server side must find each from outside, without scenarios. `LAWFUL` has the opposite: what a server
may do by the document, and that must pass.
"""

# ruff: noqa: E501 - a table

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import httpx
from attrs import evolve, field, frozen

from contract_tests.schema.server import sources
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.violations.stranger import (
    JSON,
    KEY_HEADERS,
    Job,
    RefusedError,
    Stranger,
    film,
    with_header,
)
from contract_tests.violations.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.schema.server.configuration import Configuration

    Changes = dict[str, Callable[..., Any]]

_OTHER_ID: Final = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"


@frozen
class Served:
    """A stranger's server with some methods replaced, by name: each gets the real one, the server and arguments."""

    changes: Changes
    settings: dict[str, Any] = field(factory=dict)

    def __call__(self) -> None:
        """Put it in the mock's place."""
        sources.stand_in = self.serve

    def serve(self, configuration: Configuration) -> Stranger:
        """Make the server of a run."""
        server = Stranger((configuration.key, sources.OTHER_KEY), **self.settings)
        for name, change in self.changes.items():
            # A name that is gone fails here.
            setattr(server, name, partial(change, getattr(server, name), server))
        return server


# --- ways to change a server


def _each(change: Callable[[Sent, Answer], Answer]) -> Changes:
    """Change every answer of the API."""
    return {"operation": lambda real, server, sent: change(sent, real(sent))}


def _at(*statuses: int, change: Callable[[Answer], Answer]) -> Changes:
    """Change answers of some statuses."""
    return _each(lambda sent, answer: change(answer) if answer.status in statuses else answer)


def _json(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    """Change an answer's JSON."""
    return _raw(answer, json.dumps(change(json.loads(answer.body)), ensure_ascii=False).encode())


def _raw(answer: Answer, body: bytes) -> Answer:
    return with_header(evolve(answer, body=body), "content-length", str(len(body)))


def _header(name: str, value: str | None) -> Callable[[Answer], Answer]:
    return lambda answer: with_header(answer, name, value)


def _added(answer: Answer, name: str, value: str) -> Answer:
    return evolve(answer, headers=(*answer.headers, (name, value)))


def _key(sent: Sent) -> str:
    return next((value for name in KEY_HEADERS for value in sent.values(name) if value), "")


def _lets_in(find: Callable[[Sent], str | None]) -> Changes:
    """Take a key from somewhere else, too."""
    return {
        "owner": lambda real, server, sent: (
            real(sent) or next((k for k in server.keys if k == find(sent)), None)
        )
    }


def _matches(alike: Callable[[str, str], bool]) -> Changes:
    """Compare keys in another way: the given one, and a good one."""
    return {"owner": lambda real, server, sent: real(sent) or next(
        (k for k in server.keys if _key(sent) and alike(_key(sent), k)), None
    )}  # fmt: skip


def _query(*names: str) -> Callable[[Sent], str | None]:
    pattern = "|".join(map(re.escape, names))
    return lambda sent: next(iter(re.findall(rf"[?&](?:{pattern})=([^&]*)", sent.target)), None)


def _by_method(*methods: str) -> Changes:
    """Ask for no key by some methods."""
    return {
        "owner": lambda real, server, sent: real(sent) or (server.keys[0] if sent.method in methods else None)
    }


def _finds(same: Callable[[str, str], bool]) -> Changes:
    """Find a task by other spellings of its id: the wanted one, and a real one."""
    return {"find": lambda real, server, task_id, owner: real(task_id, owner) or next(
        (job for job in server.jobs.values() if job.owner == owner and same(task_id, job.id)), None
    )}  # fmt: skip


def _word(same: Callable[[Any, str], bool], *names: str) -> Changes:
    """Take neighbours of an enum's words: the given one, and a good one."""

    def check(real: Any, server: Stranger, name: str, word: Any, words: tuple[str, ...]) -> None:
        if not ((not names or name in names) and any(same(word, good) for good in words)):
            real(name, word, words)

    return {"check_word": check}


def _text(fits: Callable[[str], bool]) -> Changes:
    """Take texts that are too long."""
    return {
        "check_text": lambda r, s, name, text: None if isinstance(text, str) and fits(text) else r(name, text)
    }


def _detail(change: Callable[[Job, dict[str, Any]], dict[str, Any]]) -> Changes:
    """Change a task in the answers of status, and in webhooks."""
    return {"detail": lambda real, server, job, word: change(job, real(job, word))}


def _after(name: str) -> Callable[[Callable[[Any], Any]], Changes]:
    """Change what a method returns."""
    return lambda change: {name: lambda real, server, *arguments: change(real(*arguments))}


_created, _address, _signed = map(_after, ("created", "address", "signed"))


def _rows(change: Callable[[Stranger, list[Job], list[Any]], list[Any]]) -> Changes:
    return {"rows": lambda real, server, jobs: change(server, jobs, real(jobs))}


def _films(change: Callable[[bytes], bytes]) -> Changes:
    return {"video": lambda real, server, job: _raw(real(job), change(real(job).body))}


def _rate(change: Callable[[int, int, int], tuple[int, int, int]]) -> Changes:
    return {"rate": lambda real, server, limit, left, reset: real(*change(limit, left, reset))}


def _message(change: Callable[[Any], Any]) -> Changes:
    return {
        "message": lambda real, server, job, word: json.dumps(change(json.loads(real(job, word)))).encode()
    }


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _without(real: Any, server: Stranger, sent: Sent, owner: str) -> Answer:
    """List all tasks but the newest."""
    jobs = [j for j in reversed(server.jobs.values()) if j.owner == owner and j.model == sent.path][1:]
    return server.success({"data": server.rows(jobs)}) if jobs else server.error(404, "Tasks not found")


def _reach(real: Any, server: Stranger, images: Any) -> None:
    """Refuse images that can't be fetched."""
    real(images)
    for image in images:
        if not image.startswith("http://127.") or not httpx.get(image, trust_env=False).is_success:
            raise RefusedError("images", "can't be fetched")


_UPLOADS: Final = {
    "upload-one-short": ("One address fewer than files comes.", {"success": lambda r, s, v: r({"files": v["files"][:-1] or v["files"]} if "files" in v else v)}),
    "upload-one-more": ("One address more than files comes.", {"success": lambda r, s, v: r({"files": v["files"] + v["files"][:1]} if "files" in v else v)}),
    "upload-reversed": ("The addresses come in reverse order.", {"success": lambda r, s, v: r({"files": v["files"][::-1]} if "files" in v else v)}),
    "upload-same-address": ("All files of a request have one address.", {"success": lambda r, s, v: r({"files": [{**f, "upload_url": v["files"][0]["upload_url"]} for f in v["files"]]} if "files" in v else v)}),
    "upload-same-asset": ("All files have one asset's address.", _address(lambda f: {**f, "asset_url": "http://contract.test/files/asset/1"})),
    "upload-same-id": ("All files have one id.", _address(lambda f: {**f, "file_id": "1"})),
    "upload-headers-empty": ("No header is signed.", _address(lambda f: {**f, "headers": {}})),
    "upload-headers-other": ("Another content type is signed.", _address(lambda f: {**f, "headers": {"content-type": "image/png"}})),
    "upload-header-binary": ("The signed content type is that of bytes.", _address(lambda f: {**f, "headers": {"content-type": "application/octet-stream"}})),
    "upload-put-refused": ("The signed PUT is refused.", {"put": lambda r, s, q, f: Answer(403)}),
    "upload-put-is-a-post": ("Only a POST takes the bytes.", {"put": lambda r, s, q, f: r(evolve(q, method="PUT" if q.method == "POST" else "GET"), f)}),
    "upload-lost": ("The bytes are lost.", {"put": lambda r, s, q, f: Answer(200)}),
    "upload-cut": ("The last byte is lost.", {"put": lambda r, s, q, f: r(evolve(q, body=q.body[:-1]), f)}),
    "upload-mixed-up": ("Every asset has the first file's bytes.", {"asset": lambda r, s, f: r(next((x for x in s.files.values() if x.data), f))}),
    "upload-asset-html": ("An asset is a page.", {"asset": lambda r, s, f: with_header(r(f), "content-type", "text/html")}),
    "upload-asset-early": ("An asset is there before its bytes.", {"asset": lambda r, s, f: Answer(200) if f.data is None else r(f)}),
    "upload-expires-at-once": ("An upload's address expires at once.", _address(lambda f: {**f, "expires_in": 0})),
    "upload-expires-in-ms": ("An upload's life is in milliseconds.", _address(lambda f: {**f, "expires_in": 120_000})),
    "upload-expires-as-moment": ("An asset's life is a moment.", _address(lambda f: {**f, "asset_url_expires_in": int(time.time()) + 86400})),
    "upload-asset-expires-first": ("An asset expires before its upload.", _address(lambda f: {**f, "asset_url_expires_in": 61, "expires_in": 120})),
    "upload-relative": ("Addresses are relative.", _address(lambda f: {**f, "upload_url": f["upload_url"].replace("http://contract.test", "")})),
    "upload-no-host": ("An asset's address has another scheme.", _address(lambda f: {**f, "asset_url": "s3://bucket/" + f["file_id"]})),
    "upload-gif": ("A GIF is taken.", {"check_files": lambda r, s, b: None if "image/gif" in str(b) else r(b)}),
    "upload-any-image": ("Any image type is taken.", {"check_files": lambda r, s, b: None if re.search("'image/[^']+'", str(b)) and isinstance(b.get("files"), list) and len(b["files"]) < 15 else r(b)}),
    "upload-large-letters": ("A content type in large letters is taken.", {"check_files": lambda r, s, b: r(json.loads(json.dumps(b).replace("IMAGE/PNG", "image/png")))}),
    "upload-first-file-checked": ("Only the first file's type is checked.", {"check_files": lambda r, s, b: r({"files": b["files"][:1]} if isinstance(b.get("files"), list) and 1 <= len(b["files"]) < 15 else b)}),
    "upload-fifteen": ("Fifteen files are taken.", {"check_files": lambda r, s, b: r({**b, "files": b["files"][:14]} if isinstance(b.get("files"), list) else b)}),
    "upload-none": ("No files are taken.", {"check_files": lambda r, s, b: None if b.get("files") == [] else r(b)}),
    "upload-key-in-address": ("An upload's address has the key.", {"address": lambda r, s, q, w: {**r(q, w), "upload_url": r(q, w)["upload_url"] + "&key=" + _key(q)}}),
    "upload-key-signed": ("The key is among the signed headers.", {"address": lambda r, s, q, w: {**r(q, w), "headers": {**r(q, w)["headers"], "x-freepik-api-key": "x"}}}),
}  # fmt: skip

_KEYS: Final = {
    "key-prefix": ("A prefix of a key is good.", _matches(lambda given, good: len(given) > 4 and good.startswith(given))),
    "key-extension": ("A key with something after it is good.", _matches(lambda given, good: given.startswith(good))),
    "key-within": ("A text that has the key in it is good.", _matches(lambda given, good: good in given)),
    "key-any-case": ("A key in other letters is good.", _matches(lambda given, good: given.lower() == good.lower())),
    "key-in-a-list": ("A key in a list is good.", _matches(lambda given, good: good in re.split(r"\s*,\s*", given))),
    "key-quoted": ("A key in quotes is good.", _matches(lambda given, good: given.strip('"') == good)),
    "key-after-bearer": ("A key after Bearer, in its own header, is good.", _matches(lambda given, good: given == f"Bearer {good}")),
    "key-in-base64": ("A key in base64 is good.", _matches(lambda given, good: given == _b64(good))),
    "key-encoded": ("A percent-encoded key is good.", _matches(lambda given, good: given.startswith("%") and bytes.fromhex(given.replace("%", "")[:2]) == good[:1].encode())),
    "key-same-length": ("Any key of the right length is good.", _matches(lambda given, good: len(given) == len(good))),
    "key-first-eight": ("The first eight letters of a key are enough.", _matches(lambda given, good: given[:8] == good[:8])),
    "key-wildcard": ("A star is a key.", _matches(lambda given, good: given == "*")),
    "key-hyphens": ("Hyphens in a key don't count.", _matches(lambda given, good: given.replace("-", "") == good.replace("-", ""))),
    "key-last-letter": ("The last letter of a key is not compared.", _matches(lambda given, good: given[:-1] == good[:-1])),
    "key-bearer": ("A bearer token is a key.", _lets_in(lambda sent: (sent.header("authorization") or "").removeprefix("Bearer "))),
    "key-basic": ("Basic authentication is a key.", _lets_in(lambda sent: base64.b64decode((sent.header("authorization") or "").removeprefix("Basic ") if (sent.header("authorization") or "").startswith("Basic ") else "").decode("latin-1").rstrip(":"))),
    "key-authorization": ("Authorization takes a bare key.", _lets_in(lambda sent: sent.header("authorization"))),
    "key-x-api-key": ("x-api-key takes a key.", _lets_in(lambda sent: sent.header("x-api-key"))),
    "key-underscores": ("The header's name with underscores takes a key.", _lets_in(lambda sent: sent.header("x_freepik_api_key"))),
    "key-without-x": ("The header's name without x- takes a key.", _lets_in(lambda sent: sent.header("freepik-api-key"))),
    "key-query": ("The query takes a key.", _lets_in(_query("x-freepik-api-key"))),
    "key-query-api-key": ("api_key in the query is a key.", _lets_in(_query("api_key"))),
    "key-query-token": ("access_token in the query is a key.", _lets_in(_query("access_token"))),
    "key-cookie": ("A cookie is a key.", _lets_in(lambda sent: (sent.header("cookie") or "").partition("=")[2])),
    "key-body": ("The body takes a key.", _lets_in(lambda sent: next(iter(re.findall(rb'"api_key": "([^"]*)"', sent.body)), b"").decode())),
    "key-head-skipped": ("HEAD asks for no key.", _by_method("HEAD")),
    "key-options-data": ("OPTIONS shows tasks.", {"preflight": lambda r, s, q, m: s.body(200, {"data": s.rows(list(s.jobs.values()))}, JSON)}),
    "key-delete-skipped": ("A wrong method is told before the key is asked for.", _by_method("DELETE", "PUT", "PATCH", "TRACE", "MADE-UP")),
    "key-override": ("A method override skips the key.", {"owner": lambda r, s, q: r(q) or (s.keys[0] if q.header("x-http-method-override") else None)}),
    "key-path-first": ("An unknown path is told before the key is asked for.", {"operation": lambda r, s, q: r(q) if s.methods(q.path) else s.error(404, "Not found")}),
    "key-body-first": ("A bad body is told before the key is asked for.", {"operation": lambda r, s, q: s.error(400, "No") if q.body == b"[" else r(q)}),
    "key-upload-skipped": ("Uploads ask for no key.", {"owner": lambda r, s, q: r(q) or (s.keys[0] if q.path.endswith("request-url") else None)}),
    "key-status-skipped": ("Status asks for no key.", {"owner": lambda r, s, q: r(q) or (next(iter(s.jobs.values())).owner if s.jobs and q.path.count("/") == 5 and "kling-elements/" in q.path else None)}),
    "key-empty": ("An empty key is good.", {"owner": lambda r, s, q: r(q) or (s.keys[0] if q.header("x-freepik-api-key") == "" else None)}),
    "key-second-header-refused": ("The second documented header takes no key.", {"owner": lambda r, s, q: q.header("x-freepik-api-key") if q.header("x-freepik-api-key") in s.keys else None}),
    "key-403": ("A wrong key is a 403.", _at(401, change=lambda a: evolve(a, status=403))),
    "leak-header": ("The key comes back in a header.", _each(lambda q, a: _added(a, "x-caller", _key(q)))),
    "leak-base64": ("The key comes back in base64.", _each(lambda q, a: _added(a, "x-caller", _b64(f"user:{_key(q)}")))),
    "leak-hex": ("The key comes back in hexadecimal.", _each(lambda q, a: _added(a, "x-caller", _key(q).encode().hex()))),
    "leak-hash": ("The key's hash comes back.", _each(lambda q, a: _added(a, "x-caller", hashlib.sha256(_key(q).encode()).hexdigest()))),
    "leak-masked": ("The key comes back masked.", _each(lambda q, a: _json(a, lambda v: {"message": f"{v['message']}: ****{_key(q)[-4:]}"}) if a.status == 401 and _key(q) else a)),
    "leak-part": ("The first ten letters of the key come back.", _each(lambda q, a: _added(a, "x-caller", _key(q)[:10]))),
    "leak-error": ("An error names the key that was sent.", {"error": lambda r, s, n, m: r(n, f"{m} ({s.keys[0]})" if n == 404 else m)}),
    "leak-escaped": ("The key comes back with escapes.", {"error": lambda r, s, n, m: _raw(r(n, m), json.dumps({"message": m}).encode()[:-2] + "".join(f"\\u{ord(c):04x}" for c in s.keys[0]).encode() + b'"}') if n == 404 else r(n, m)}),
    "leak-result": ("A result's address has the key.", {"results": lambda r, s, j: [url + "&account=" + j.owner for url in r(j)]}),
    "leak-result-encoded": ("A result's address has the key in base64.", {"results": lambda r, s, j: [url + "&account=" + _b64(j.owner) for url in r(j)]}),
    "leak-hook": ("The receiver is sent the key.", {"post": lambda r, s, u, h, b: r(u, {**h, "authorization": f"Bearer {s.keys[0]}"}, b)}),
    "leak-hook-part": ("The receiver is sent a part of the key.", {"post": lambda r, s, u, h, b: r(u, {**h, "x-account": s.keys[0][3:13]}, b)}),
    "leak-hook-address": ("The receiver's address has the key.", {"hook": lambda r, s, j: r(j) + "&account=" + j.owner}),
    "leak-reversed": ("The key comes back reversed.", _each(lambda q, a: _added(a, "x-caller", _key(q)[::-1]))),
    "leak-trace": ("TRACE echoes the request.", {"operation": lambda r, s, q: evolve(s.body(405, {"message": str(q.headers)}, JSON)) if q.method == "TRACE" else r(q)}),
}  # fmt: skip

_BODIES: Final = {
    "five-as-integer": ("duration accepts 5.", _word(lambda w, g: w == 5 and not isinstance(w, bool))),
    "five-as-float": ("duration accepts 5.0.", _word(lambda w, g: isinstance(w, float) and str(w) == "5.0")),
    "five-padded": ("duration accepts '05'.", _word(lambda w, g: isinstance(w, str) and w == "05")),
    "five-point-zero": ("duration accepts '5.0'.", _word(lambda w, g: w == "5.0")),
    "five-seconds": ("duration accepts '5s'.", _word(lambda w, g: isinstance(w, str) and w == f"{g}s")),
    "five-signed": ("duration accepts '+5'.", _word(lambda w, g: isinstance(w, str) and w == f"+{g}")),
    "six": ("duration accepts '6'.", _word(lambda w, g: w == "6")),
    "fifteen": ("duration accepts '15'.", _word(lambda w, g: w == "15")),
    "fullwidth-five": ("duration accepts another script's numeral.", _word(lambda w, g: isinstance(w, str) and w.isdecimal() and not w.isascii())),
    "any-numeral": ("duration accepts any whole number of seconds up to 10.", _word(lambda w, g: isinstance(w, str) and w.isascii() and w.isdecimal() and 1 <= int(w) <= 10, "duration")),
    "five-in-a-list": ("duration accepts ['5'].", _word(lambda w, g: w == [g])),
    "five-trimmed": ("Words are trimmed.", _word(lambda w, g: isinstance(w, str) and w.strip() == g)),
    "five-line-break": ("A word may end with a line break.", _word(lambda w, g: w == f"{g}\n")),
    "word-null": ("duration may be null.", _word(lambda w, g: w is None, "duration")),
    "word-empty": ("aspect_ratio may be empty.", _word(lambda w, g: w == "", "aspect_ratio")),
    "shape-large-letters": ("aspect_ratio takes any letters.", _word(lambda w, g: isinstance(w, str) and w.lower() == g)),
    "shape-one-more": ("aspect_ratio accepts one more shape.", _word(lambda w, g: w == "classic_4_3")),
    "shape-two-more": ("aspect_ratio accepts a sibling's shape.", _word(lambda w, g: w == "social_post_4_5")),
    "shape-ratio": ("aspect_ratio accepts 16:9.", _word(lambda w, g: w == "16:9")),
    "shape-hyphens": ("aspect_ratio accepts hyphens.", _word(lambda w, g: isinstance(w, str) and w.replace("-", "_") == g)),
    "shape-name": ("aspect_ratio accepts a name without numbers.", _word(lambda w, g: w == "square")),
    "shape-prefix": ("aspect_ratio accepts what begins as a word.", _word(lambda w, g: isinstance(w, str) and w.startswith(g))),
    "prompt-one-more": ("A prompt of 2,501 characters is taken.", _text(lambda t: len(t) <= 2501)),
    "prompt-trimmed": ("A prompt is trimmed before it is measured.", _text(lambda t: len(t.strip()) <= 2500)),
    "prompt-cut": ("A prompt that is far too long is cut.", _text(lambda t: len(t) > 9000)),
    "prompt-in-bytes": ("A prompt is measured in bytes.", {"check_text": lambda r, s, n, t: r(n, "a" * len(t.encode()) if isinstance(t, str) and t.isprintable() else t)}),
    "prompt-in-utf16": ("A prompt is measured in UTF-16.", {"check_text": lambda r, s, n, t: r(n, "a" * (len(t.encode("utf-16-le")) // 2) if isinstance(t, str) and t.isprintable() else t)}),
    "prompt-composed": ("A prompt is composed before it is measured.", _text(lambda t: len(t) == 2501 and t.endswith("\u0301"))),
    "prompt-one-less": ("A prompt of 2,500 characters is refused.", {"check_text": lambda r, s, n, t: r(n, t + "x" if isinstance(t, str) else t)}),
    "prompt-null": ("prompt may be null.", {"check_text": lambda r, s, n, t: None if t is None else r(n, t)}),
    "prompt-number": ("prompt may be a number.", {"check_text": lambda r, s, n, t: None if isinstance(t, int) else r(n, t)}),
    "negative-unchecked": ("negative_prompt is not checked.", {"check_text": lambda r, s, n, t: None if n == "negative_prompt" else r(n, t)}),
    "images-five": ("Five images are taken.", {"check_images": lambda r, s, i: r(i[:4] if isinstance(i, list) and len(i) == 5 else i)}),
    "images-none": ("No image is needed.", {"check_images": lambda r, s, i: None if i == [] else r(i)}),
    "images-text": ("images may be one text.", {"check_images": lambda r, s, i: r([i] if isinstance(i, str) else i)}),
    "images-null": ("images may be null.", {"check_images": lambda r, s, i: None if i is None else r(i)}),
    "images-object": ("An image may be an object.", {"check_images": lambda r, s, i: r(["x" if isinstance(x, dict) else x for x in i] if isinstance(i, list) else i)}),
    "images-number-within": ("Only the first image is checked.", {"check_images": lambda r, s, i: r(i[:1] if isinstance(i, list) and len(i) < 5 else i)}),
    "image-alias": ("image is taken for images.", {"check": lambda r, s, b: r({"images": [b["image"]] if isinstance(b["image"], str) else b["image"], **b} if "image" in b else b)}),
    "body-in-data": ("A body inside data is taken.", {"check": lambda r, s, b: r(b["data"] if isinstance(b.get("data"), dict) else b)}),
    "body-in-list": ("A body inside a list is taken.", {"read": lambda r, s, q: r(evolve(q, body=q.body[1:-1]) if q.body.startswith(b"[{") and q.body.endswith(b"}]") else q)}),
    "body-any-type": ("A body is JSON whatever its content type.", {"read": lambda r, s, q: r(Sent(q.method, q.target, (("content-type", JSON),), q.body))}),
    "body-text-plain": ("A body may be text/plain.", {"read": lambda r, s, q: r(Sent(q.method, q.target, (("content-type", JSON),), q.body) if "text/plain" in (q.header("content-type") or "") else q)}),
    "body-closed": ("A body that is cut off is closed.", {"read": lambda r, s, q: r(evolve(q, body=q.body + b"}") if q.body.startswith(b"{") and not q.body.rstrip().endswith(b"}") else q)}),
    "body-nan": ("NaN is taken.", {"constant": lambda r, s, name: None}),
    "body-trailing": ("What comes after the body is ignored.", {"read": lambda r, s, q: r(evolve(q, body=json.dumps(json.JSONDecoder().raw_decode(q.body.decode())[0]).encode() if q.body[:1] == b"{" and b"\xff" not in q.body and b"NaN" not in q.body and q.body.count(b"}") > 1 and b"undefined" not in q.body else q.body))}),
    "body-comma": ("A comma too many is taken.", {"read": lambda r, s, q: r(evolve(q, body=q.body.replace(b",}", b"}")))}),
    "url-relative": ("webhook_url may be relative.", {"check_url": lambda r, s, u: None if isinstance(u, str) and u.startswith("/") else r(u)}),
    "url-no-scheme": ("webhook_url needs no scheme.", {"check_url": lambda r, s, u: None if u == "example.com/hook" else r(u)}),
    "url-empty": ("webhook_url may be empty.", {"check_url": lambda r, s, u: None if u == "" else r(u)}),
    "url-space": ("webhook_url may have a space.", {"check_url": lambda r, s, u: r(u.replace(" ", "") if u == "http://a b/" else u)}),
    "url-unchecked": ("webhook_url is not checked.", {"check_url": lambda r, s, u: None}),
    "invalid-422": ("An invalid body is a 422.", _at(400, change=lambda a: evolve(a, status=422))),
    "invalid-500": ("A wrong word fails the server.", {"check_word": lambda r, s, n, w, words: r(n, w, words) if isinstance(w, str) else 1 / 0}),
    "extra-field-refused": ("A field beside the schema is refused.", {"check": lambda r, s, b: (_ for _ in ()).throw(RefusedError("x", "is unknown")) if "x_contract_suite" in b else r(b)}),
    "problem-blames-another": ("Problem details blame another parameter.", {"problem": lambda r, s, n, w: r("duration" if n == "prompt" else n, w)}),
    "problem-no-reasons": ("Problem details give no reasons.", {"problem": lambda r, s, n, w: {"message": "x", "invalid_params": [{"name": n}]}}),
    "problem-empty": ("Problem details name nothing.", {"problem": lambda r, s, n, w: {"message": "x", "invalid_params": []}}),
    "problem-mixed": ("Problem details are flat and wrapped at once.", {"problem": lambda r, s, n, w: {**r(n, w), "problem": r(n, w)}}),
    "problem-never": ("Problem details are never given.", {"wants_problem": lambda r, s, accept: False}),
    "message-empty": ("An error has no message.", {"error": lambda r, s, n, m: r(n, "" if n == 400 else m)}),
    "refused-makes-a-task": ("A refused body makes a task all the same.", {"refuse": lambda r, s, q, n, w: [s.jobs.setdefault(str(i := uuid4()), Job(str(i), q.path, _key(q), {}, "")), r(q, n, w)][1]}),
    "first-example-cached": ("Equal bodies make one task.", {"new_id": lambda r, s: str(UUID(int=len({json.dumps(j.body) for j in s.jobs.values()}) + 2**80, version=4))}),
    "magic-prompt": ("One word in a prompt fails the server.", {"check_text": lambda r, s, n, t: 1 / 0 if "DROP" in str(t) else r(n, t)}),
}  # fmt: skip

_IDS: Final = {
    "id-upper": ("An id in large letters is found.", _finds(lambda w, i: w.lower() == i)),
    "id-no-hyphens": ("An id without hyphens is found.", _finds(lambda w, i: w == i.replace("-", ""))),
    "id-braces": ("An id in braces is found.", _finds(lambda w, i: w == f"{{{i}}}")),
    "id-urn": ("An id as a URN is found.", _finds(lambda w, i: w == f"urn:uuid:{i}")),
    "id-spaces": ("An id with a space is found.", _finds(lambda w, i: w.strip() == i)),
    "id-prefix": ("The first letters of an id are enough.", _finds(lambda w, i: len(w) >= 8 and i.startswith(w))),
    "id-extension": ("What comes after an id is ignored.", _finds(lambda w, i: w.startswith(i))),
    "id-json": ("An id with .json is found.", _finds(lambda w, i: w == f"{i}.json")),
    "id-wildcard": ("A star finds a task.", _finds(lambda w, i: w == "*")),
    "id-like": ("A percent sign finds a task.", _finds(lambda w, i: w.endswith("%") and i.startswith(w[:-1]))),
    "id-integer": ("An id's number is found.", _finds(lambda w, i: w == str(UUID(i).int))),
    "id-nul": ("An id ends at a NUL.", _finds(lambda w, i: w.split("\0")[0] == i)),
    "id-latest": ("'latest' is a task.", _finds(lambda w, i: w == "latest")),
    "id-any": ("Any id is found.", {"status": lambda r, s, q, o: s.success({"data": {"task_id": q.path.rpartition("/")[2], "status": "IN_PROGRESS", "generated": []}})}),
    "id-example": ("The document's example is a task.", _finds(lambda w, i: w == _OTHER_ID)),
    "id-double-encoding": ("An id is decoded twice.", _finds(lambda w, i: w == "".join(f"%{ord(c):02X}" for c in i))),
    "id-other-path": ("A task is shown under create's path, too.", {"methods": lambda r, s, p: r(p) or (("GET",) if re.fullmatch(r".*/kling-elements-std/[0-9a-f-]{36}", p) else ()), "status": lambda r, s, q, o: r(evolve(q, target=q.path.replace("-std/", "/")), o)}),
    "id-query": ("The query names a task.", {"status": lambda r, s, q, o: r(evolve(q, target=q.path.rpartition("/")[0] + "/" + q.target.partition("=")[2]) if "?task_id=" in q.target else q, o)}),
    "id-not-new": ("Ids repeat.", {"new_id": lambda r, s: "00000000-0000-4000-8000-00000000000a"}),
    "id-no-uuid": ("Ids are numbers.", {"new_id": lambda r, s: str(len(s.jobs) + 1)}),
    "id-echo-other": ("Status answers another id.", _detail(lambda j, d: {**d, "task_id": _OTHER_ID})),
    "id-unknown-400": ("An unknown id is a 400.", _at(404, change=lambda a: evolve(a, status=400))),
    "id-foreign": ("Another account's task is shown.", {"find": lambda r, s, i, o: s.jobs.get(i)}),
    "id-foreign-403": ("Another account's task is a 403.", {"status": lambda r, s, q, o: s.error(403, "Forbidden") if s.jobs.get(q.path.rpartition("/")[2]) and s.jobs[q.path.rpartition("/")[2]].owner != o else r(q, o)}),
}  # fmt: skip

_LISTS: Final = {
    "list-lags-behind": ("The newest task is not listed yet.", {"listing": _without}),
    "list-forgets-old": ("Only the newest task is listed.", _rows(lambda s, j, rows: rows[:1])),
    "list-forgets-middle": ("A task is left out.", _rows(lambda s, j, rows: rows[:1] + rows[2:])),
    "list-twice": ("A task is listed twice.", _rows(lambda s, j, rows: [*rows, rows[0]])),
    "list-ghost": ("A task that nobody made is listed.", _rows(lambda s, j, rows: [*rows, {"task_id": str(uuid4()), "status": "CREATED"}])),
    "list-ghost-example": ("The document's example is listed.", _rows(lambda s, j, rows: [*rows, {"task_id": _OTHER_ID, "status": "IN_PROGRESS"}])),
    "list-old-status": ("The list says CREATED of every task.", _rows(lambda s, j, rows: [{**row, "status": "CREATED"} for row in rows])),
    "list-with-results": ("The list has results.", _rows(lambda s, j, rows: [{**row, "generated": ["https://x.test/a.mp4"]} for row in rows])),
    "list-only-finished": ("Only tasks that ended are listed.", {"listing": lambda r, s, q, o: r(q, o) if all(s.word(j) == "COMPLETED" for j in s.jobs.values()) else s.error(404, "Tasks not found")}),
    "list-both-models": ("The lists of both models are one.", {"listing": lambda r, s, q, o: s.success({"data": s.rows([j for j in s.jobs.values() if j.owner == o])}) if s.jobs else r(q, o)}),
    "list-all-accounts": ("The lists of all accounts are one.", {"listing": lambda r, s, q, o: s.success({"data": s.rows([j for j in s.jobs.values() if j.model == q.path])}) if s.jobs else r(q, o)}),
    "list-empty-array": ("An empty list is an empty array.", {"listing": lambda r, s, q, o: s.success({"data": []}) if r(q, o).status == 404 else r(q, o)}),
    "list-empty-204": ("An empty list is a 204.", {"listing": lambda r, s, q, o: Answer(204) if r(q, o).status == 404 else r(q, o)}),
    "list-swapped": ("The list has other tasks' statuses.", _rows(lambda s, j, rows: [{**row, "status": "COMPLETED" if s.word(job) == "CREATED" else s.word(job)} for row, job in zip(rows, j, strict=True)])),
    "list-extra-field": ("The list has a field more.", _rows(lambda s, j, rows: [{**row, "created_at": "2026"} for row in rows])),
    "list-unwrapped": ("The list has no data around it.", {"listing": lambda r, s, q, o: _json(r(q, o), lambda v: v.get("data", v))}),
    "list-other-key": ("The list's key is tasks.", {"listing": lambda r, s, q, o: _json(r(q, o), lambda v: {"tasks": v["data"]} if "data" in v else v)}),
    "list-id-field": ("A row's id is called id.", _rows(lambda s, j, rows: [{"id": row["task_id"], "status": row["status"]} for row in rows])),
}  # fmt: skip


_RESULTS: Final = {
    "result-404": ("A result is not there.", {"video": lambda r, s, j: Answer(404)}),
    "result-403": ("A result has expired at once.", {"video": lambda r, s, j: Answer(403)}),
    "result-html": ("A result is a page.", {"video": lambda r, s, j: Answer(200, (("content-type", "text/html"),), b"<html></html>")}),
    "result-cut": ("A result is cut off.", _films(lambda data: data[:-20])),
    "result-empty": ("A result is empty.", _films(lambda data: b"")),
    "result-no-description": ("A result has no description.", _films(lambda data: data[:16] + data[-72:])),
    "result-png": ("A result is an image.", _films(lambda data: b"\x89PNG\r\n\x1a\n" + bytes(100))),
    "result-always-five": ("A result has 5 s always.", _films(lambda data: film(5))),
    "result-always-ten": ("A result has 10 s always.", _films(lambda data: film(10))),
    "result-halved": ("A result has half the length.", {"video": lambda r, s, j: _raw(r(j), film(int(j.body.get("duration", 5)) / 2))}),
    "result-zero": ("A result has no length.", _films(lambda data: film(0))),
    "result-of-another": ("All tasks have the first one's result.", {"results": lambda r, s, j: r(next(iter(s.jobs.values())))}),
    "result-constant": ("All tasks have one result.", {"results": lambda r, s, j: ["http://contract.test/files/result/x.mp4"]}),
    "result-twice": ("A result is there twice.", {"results": lambda r, s, j: r(j) * 2}),
    "result-moves": ("A result's address changes.", {"results": lambda r, s, j: [f"{url}&n={time.monotonic()}" for url in r(j)]}),
    "result-relative": ("A result's address is relative.", {"results": lambda r, s, j: [url.replace("http://contract.test", "") for url in r(j)]}),
    "result-objects": ("Results are objects.", {"results": lambda r, s, j: [{"url": url} for url in r(j)]}),
    "result-text": ("The result is a text.", {"results": lambda r, s, j: r(j)[0]}),
    "result-early": ("A task IN_PROGRESS has a result.", {"detail": lambda r, s, j, w: {**r(j, w), "generated": s.results(j) if w != "CREATED" else []}}),
    "result-none": ("A COMPLETED task has no result.", {"results": lambda r, s, j: []}),
    "result-null": ("Results are null until the end.", _detail(lambda j, d: {**d, "generated": d["generated"] or None})),
    "result-missing": ("Results are missing until the end.", _detail(lambda j, d: d if d["generated"] else {k: v for k, v in d.items() if k != "generated"})),
    "result-needs-key": ("A result asks for a key.", {"file": lambda r, s, q: r(q) if _key(q) or "result" not in q.path else Answer(401)}),
}  # fmt: skip

_RATES: Final = {
    "rate-frozen": ("The rest never moves.", _rate(lambda limit, left, reset: (limit, 999, reset))),
    "rate-grows": ("The rest grows.", _rate(lambda limit, left, reset: (limit, 1000 - left, reset))),
    "rate-more-than-all": ("More is left than is allowed.", _rate(lambda limit, left, reset: (limit, limit + left, reset))),
    "rate-reset-epoch": ("The reset is a moment.", _rate(lambda limit, left, reset: (limit, left, int(time.time()) + reset))),
    "rate-reset-ms": ("The reset is in milliseconds.", _rate(lambda limit, left, reset: (limit, left, reset * 100_000))),
    "rate-reset-grows": ("The reset grows.", _rate(lambda limit, left, reset: (limit, left, reset + 3 * (1000 - left)))),
    "rate-negative": ("Less than nothing is left.", _rate(lambda limit, left, reset: (limit, left - 1000, reset))),
    "rate-random": ("The rest is a random number.", _rate(lambda limit, left, reset: (limit, uuid4().int % limit, reset))),
    "rate-none-left": ("Nothing is left, and requests succeed.", _rate(lambda limit, left, reset: (limit, 0, reset))),
    "rate-no-limit": ("Nothing is allowed, and requests succeed.", _rate(lambda limit, left, reset: (0, 0, reset))),
    "rate-float": ("The reset has a fraction.", {"rate": lambda r, s, *n: {**r(*n), "x-ratelimit-reset": "59.5"}}),
    "rate-words": ("The limit has words.", {"rate": lambda r, s, *n: {**r(*n), "x-ratelimit-limit": "1000 per minute"}}),
    "rate-no-reset": ("The reset is missing beside its siblings.", {"rate": lambda r, s, *n: {k: v for k, v in r(*n).items() if k != "x-ratelimit-reset"}}),
    "rate-by-turns": ("Every other answer has the headers.", {"rate": lambda r, s, limit, left, reset: r(limit, left, reset) if left % 2 else {}}),
    "rate-twice": ("The rest comes twice.", {"counted": lambda r, s, q, o, a: _added(r(q, o, a), "x-ratelimit-remaining", "7") if a.is_success else a}),
}  # fmt: skip

_WIRE: Final = {
    "wire-latin-1": ("JSON is declared as Latin-1.", _each(lambda q, a: with_header(a, "content-type", JSON + "; charset=iso-8859-1"))),
    "wire-utf-16": ("JSON is in UTF-16.", _at(404, change=lambda a: with_header(_raw(a, a.body.decode().encode("utf-16")), "content-type", JSON + "; charset=utf-16"))),
    "wire-bom": ("JSON begins with a byte order mark.", _at(200, change=lambda a: _raw(a, b"\xef\xbb\xbf" + a.body))),
    "wire-bom-error": ("An error begins with a byte order mark.", _at(401, change=lambda a: _raw(a, b"\xef\xbb\xbf" + a.body))),
    "wire-no-utf-8": ("A text is no UTF-8.", _at(400, change=lambda a: _raw(a, a.body[:-2] + b'\xff"}'))),
    "wire-half-a-character": ("A text ends in half a character.", _at(404, change=lambda a: _raw(a, a.body[:-2] + b'\\ud83d"}'))),
    "wire-nan": ("JSON has NaN.", _at(404, change=lambda a: _raw(a, a.body[:-1] + b', "x": NaN}'))),
    "wire-name-twice": ("JSON has a name twice.", _at(404, change=lambda a: _raw(a, b'{"message": "a", "message": "b"}'))),
    "wire-cut": ("JSON is cut off.", _at(404, change=lambda a: _raw(a, a.body[:-1]))),
    "wire-after": ("Something comes after JSON.", _at(404, change=lambda a: _raw(a, a.body + b"{}"))),
    "wire-text-html": ("JSON is declared as a page.", _at(200, 404, change=_header("content-type", "text/html"))),
    "wire-text-json": ("JSON is declared as text/json.", _at(404, change=_header("content-type", "text/json"))),
    "wire-no-type": ("There is no content type.", _at(404, change=_header("content-type", None))),
    "wire-two-types": ("There are two content types.", _at(404, change=lambda a: _added(a, "content-type", "text/html"))),
    "wire-two-ids": ("There are two request ids.", _each(lambda q, a: _added(a, "x-request-id", str(uuid4())))),
    "wire-same-ids": ("There are two equal request ids.", _each(lambda q, a: _added(a, "x-request-id", a.header("x-request-id") or ""))),
    "wire-no-id": ("There is no request id.", _at(404, change=_header("x-request-id", None))),
    "wire-one-id": ("All answers have one request id.", _each(lambda q, a: with_header(a, "x-request-id", "1"))),
    "wire-false-length": ("The length is false.", _at(404, change=_header("content-length", "3"))),
    "wire-gzip": ("The body is declared as gzip, and is not.", _at(404, change=lambda a: _added(a, "content-encoding", "gzip"))),
    "wire-201": ("A create is a 201.", {"create": lambda r, s, q, o, b: evolve(r(q, o, b), status=201)}),
    "wire-202": ("A create is a 202.", {"create": lambda r, s, q, o, b: evolve(r(q, o, b), status=202)}),
    "wire-redirect": ("A status is a redirect.", {"shown": lambda r, s, q, j: _added(evolve(r(q, j), status=302), "location", "/elsewhere")}),
    "wire-empty-200": ("A list has no body.", {"listing": lambda r, s, q, o: evolve(_raw(r(q, o), b"")) if r(q, o).is_success else r(q, o)}),
    "wire-field-more": ("Tasks have a field more.", _detail(lambda j, d: {**d, "progress": 50})),
    "wire-error-field": ("Errors have a field more.", _at(404, change=lambda a: _json(a, lambda v: {**v, "code": 7}))),
    "wire-error-key": ("An error's message is called error.", _at(404, change=lambda a: _json(a, lambda v: {"error": v["message"]}))),
    "wire-plain-error": ("An error is plain text.", _at(400, change=lambda a: with_header(_raw(a, b"Bad request"), "content-type", "text/plain"))),
    "wire-405-no-allow": ("A 405 has no Allow.", _at(405, change=_header("allow", None))),
    "wire-405-allow-more": ("Allow names a method too many.", {"allowed": lambda r, s, m: (*r(m), "DELETE")}),
    "wire-405-is-404": ("A wrong method is a 404.", _at(405, change=lambda a: evolve(a, status=404))),
    "wire-head-404": ("HEAD is a 404.", _each(lambda q, a: evolve(a, status=404) if q.method == "HEAD" and a.status == 200 else a)),
    "wire-head-500": ("HEAD fails the server.", _each(lambda q, a: evolve(a, status=500) if q.method == "HEAD" else a)),
    "wire-slash": ("A slash at the end makes no other path.", {"operation": lambda r, s, q: r(evolve(q, target=q.target.rstrip("/")))}),
    "wire-any-case": ("A path in large letters is the same.", {"operation": lambda r, s, q: r(evolve(q, target=q.target.lower() if q.target.isupper() else q.target))}),
    "wire-override": ("A header makes another method.", {"operation": lambda r, s, q: r(evolve(q, method=q.header("x-http-method-override") or q.method))}),
}  # fmt: skip

_HOOKS: Final = {
    "hook-never": ("Nothing is delivered.", {"deliver": lambda r, s, j, w, b: None}),
    "hook-end-only": ("Only the end is delivered.", {"changes": lambda r, s, j: [("COMPLETED", 1.0)]}),
    "hook-no-end": ("The end is not delivered.", {"changes": lambda r, s, j: [("IN_PROGRESS", 0.4)]}),
    "hook-backwards": ("Deliveries come in reverse order.", {"changes": lambda r, s, j: [("COMPLETED", 1.0), ("IN_PROGRESS", 1.01)]}),
    "hook-twice": ("Each change is delivered twice, with two ids.", {"deliver": lambda r, s, j, w, b: (r(j, w, b), r(j, w, b))}),
    "hook-failed": ("FAILED is delivered of a COMPLETED task.", {"changes": lambda r, s, j: [("IN_PROGRESS", 0.4), ("FAILED", 1.0)]}),
    "hook-one-id": ("All deliveries have one id.", {"signed": lambda r, s, n, t, b: r("msg_1", t, b)}),
    "hook-no-id": ("Deliveries have no id.", _signed(lambda h: {k: v for k, v in h.items() if k != "webhook-id"})),
    "hook-unsigned": ("Deliveries are not signed.", _signed(lambda h: {k: v for k, v in h.items() if k != "webhook-signature"})),
    "hook-hex": ("The signature is in hexadecimal.", _signed(lambda h: {**h, "webhook-signature": "v1," + base64.b64decode(h["webhook-signature"][3:]).hex()})),
    "hook-no-version": ("The signature has no version.", _signed(lambda h: {**h, "webhook-signature": h["webhook-signature"][3:]})),
    "hook-other-secret": ("Deliveries are signed with another secret.", {"signed": lambda r, s, n, t, b: {**r(n, t, b), "webhook-signature": Stranger(("k",), secret="no").signed(n, t, b)["webhook-signature"]}}),
    "hook-body-unsigned": ("The body is not part of what is signed.", {"signed": lambda r, s, n, t, b: r(n, t, b"")}),
    "hook-ms": ("The timestamp is in milliseconds.", {"signed": lambda r, s, n, t, b: r(n, t + "000", b)}),
    "hook-old": ("The timestamp is an hour old.", {"signed": lambda r, s, n, t, b: r(n, str(int(t) - 3600), b)}),
    "hook-date": ("The timestamp is a date.", {"signed": lambda r, s, n, t, b: r(n, "2026-11-28T00:00:00Z", b)}),
    "hook-wrapped": ("A delivery has data around it.", _message(lambda v: {"data": v})),
    "hook-id-field": ("A delivery's id is called id.", _message(lambda v: {"id": v["task_id"], "status": v["status"], "generated": v["generated"]})),
    "hook-other-task": ("A delivery is of another task.", _message(lambda v: {**v, "task_id": _OTHER_ID})),
    "hook-no-result": ("The end is delivered without its result.", _message(lambda v: {**v, "generated": []})),
    "hook-early-result": ("IN_PROGRESS is delivered with a result.", _message(lambda v: {**v, "generated": v["generated"] or ["https://x.test/a.mp4"]})),
    "hook-other-result": ("A delivery has another address than status.", _message(lambda v: {**v, "generated": [u + "&x=1" for u in v["generated"]]})),
    "hook-field-more": ("A delivery has a field more.", _message(lambda v: {**v, "event": "status"})),
    "hook-small-letters": ("A delivery's status is in small letters.", _message(lambda v: {**v, "status": v["status"].lower()})),
    "hook-form": ("A delivery is a form.", {"post": lambda r, s, u, h, b: r(u, {**h, "content-type": "application/x-www-form-urlencoded"}, b)}),
    "hook-no-query": ("The query of a receiver's address is lost.", {"hook": lambda r, s, j: r(j).split("?")[0]}),
    "hook-slash": ("A slash is added to a receiver's address.", {"hook": lambda r, s, j: r(j).replace("?", "/?")}),
    "hook-put": ("A delivery is a PUT.", {"post": lambda r, s, u, h, b: httpx.put(u, headers=h, content=b, trust_env=False)}),
    "hook-get": ("A delivery is a GET.", {"post": lambda r, s, u, h, b: httpx.get(u, headers=h, trust_env=False)}),
    "hook-bom": ("A delivery begins with a byte order mark.", {"message": lambda r, s, j, w: b"\xef\xbb\xbf" + r(j, w)}),
    "hook-shared": ("All tasks tell the last receiver.", {"hook": lambda r, s, j: [x for x in s.jobs.values() if "webhook_url" in x.body][-1].body["webhook_url"]}),
}  # fmt: skip

_LIFE: Final = {
    "life-never-ends": ("Tasks never end.", {"word": lambda r, s, j: "IN_PROGRESS" if r(j) == "COMPLETED" else r(j)}),
    "life-stays-created": ("Tasks stay CREATED.", {"word": lambda r, s, j: "CREATED"}),
    "life-all-fail": ("Every task fails.", {"word": lambda r, s, j: "FAILED" if r(j) == "COMPLETED" else r(j)}),
    "life-skips": ("No task is ever IN_PROGRESS.", {"word": lambda r, s, j: "CREATED" if r(j) == "IN_PROGRESS" else r(j)}),
    "life-back": ("A task goes back to CREATED.", {"word": lambda r, s, j: "CREATED" if r(j) == "IN_PROGRESS" and int(time.monotonic() * 20) % 2 else r(j)}),
    "life-leaves-end": ("A task leaves COMPLETED.", {"word": lambda r, s, j: "IN_PROGRESS" if r(j) == "COMPLETED" and int(time.monotonic() * 50) % 2 else r(j)}),
    "life-fails-later": ("A COMPLETED task is FAILED later.", {"word": lambda r, s, j: "FAILED" if time.monotonic() - j.born > s.seconds * 1.3 else r(j)}),
    "life-forgotten": ("A task is forgotten when it ends.", {"find": lambda r, s, i, o: None if r(i, o) and s.word(r(i, o)) == "COMPLETED" else r(i, o)}),
    "life-not-at-once": ("A new task is not found at first.", {"find": lambda r, s, i, o: None if r(i, o) and s.word(r(i, o)) == "CREATED" else r(i, o)}),
    "life-last-only": ("Only the last task is kept.", {"find": lambda r, s, i, o: r(i, o) if s.jobs and i == list(s.jobs)[-1] else None}),
    "life-other-word": ("A task is PROCESSING.", {"word": lambda r, s, j: "PROCESSING" if r(j) == "IN_PROGRESS" else r(j)}),
    "life-small-letters": ("Status words are in small letters.", _detail(lambda j, d: {**d, "status": d["status"].lower()})),
    "life-done-at-create": ("A task is COMPLETED when it is created.", _created(lambda d: {**d, "status": "COMPLETED"})),
    "life-failed-at-create": ("A task is FAILED when it is created.", _created(lambda d: {**d, "status": "FAILED"})),
    "life-result-at-create": ("A task has a result when it is created.", _created(lambda d: {**d, "generated": ["https://x.test/a.mp4"]})),
    "life-no-id": ("A create gives no id.", _created(lambda d: {"status": d["status"]})),
    "life-other-id": ("A create gives another id than the task has.", _created(lambda d: {**d, "task_id": str(uuid4())})),
    "life-unwrapped": ("A create has no data around it.", {"create": lambda r, s, q, o, b: _json(r(q, o, b), lambda v: v.get("data", v))}),
    "life-error-number": ("A task's error is a number.", _detail(lambda j, d: {**d, "error": 0})),
    "life-refused": ("A valid create is refused.", {"create": lambda r, s, q, o, b: s.error(403, "No") if "duration" in b else r(q, o, b)}),
}  # fmt: skip

LAWFUL: Final = {
    "lawful-plain": ("Nothing is changed.", {}),
    "lawful-wrapped": ("Problem details are wrapped.", {"problem": lambda r, s, n, w: {"problem": r(n, w)}}),
    "lawful-by-field": ("Problem details name a field of the body.", {"problem": lambda r, s, n, w: {"message": "No", "invalid_params": [{"field": f"body.{n}" if n else "body", "reason": w}]}}),
    "lawful-charset": ("JSON has a charset.", _each(lambda q, a: with_header(a, "content-type", (a.header("content-type") or JSON) + "; charset=utf-8") if a.body else a)),
    "lawful-charset-large": ("JSON has a charset in large letters and quotes.", _each(lambda q, a: with_header(a, "content-type", (a.header("content-type") or JSON) + ';charset="UTF-8"') if a.body else a)),
    "lawful-allow": ("Allow has HEAD and OPTIONS.", {"allowed": lambda r, s, m: (*r(m), "HEAD", "OPTIONS")}),
    "lawful-last-five": ("A list shows the last five.", _rows(lambda s, j, rows: rows[:5])),
    "lawful-oldest-first": ("A list is oldest first.", _rows(lambda s, j, rows: rows[::-1])),
    "lawful-images-reachable": ("Images must be reachable.", {"check_images": _reach}),
    "lawful-no-rates": ("No rate limit is told.", {"rate": lambda r, s, *n: {}}),
    "lawful-short-create": ("A create says no results.", _created(lambda d: {k: v for k, v in d.items() if k != "generated"})),
    "lawful-begun": ("A task is IN_PROGRESS when it is created.", {"created": lambda r, s, j: {"task_id": j.id, "status": "IN_PROGRESS"}, "word": lambda r, s, j: "IN_PROGRESS" if r(j) == "CREATED" else r(j)}),
    "lawful-null-error": ("A task has an error of null.", _detail(lambda j, d: {**d, "error": None})),
    "lawful-other-words": ("Errors have other words.", {"error": lambda r, s, n, m: r(n, "Das geht nicht.\n")}),
    "lawful-pretty": ("JSON has line breaks.", _each(lambda q, a: _raw(a, json.dumps(json.loads(a.body), indent=2).encode()) if a.body else a)),
    "lawful-no-length": ("There is no content length.", _each(lambda q, a: with_header(a, "content-length", None))),
    "lawful-large-headers": ("Header names are in large letters.", _each(lambda q, a: evolve(a, headers=tuple((n.upper(), v) for n, v in a.headers)))),
    "lawful-three-at-once": ("Three tasks at once, and a 429 that says when to come back.", {}, {"most_at_once": 3}),
    "lawful-three-without-hint": ("Three tasks at once, and a 429 that says nothing.", {"error": lambda r, s, n, m: with_header(r(n, m), "retry-after", None)}, {"most_at_once": 3}),
    "lawful-options-401": ("OPTIONS asks for a key.", {"preflight": lambda r, s, q, m: r(q, m) if s.owner(q) else s.error(401, "Missing API key")}),
    "lawful-options-405": ("OPTIONS is a 405.", {"preflight": lambda r, s, q, m: with_header(s.error(405, "No"), "allow", ", ".join(m)) if s.owner(q) else s.error(401, "Missing API key")}),
    "lawful-problem-first": ("Problem details come unless JSON is asked for.", {"wants_problem": lambda r, s, accept: r(accept) or ("json" not in accept and "html" not in accept)}),
    "lawful-hook-again": ("A delivery is repeated with its id.", {"post": lambda r, s, u, h, b: (r(u, h, b), r(u, h, b))}),
    "lawful-hook-created": ("CREATED is delivered, too.", {"changes": lambda r, s, j: [("CREATED", 0.0), ("IN_PROGRESS", 0.4), ("COMPLETED", 1.0)]}),
    "lawful-hook-two-versions": ("A delivery has signatures of two secrets.", _signed(lambda h: {**h, "webhook-signature": "v2,YWJj " + h["webhook-signature"]})),
    "lawful-quick": ("A task takes no time.", {"word": lambda r, s, j: "COMPLETED" if time.monotonic() - j.born > 0.02 else "IN_PROGRESS"}),
    "lawful-plain-asset": ("An asset is bytes.", {"asset": lambda r, s, f: with_header(r(f), "content-type", "application/octet-stream")}),
}  # fmt: skip


_TABLES: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "test_lives": (_LIFE, _LISTS, _RESULTS, _HOOKS), "test_keys": (_KEYS,), "test_uploads": (_UPLOADS,),
    "test_tasks": (_IDS, _RATES), "": (_WIRE,), "test_bodies": (_BODIES,), "-": (LAWFUL,),
}  # fmt: skip

VIOLATIONS: Final = tuple(
    Violation("server", name, said, Served(*changes), ("schema/server",), near.strip("-"), lawful=near == "-")
    for near, tables in _TABLES.items()
    for rows in tables
    for name, (said, *changes) in rows.items()
)
