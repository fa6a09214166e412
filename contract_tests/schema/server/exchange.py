"""Requests and answers as plain values, the curl line of one, and what sends them."""

import asyncio
import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from attrs import define, field, frozen

Headers = tuple[tuple[str, str], ...]
SCENARIO_HEADER: Final = "x-mock-scenario"  # in which stand-ins are asked for what they list
_HOP_BY_HOP: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})


class NoAnswerError(Exception):
    """No whole answer came; the message says what came instead."""


class _Message:
    """Headers and a body, read alike in both directions."""

    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return next(iter(self.values(name)), None)

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name.lower()]

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in small letters; empty if there is none."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    @property
    def text(self) -> str:
        """The body, with a mark for what is no UTF-8."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Read JSON by RFC 8259; ValueError for NaN, a name twice, bytes of no UTF-8, half a character."""
        text = self.body.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_name_twice)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value


@frozen
class Sent(_Message):
    """One request; its target is path and query, percent-encoded."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    moment: float = field(default=0.0, eq=False)  # when it came, in Unix seconds, where somebody received it

    @property
    def path(self) -> str:
        return self.target.split("?", 1)[0]

    @property
    def scenarios(self) -> dict[str, str]:
        """What it asks of a stand-in, by name."""
        return dict(re.findall(r"([^,;=\s]+)\s*=?\s*([^,;]*)[^,]*", self.header(SCENARIO_HEADER) or ""))

    def asks_for(self, status: int) -> bool:
        asked = self.scenarios
        is_named = any(re.fullmatch(rf".*-{status}", name) for name in asked)
        return is_named or str(status) in {asked.get("status"), asked.get("flaky")}

    @property
    def forces_an_answer(self) -> bool:
        """Whether its scenario replaces the answer, so that it says nothing about tasks."""
        forcing = r"status|rate|quota|redirect|(html-|empty-|truncated|created-but-).*"
        return any(re.fullmatch(forcing, name) for name in self.scenarios)


@frozen
class Answer(_Message):
    """One answer; its status is 0 if none came."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        """Whether the request was not taken; a redirect may be all that the document has for one that was."""
        return self.status >= 400


@frozen
class Exchange:
    sent: Sent
    answer: Answer


@define
class Backend:
    """Sends requests, one at a time, to an origin or to the application that answers for it."""

    origin: httpx.URL
    client: httpx.AsyncClient
    loop: asyncio.AbstractEventLoop
    offered: frozenset[str] | None = None  # names of scenarios, once they were asked for

    def send(self, sent: Sent) -> Answer:
        """Send one request; a target that is a whole address is called there."""
        # Redirects are followed there. At the origin they are not: the key must not leave it.
        is_address = not sent.target.startswith("/")
        # Blanks around a value mean nothing, and httpx sends none.
        kept = [pair for pair in sent.headers if pair[0].lower() not in _HOP_BY_HOP]
        headers = [(name.encode("ascii"), value.strip(" \t").encode("latin-1")) for name, value in kept]
        try:
            raw = sent.target.encode("latin-1")
            url = httpx.URL(sent.target) if is_address else self.origin.copy_with(raw_path=raw)
            request = httpx.Request(sent.method, url, headers=headers, content=sent.body or None)
            response = self.loop.run_until_complete(self.client.send(request, follow_redirects=is_address))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from None
        return Answer(response.status_code, tuple(response.headers.multi_items()), response.content)


def seconds_until(text: str) -> float:
    """Return the seconds from now that a Retry-After means, in digits or a date; ValueError for others."""
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    return parsedate_to_datetime(text).timestamp() - time.time()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


def curl(sent: Sent, origin: str, keys: tuple[str, ...]) -> str:
    """Write the line that repeats a request, with the name of a variable in place of each key."""

    def quoted(text: str) -> str:
        found = text.replace("'", "'\"'\"'")
        for key, variable in zip(keys, ("CONTRACT_KEY", "CONTRACT_OTHER_KEY"), strict=False):
            found = found.replace(key.replace("'", "'\"'\"'"), f"'\"${variable}\"'")
        return f"'{found}'"

    headers = [f"{name}: {value}" if value else f"{name};" for name, value in sent.headers]
    curls_own = ("accept", "user-agent", *(["content-type"] if sent.body else []))
    headers += [f"{name}:" for name in curls_own if not sent.values(name)]
    method = ["--head"] if sent.method == "HEAD" else ["-X", sent.method]
    line = " ".join(["curl -i -g --path-as-is", *method, quoted(origin + sent.target)])
    line += "".join(f" -H {quoted(header)}" for header in headers)
    if not sent.body:
        return line
    if sent.text.isprintable() and sent.text.encode() == sent.body:
        return f"{line} --data-binary {quoted(sent.text)}"
    octal = "".join(chr(b) if 32 <= b < 127 and b not in b"\\'%" else f"\\{b:03o}" for b in sent.body)
    return f"printf '{octal}' | {line} --data-binary @-"
