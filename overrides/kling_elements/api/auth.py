"""The API key, which shows itself to nobody, and the settings that a client's requests have in common."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable


_ESCAPABLE, _BACKSLASH = '"/\\', r"\\?"  # what JSON may write with a backslash before it
_REDACTED = "[API key]"
_WIDE_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_MIN_REDACTED = 8  # characters; a shorter key would be found in ordinary words


class ApiKey:
    """A key that shows itself to nobody: not in a repr, not in a format, not in a pickle."""

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        # In a closure, so that no tool that walks attributes prints it.
        self._reveal: Callable[[], str] = lambda: value

    def __repr__(self) -> str:
        return "ApiKey('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled: make a client where it is needed")

    def reveal(self) -> str:
        """The key itself, for the one header that carries it."""
        return self._reveal()

    def redact(self, text: str) -> str:
        """Strike out every occurrence of the key, should a server echo it, in JSON or not."""
        key = self._reveal()
        if len(key) < _MIN_REDACTED:
            return text
        text = text.replace(key, _REDACTED)
        return re.sub(_spelled(key), _REDACTED, text) if "\\" in text else text

    def redact_body(self, body: bytes) -> bytes:
        """Strike the key out of a body, in any encoding that JSON may have."""
        key = self._reveal()
        if len(key) < _MIN_REDACTED:
            return body
        body = self.redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        for encoding in _WIDE_ENCODINGS:
            body = body.replace(key.encode(encoding), _REDACTED.encode(encoding))
        if (encoding := json.detect_encoding(body)) in _WIDE_ENCODINGS:  # the key may be in JSON's escapes
            text = body.decode(encoding, "replace")
            if (shown := self.redact(text)) != text:
                return shown.encode()
        return body


@frozen
class GivenKey:
    """What a caller gave as the key, hidden from tracebacks that show variables."""

    value: object = field(repr=False)


@frozen
class Settings:
    """What the requests of one client have in common.

    Attributes:
        base_url: The origin, with a path prefix if there is one, without a trailing slash.
        key_header: The name of the header that carries the key.
        key: The key.
        timeout: Seconds that one request may take.
    """

    base_url: str
    key_header: str
    key: ApiKey
    timeout: float


def _spelled(key: str) -> str:
    """A pattern for a key as it is, and as JSON may write it: some services escape slashes, or more."""
    return "".join(
        rf"(?:{_BACKSLASH if char in _ESCAPABLE else ''}{re.escape(char)}|\\u(?i:{ord(char):04x}))"
        for char in key
    )
