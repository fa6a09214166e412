"""Strike a key out of texts, in each encoding that a server may echo it in.

Base64 (of the key alone, or after a user's name), hexadecimal, other case, and the escapes of JSON, URLs,
HTML and quoted-printable, several deep. A text is read as it is and again without its escapes, so that the
time grows with its length alone.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_REDACTED = "[API key]"
# A text without any of these has no escapes.
_ASCII_MARKS = ("\\", "%", "&", "=", "\0")
_OTHER_MARKS = "[\u200b-\u200f\u2060\ufeff]"
_IGNORED = "[\\s\0\u200b-\u200f\u2060\ufeff]"  # between the key's characters
_ESCAPES = rf"""(?ix)
          \\+ (?: u([0-9a-f]{{4}}) | u\{{0*([0-9a-f]{{1,4}})\}} | x([0-9a-f]{{2}})
                | ([0-3][0-7]{{2}}) | [nrt] )?
        | % (?:25)* ([0-9a-f]{{2}})
        | & (?:amp;)* \# (?: x0*([0-9a-f]{{1,4}}) | 0*([0-9]{{1,5}}) ) ;?
        | {_IGNORED}+
    """
_BASES = (16, 16, 16, 8, 16, 16, 10)  # of the groups above
_NAMES = {"&quot;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}
_NAMED_CHARS = frozenset(_NAMES.values())
_NAMED = "|".join(_NAMES)
_QUOTED_PRINTABLE = r"(?i)=([0-9a-f]{2})|=\r?\n"
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")

_Span = tuple[int, int]


def redactor(key: str) -> Callable[[str], str]:
    """Return a function that strikes the key out of a text."""
    raw = key.encode(errors="replace")
    any_case = {key.lower(), key.lower().replace("\\", ""), raw.hex(), raw.hex(":"), raw.hex(" ")}
    named = (_NAMED,) if _NAMED_CHARS & set(key) else ()
    exact = {form for shift in range(3) for form in _base64_forms(raw, shift)}

    def redact(text: str) -> str:
        if len(text) < len(key):
            return text
        struck = _spans(text, any_case, exact)
        if _may_have_escapes(text):
            for escapes in (_ESCAPES, _QUOTED_PRINTABLE, *named):
                if found := _spans(re.sub(escapes, _char, text), any_case, exact):
                    places = _places(text, escapes)
                    struck |= {(places[start][0], places[end - 1][1]) for start, end in found}
        return _without(text, struck) if struck else text

    return redact


def _spans(text: str, any_case: set[str], exact: set[str]) -> set[_Span]:
    """Find the key's forms in a text, by plain loops: nearly always there is none."""
    found: set[_Span] = set()
    lowered = _lowered(text)
    for form in any_case:
        if form in lowered:
            found.update(_found(lowered, form))
    for form in exact:
        if form in text:
            found.update(_with_edges(text, *span) for span in _found(text, form))
    return found


def _may_have_escapes(text: str) -> bool:
    for mark in _ASCII_MARKS:
        if mark in text:
            return True
    return not text.isascii() and re.search(_OTHER_MARKS, text) is not None


def _base64_forms(key: bytes, shift: int) -> tuple[str, str]:
    """What is constant of a key in base64, after so many other bytes, in both alphabets."""
    coded = base64.b64encode(bytes(shift) + key).decode()
    whole = coded[-(-shift * 8 // 6) : (shift + len(key)) * 8 // 6]
    return whole, whole.replace("+", "-").replace("/", "_")


def _with_edges(text: str, start: int, end: int) -> _Span:
    """The span of a key in base64, with the characters at both ends, which hold some of its bits too."""
    start -= text[start - 1 : start] in _BASE64
    end += text[end : end + 1] in _BASE64
    padding = re.compile("={0,2}").match(text, end)
    return start, padding.end() if padding else end


def _lowered(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def _found(text: str, form: str) -> list[_Span]:
    found: list[_Span] = []
    start = text.find(form)
    while start >= 0:
        found.append((start, start + len(form)))
        start = text.find(form, start + len(form))
    return found


def _char(match: re.Match[str]) -> str:
    """What an escape stands for; nothing if that is not a character of a key."""
    for digits, base in zip(match.groups(), _BASES, strict=False):
        if digits:
            return re.sub(_IGNORED, "", chr(int(digits, base)))
    return _NAMES.get(match[0], "")


def _places(text: str, escapes: str) -> list[_Span]:
    """Where in a text each character stands of the same text without escapes."""
    places: list[_Span] = []
    done = 0
    for match in re.finditer(escapes, text):
        places += ((place, place + 1) for place in range(done, match.start()))
        places += [match.span()] * len(_char(match))
        done = match.end()
    places += ((place, place + 1) for place in range(done, len(text)))
    return places


def _without(text: str, struck: set[_Span]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(struck):
        if start >= done:
            parts += (text[done:start], _REDACTED)
        done = max(done, end)
    return "".join([*parts, text[done:]])
