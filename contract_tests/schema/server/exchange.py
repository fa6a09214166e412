"""Requests and answers as plain values, and the curl line that repeats a request."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any, Final

KEY_VARIABLE: Final = "CONTRACT_KEY"
_CURLS_OWN: Final = ("accept", "user-agent")


def header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    """Give the first value of a header, whatever its case; None if it is absent."""
    return next((value for known, value in headers if known.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request.

    Attributes:
        method: As on the wire.
        target: Path and query, percent-encoded.
        headers: Names and values, in order.
        body: The bytes.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path alone, still percent-encoded."""
        return self.target.split("?", 1)[0]

    def header(self, name: str) -> str | None:
        """Give a header's first value."""
        return header(self.headers, name)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        status: The status code; 0 if no answer came.
        headers: Names and values, in order.
        body: The bytes.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Give a header's first value."""
        return header(self.headers, name)

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for known, value in self.headers if known.lower() == name]

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in small letters; empty if there is none."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the content type is a JSON one."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    def json(self) -> Any:
        """Read the body as JSON by the letter of RFC 8259.

        Raises:
            ValueError: It is no JSON: also for NaN, a name twice in an object, bytes that are no UTF-8, or
                half of a character.
        """
        value = json.loads(
            self.body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_name_twice
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with its answer."""

    sent: Sent
    answer: Answer


def curl(sent: Sent, origin: str, keys: tuple[str, ...]) -> str:
    """Write the line that repeats a request.

    Args:
        sent: The request.
        origin: Where it went.
        keys: Secrets; each is written as `$CONTRACT_KEY` instead.
    """
    words = ["curl", "-i", "-g", "--path-as-is"]
    words += ["--head"] if sent.method == "HEAD" else ["-X", shlex.quote(sent.method)]
    words.append(_quoted(origin + sent.target, keys))
    for name, value in sent.headers:
        words += ["-H", _quoted(f"{name}: {value}" if value else f"{name};", keys)]
    unwanted = [name for name in _CURLS_OWN if sent.header(name) is None]
    if sent.body and sent.header("content-type") is None:
        unwanted.append("content-type")
    for name in unwanted:
        words += ["-H", f"'{name}:'"]
    if not sent.body:
        return " ".join(words)
    try:
        text = sent.body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return " ".join([*words, "--data-binary", _quoted(text, keys)])
    octal = "".join(chr(b) if 32 <= b < 127 and b not in b"\\'%" else f"\\{b:03o}" for b in sent.body)
    return f"printf '{octal}' | " + " ".join([*words, "--data-binary", "@-"])


def _quoted(text: str, keys: tuple[str, ...]) -> str:
    """Quote for a shell, with the name of a variable in place of each secret."""
    for key in filter(None, keys):
        text = text.replace(key, "\0")
    return f'"${KEY_VARIABLE}"'.join(shlex.quote(part) if part else "" for part in text.split("\0")) or "''"
