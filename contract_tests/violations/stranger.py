"""Somebody else's server of the document: no mock, no scenarios, and small methods for violations."""

# ruff: noqa: ARG002 - what a violation may want to know

import json
import re
import struct
import threading
import time
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from functools import cache
from typing import Any, Final
from urllib.parse import unquote
from uuid import uuid4

import httpx
from attrs import define, evolve, field
from starlette.requests import Request
from starlette.responses import Response

from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.support import deliveries
from contract_tests.support.answers import box
from contract_tests.support.contract import document, resolve
from contract_tests.support.judge import schema_faults

JSON: Final = "application/json"
KEY_HEADERS: Final = ("x-freepik-api-key", "x-magnific-api-key")
_BASE: Final = "/v1/ai/image-to-video/"
_STATUS: Final = f"{_BASE}kling-elements/"
_MODELS: Final = (f"{_BASE}kling-elements-std", f"{_BASE}kling-elements-pro")
_UPLOADS: Final = "/v1/ai/uploads/request-url"
_PROBLEM: Final = "application/problem+json"


@define(eq=False)
class Job:
    id: str
    model: str
    owner: str
    body: dict[str, Any]
    origin: str
    born: float = field(factory=time.monotonic)


@define(eq=False)
class File:
    content_type: str
    data: bytes | None = None


class RefusedError(Exception):
    """A body is refused: which parameter is at fault, and why."""


@define(eq=False, slots=False)
class Stranger:
    keys: tuple[str, ...]
    secret: str = "stand-in-secret"
    seconds: float = 0.25
    most_at_once: int | None = None
    jobs: dict[str, Job] = field(factory=dict)
    files: dict[str, File] = field(factory=dict)
    counts: dict[str, list[float]] = field(factory=dict)
    fetched: list[str] = field(factory=list)

    # --- the wire

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("?")[0]
        query = scope["query_string"].decode("latin-1")
        headers = tuple(request.headers.items())
        sent = Sent(request.method, f"{target}?{query}" if query else target, headers, await request.body())
        try:
            answer = self.file(sent) if sent.path.startswith("/files/") else self.operation(sent)
        except Exception:  # noqa: BLE001 - as a server does
            answer = self.body(500, {"message": "Internal Server Error"}, JSON)
        response = Response(b"" if sent.method == "HEAD" else answer.body, answer.status)
        response.raw_headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in answer.headers]
        await response(scope, receive, send)

    def operation(self, sent: Sent) -> Answer:
        methods = self.methods(sent.path)
        if sent.method == "OPTIONS" and methods:
            return self.preflight(sent, methods)
        owner = self.owner(sent)
        if owner is None:
            missing = not any(sent.header(name) for name in KEY_HEADERS)
            return self.error(401, "Missing API key" if missing else "Invalid API key")
        if not methods:
            return self.error(404, "Not found")
        if sent.method not in (*methods, *(["HEAD"] if "GET" in methods else ())):
            answer = self.error(405, "Method not allowed")
            return with_header(answer, "allow", ", ".join(self.allowed(methods)))
        if sent.method == "POST":
            return self.post_to(sent, owner)
        show = self.listing if sent.path in _MODELS else self.status
        return self.counted(sent, owner, show(sent, owner))

    def post_to(self, sent: Sent, owner: str) -> Answer:
        try:
            body = self.read(sent)
            self.check(sent.path, body)
        except RefusedError as refused:
            return self.refuse(sent, *refused.args)
        if sent.path == _UPLOADS:
            return self.success({"files": [self.address(sent, f) for f in body["files"]]})
        return self.create(sent, owner, body)

    def methods(self, path: str) -> tuple[str, ...]:
        known = {_UPLOADS: ("POST",), **dict.fromkeys(_MODELS, ("GET", "POST"))}
        if path in known:
            return known[path]
        return ("GET",) if re.fullmatch(re.escape(_STATUS) + "[^/]+", path) else ()

    def allowed(self, methods: tuple[str, ...]) -> tuple[str, ...]:
        return methods

    def preflight(self, sent: Sent, methods: tuple[str, ...]) -> Answer:
        return Answer(204, (("allow", ", ".join(self.allowed(methods))), ("x-request-id", str(uuid4()))))

    def owner(self, sent: Sent) -> str | None:
        return next((key for key in map(sent.header, KEY_HEADERS) if key in self.keys), None)

    # --- answers

    def success(self, value: Any) -> Answer:
        return self.body(200, value, JSON)

    def body(self, status: int, value: Any, media_type: str) -> Answer:
        raw = json.dumps(value, ensure_ascii=False).encode()
        headers = {"content-type": media_type, "content-length": str(len(raw)), "x-request-id": str(uuid4())}
        return Answer(status, tuple(headers.items()), raw)

    def error(self, status: int, message: str) -> Answer:
        return self.body(status, {"message": message}, JSON)

    def refuse(self, sent: Sent, name: str, reason: str) -> Answer:
        if self.wants_problem(sent.header("accept") or "*/*"):
            return self.body(400, self.problem(name, reason), _PROBLEM)
        return self.error(400, f"Parameter '{name}' {reason}" if name else reason)

    def wants_problem(self, accept: str) -> bool:
        wanted: dict[str, float] = {}
        for part in accept.lower().split(","):
            name, *rest = (piece.strip() for piece in part.split(";"))
            quality = next((piece[2:] for piece in rest if piece.startswith("q=")), "1")
            wanted[name] = float(quality) if re.fullmatch(r"[01](\.\d+)?", quality) else 1.0
        return wanted.get(_PROBLEM, 0.0) > wanted.get(JSON, 0.0)

    def problem(self, name: str, reason: str) -> Any:
        message = "Your request parameters didn't validate."
        return {"message": message, "invalid_params": [{"name": name or "body", "reason": reason}]}

    def counted(self, sent: Sent, owner: str, answer: Answer) -> Answer:
        if not answer.is_success:
            return answer
        now = time.monotonic()
        moments = self.counts[owner] = [m for m in self.counts.get(owner, []) if m > now - 60] + [now]
        told = self.rate(1000, 1000 - len(moments), int(moments[0] + 60 - now) + 1)
        rates = ((f"x-ratelimit-{name}", str(value)) for name, value in told.items())
        return evolve(answer, headers=(*answer.headers, *rates))

    def rate(self, limit: int, remaining: int, reset: int) -> dict[str, int]:
        return {"limit": limit, "remaining": remaining, "reset": reset}

    # --- bodies

    def read(self, sent: Sent) -> dict[str, Any]:
        charset = re.search(r"charset=\"?([^\";]*)", (sent.header("content-type") or "").lower())
        if sent.media_type != JSON or (charset and charset[1] != "utf-8"):
            raise RefusedError("", "The content type is not application/json")
        try:
            value = json.loads(sent.body.decode("utf-8"), parse_constant=self.constant)
        except (ValueError, RecursionError):
            raise RefusedError("", "The body is not JSON") from None
        if not isinstance(value, dict):
            raise RefusedError("", "The body is not an object")
        return value

    def constant(self, name: str) -> Any:
        raise ValueError(name)

    def check(self, path: str, body: dict[str, Any]) -> None:
        content = resolve(document()["paths"][path]["post"]["requestBody"])["content"]
        for fault in schema_faults(content[JSON]["schema"], body):
            place = fault.removeprefix("the whole: ").lstrip("'")
            raise RefusedError(re.split(r"\W", place)[0], "is not valid")

    # --- tasks

    def create(self, sent: Sent, owner: str, body: dict[str, Any]) -> Answer:
        busy = [j for j in self.jobs.values() if j.owner == owner and self.word(j) != "COMPLETED"]
        if self.most_at_once is not None and len(busy) >= self.most_at_once:
            answer = self.error(429, "Too many tasks at once. Please slow down.")
            return with_header(answer, "retry-after", "1")
        job = Job(self.new_id(), sent.path, owner, body, self.origin(sent))
        self.jobs[job.id] = job
        if str(body.get("webhook_url")).startswith("http://127.0.0.1:"):
            threading.Thread(target=self.deliver_all, args=(job,), daemon=True).start()
        return self.success({"data": self.created(job)})

    def new_id(self) -> str:
        return str(uuid4())

    def origin(self, sent: Sent) -> str:
        return f"http://{sent.header('host')}"

    def created(self, job: Job) -> dict[str, Any]:
        return {"task_id": job.id, "status": "CREATED", "generated": []}

    def status(self, sent: Sent, owner: str) -> Answer:
        job = self.find(unquote(sent.path.removeprefix(_STATUS)), owner)
        if job is None:
            return self.error(404, "Task not found")
        return self.success({"data": self.detail(job, self.word(job))})

    def find(self, task_id: str, owner: str) -> Job | None:
        job = self.jobs.get(task_id)
        return job if job is not None and job.owner == owner else None

    def word(self, job: Job) -> str:
        age = (time.monotonic() - job.born) / self.seconds
        return "COMPLETED" if age >= 1 else "IN_PROGRESS" if age >= 0.4 else "CREATED"

    def detail(self, job: Job, word: str) -> dict[str, Any]:
        results = self.results(job) if word == "COMPLETED" else []
        return {"task_id": job.id, "status": word, "generated": results}

    def results(self, job: Job) -> list[str]:
        expires = int(time.time() // 1e5 * 1e5 + 2e5)
        return [f"{job.origin}/files/result/{job.id}.mp4?token=exp={expires}~hmac=ab"]

    def listing(self, sent: Sent, owner: str) -> Answer:
        jobs = [j for j in reversed(self.jobs.values()) if j.owner == owner and j.model == sent.path]
        return self.success({"data": self.rows(jobs)}) if jobs else self.error(404, "Tasks not found")

    def rows(self, jobs: list[Job]) -> list[Any]:
        return [{"task_id": job.id, "status": self.word(job)} for job in jobs]

    # --- uploads and results

    def address(self, sent: Sent, wanted: dict[str, Any]) -> dict[str, Any]:
        file_id, origin = str(uuid4()), self.origin(sent)
        self.files[file_id] = File(wanted["content_type"])
        return {
            "file_id": file_id,
            "upload_url": f"{origin}/files/put/{file_id}?signature=ab",
            "headers": {"content-type": wanted["content_type"]},
            "expires_in": 120,
            "asset_url": f"{origin}/files/asset/{file_id}?signature=cd",
            "asset_url_expires_in": 86400,
        }

    def file(self, sent: Sent) -> Answer:
        kind, _, name = sent.path.removeprefix("/files/").partition("/")
        job, file = self.jobs.get(name.removesuffix(".mp4")), self.files.get(name)
        if kind == "result" and job:
            return self.video(job)
        if not file:
            return Answer(404)
        return self.put(sent, file) if kind == "put" else self.asset(file)

    def put(self, sent: Sent, file: File) -> Answer:
        if sent.method != "PUT" or sent.header("content-type") != file.content_type:
            return Answer(403)
        file.data = sent.body
        return Answer(200)

    def asset(self, file: File) -> Answer:
        return Answer(404) if file.data is None else typed(file.content_type, file.data)

    def video(self, job: Job) -> Answer:
        return typed("video/mp4", film(int(job.body.get("duration", "5"))))

    # --- webhooks

    def deliver_all(self, job: Job) -> None:
        for word, share in self.changes(job):
            time.sleep(max(0.0, job.born + share * self.seconds - time.monotonic()) + 0.01)
            self.deliver(job, self.message(job, word))

    def changes(self, job: Job) -> Iterable[tuple[str, float]]:
        return ("IN_PROGRESS", 0.4), ("COMPLETED", 1.0)

    def message(self, job: Job, word: str) -> dict[str, Any]:
        return self.detail(job, word)

    def deliver(self, job: Job, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        headers = self.signed(f"msg_{uuid4().hex}", str(int(time.time())), body)
        self.post(self.hook(job), {"content-type": JSON, **headers}, body)

    def hook(self, job: Job) -> str:
        return str(job.body["webhook_url"])

    def post(self, url: str, headers: dict[str, str], body: bytes, method: str = "POST") -> None:
        with suppress(httpx.HTTPError):
            _client().request(method, url, headers=headers, content=body)

    def signed(self, message_id: str, timestamp: str, body: bytes) -> dict[str, str]:
        return deliveries.headers(body, message_id=message_id, timestamp=timestamp, key=self.secret.encode())


@cache
def _client() -> httpx.Client:
    # Certificates are read once, not for each delivery; no connection is left open at the end.
    return httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def with_header(answer: Answer, name: str, value: str | None) -> Answer:
    """Return an answer with another header; None removes it."""
    kept = tuple(pair for pair in answer.headers if pair[0].lower() != name)
    return evolve(answer, headers=kept if value is None else (*kept, (name, value)))


def typed(media_type: str, body: bytes) -> Answer:
    return Answer(200, (("content-type", media_type),), body)


def film(seconds: float) -> bytes:
    """Return the boxes of a video of a length, with nothing to see in it."""
    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, int(seconds * 1000)), bytes(80))
    picture = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(13))))
    return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", header, picture) + box(b"mdat", bytes(64))
