"""The one error of these tools: what is wrong, where, and what to do about it, on one line."""

from __future__ import annotations

Keys = tuple[str | int, ...]
"""The way from a document's root to a value: keys of maps and places in lists."""

UNFORESEEN = (AttributeError, LookupError, TypeError, ValueError, RecursionError, ArithmeticError)
"""What a step raises that meets what it does not expect: a number where a list belongs, for example."""

Notes = list[tuple[Keys, str]]
"""What a maintainer should know about places of the document."""


def describe_keys(keys: Keys) -> str:
    """Write a way through a document as people do: ``paths./v1/a.get.tags[0]``."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif any(character in key for character in ".[] "):
            text += f"['{key}']"
        else:
            text += f".{key}" if text else key
    return text or "the whole document"


def brief(text: str, most: int = 160) -> str:
    """Shorten a text in its middle: a message often holds a value of any length."""
    return text if len(text) <= most else f"{text[: most * 3 // 5]}…{text[-most * 2 // 5 :]}"


class SpecError(Exception):
    """Something in the inputs that the tools can't or mustn't use: what is wrong, what to do, and where."""

    def __init__(
        self, message: str, file: str | None = None, line: int | None = None, keys: Keys | None = None
    ) -> None:
        super().__init__(message, file, line, keys)
        self.message, self.file, self.line, self.keys = " ".join(message.split()), file, line, keys

    @property
    def path(self) -> str | None:
        """The place in the document in words, or None."""
        return None if self.keys is None else describe_keys(self.keys)

    def __str__(self) -> str:
        """Give one line: ``FILE:LINE: place: message``."""
        file = self.file if self.line is None else f"{self.file}:{self.line}"
        return " ".join(": ".join(filter(None, (file, self.path, self.message))).splitlines())
