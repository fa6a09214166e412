"""The API key, which shows itself to nobody, and the settings that a client's requests have in common."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from kling_elements.api.key_redaction import redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MIN_REDACTED = 8  # characters; a shorter key would be found in ordinary words


class ApiKey:
    """A key that shows itself to nobody: not in a repr, not in a format, not in a pickle."""

    __slots__ = ("_redact", "_reveal")

    def __init__(self, value: str) -> None:
        # In a closure, so that no tool that walks attributes prints it.
        self._reveal: Callable[[], str] = lambda: value
        self._redact = redactor(value) if len(value) >= _MIN_REDACTED else str

    def __repr__(self) -> str:
        return "ApiKey('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled: make a client where it is needed")

    def reveal(self) -> str:
        """The key itself, for the one header that carries it."""
        return self._reveal()

    def redact(self, text: str) -> str:
        """Strike out the key, in whatever encoding a server may echo it; see `key_redaction`."""
        return self._redact(text)

    def redact_body(self, body: bytes) -> bytes:
        """Strike the key out of a body. One in UTF-16 or UTF-32 that has it becomes UTF-8."""
        if b"\0" in body or not body.isascii():
            wide = json.detect_encoding(body)
            if not wide.startswith("utf-8"):
                text = body.decode(wide, "replace")
                if (shown := self._redact(text)) != text:
                    return shown.encode()
        text = body.decode("utf-8", "surrogateescape")
        shown = self._redact(text)
        return body if shown is text else shown.encode("utf-8", "surrogateescape")


class GivenKey:
    """What a caller gave as the key, hidden from tracebacks that show variables."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class Settings(NamedTuple):
    """What the requests of one client have in common.

    Attributes:
        base_url: The origin, with a path prefix if there is one, without a trailing slash.
        key_header: The name of the header that carries the key, or of the parameter.
        key: The key.
        timeout: Seconds that one request may take.
        key_in: "header", "query" or "cookie"; "nowhere" for operations that ask for no key.
        key_prefix: What stands before the key, such as "Bearer ".
        connect_timeout: Seconds that its connection may take, if that has a limit of its own.
        headers: The caller's own headers, which may hold secrets.
    """

    base_url: str
    key_header: str
    key: ApiKey
    timeout: float
    connect_timeout: float | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    key_in: str = "header"
    key_prefix: str = ""

    def __repr__(self) -> str:
        return f"Settings({self.base_url!r}, {self.key_header!r}, {self.key!r}, {self.timeout!r})"
