r"""Strike a key out of texts, in each encoding that a server may echo it in.

Base64 (of the key alone, or after a user's name), hexadecimal, other case, wrapped lines, and the escapes of
JSON, URLs, HTML and quoted-printable, several deep.

A text is searched without its white space, and again with its escapes read. Where the characters came from is
worked out only if the key is found. `re` and `str` do what grows with the text's length; the steps in Python
grow with the number of *different* escapes, and of keys found.
"""

from __future__ import annotations

import base64
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_REDACTED = "[API key]"
_INVISIBLE = "\0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"  # may stand between the key's characters
# Each alternative begins with a literal, so that `re` quickly passes over a text without those. None can
# begin inside what it repeats, which would take quadratic time.
_ESCAPES = rf"""(?x:
          \\ (?: [uU] [0-9a-fA-F]{{4}} | [uU] \{{ 0* [0-9a-fA-F]{{1,4}} \}}
               | [xX] [0-7][0-9a-fA-F] | [01][0-7]{{2}} | [nrt] )?
        | % (?:25)* [0-7][0-9a-fA-F]
        | & (?:amp;)* (?: \# (?: [xX] 0* [0-9a-fA-F]{{1,4}} | 0* [0-9]{{1,5}} ) ;?
                        | (?: quot | apos | lt | gt ) ; )
        | & (?:amp;)+
        | {"|".join(f"{char}{char}*" for char in _INVISIBLE)} )"""
_ASCII_MARKS = ("\\", "%", "&", "\0")  # a text of ASCII without any of these has none of these escapes
_QUOTED_PRINTABLE = r"=(?:[0-7][0-9a-fA-F]|\r?\n)"
_NAMES = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "": "&"}
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")

_Span = tuple[int, int]
_Place = Callable[[int], _Span]  # from an index of what was read to the place in the text that it came from
# How a key may be written, without white space: in either case of letters, and exactly.
_Forms = tuple[frozenset[str], frozenset[str]]


def redactor(key: str) -> Callable[[str], str]:
    """Return a function that strikes the key out of a text."""
    forms = _forms(key)

    def redact(text: str) -> str:
        if _is_in("".join(text.split()), forms):
            text = _strike(text, text, lambda index: (index, index + 1), forms)
            if _is_in("".join(text.split()), forms):
                text = _strike(text, *_without_spaces([text], [text]), forms)
        if "=" in text:
            text = _redact_escaped(text, _QUOTED_PRINTABLE, forms)
        return _redact_escaped(text, _ESCAPES, forms) if _may_have_escapes(text) else text

    return redact


def _forms(key: str) -> _Forms:
    raw = key.encode(errors="replace")
    spellings = [key, key.replace("\\", ""), key.replace(" ", "+")]
    if _may_have_escapes(key):
        spellings.append("".join(_read(key, _ESCAPES)[1]))
    any_case = {"".join(each.split()).lower() for each in spellings} - {""} | {raw.hex(), raw.hex(":")}
    exact = {form for shift in range(3) for form in _base64_forms(raw, shift)}
    return frozenset(any_case), frozenset(exact)


def _is_in(bare: str, forms: _Forms) -> bool:
    """Search a text without white space, by plain loops: nearly always the key is not there."""
    any_case, exact = forms
    lowered = bare.lower()
    for form in any_case:
        if form in lowered:
            return True
    for form in exact:  # noqa: SIM110 - it is on the way of every look
        if form in bare:
            return True
    return False


def _redact_escaped(text: str, escapes: str, forms: _Forms) -> str:
    parts, read = _read(text, escapes)
    is_found = len(parts) > 1 and _is_in("".join("".join(read).split()), forms)
    return _strike(text, *_without_spaces(parts, read), forms) if is_found else text


def _strike(text: str, bare: str, place: _Place, forms: _Forms) -> str:
    """Strike the key out of a text, by what was read of it."""
    any_case, exact = forms
    lowered = bare.replace("İ", "i").lower()  # no other character's lower case has another length
    found = [span for form in any_case for span in _found(lowered, form)]
    found += [_with_edges(bare, place, *span) for form in exact for span in _found(bare, form)]
    return _without(text, sorted((place(start)[0], place(end - 1)[1]) for start, end in found))


def _may_have_escapes(text: str) -> bool:
    for mark in _ASCII_MARKS:
        if mark in text:
            return True
    return not text.isascii() and any(mark in text for mark in _INVISIBLE)


def _base64_forms(key: bytes, shift: int) -> tuple[str, str]:
    """What is constant of a key in base64, after so many other bytes, in both alphabets."""
    coded = base64.b64encode(bytes(shift) + key).decode()
    whole = coded[-(-shift * 8 // 6) : (shift + len(key)) * 8 // 6]
    return whole, whole.replace("+", "-").replace("/", "_")


def _read(text: str, escapes: str) -> tuple[list[str], list[str]]:
    """Return a text in parts, each second one an escape; and the parts with what those stand for."""
    parts = re.split(f"({escapes})", text)
    chars = {escape: _char(escape) for escape in set(parts[1::2])}
    read = parts.copy()
    read[1::2] = map(chars.__getitem__, parts[1::2])
    return parts, read


def _char(escape: str) -> str:
    """Return the character that an escape stands for; nothing for what may stand between the key's."""
    if escape[-1].isspace() or escape[0] in _INVISIBLE:
        return ""
    if escape[0] == "&":
        name = escape.replace("amp;", "").strip("&;").lower()
        if not name.startswith("#"):
            return _NAMES[name]
        digits, base = (name[2:], 16) if name[1] == "x" else (name[1:], 10)
    elif escape[0] == "\\":
        digits, base = escape.strip("\\uUxX{}nrt"), 8 if escape[1:2].isdigit() else 16
    else:
        digits, base = escape[-2:], 16
    char = chr(int(digits.lstrip("0") or "0", base))
    return "" if char.isspace() or char in f"\\{_INVISIBLE}" else char


def _without_spaces(parts: list[str], read: list[str]) -> tuple[str, _Place]:
    """Return what was read, without white space, and where its characters came from."""
    words = re.split(r"(\s+)", "".join(read))
    kept = words.copy()
    kept[1::2] = [""] * (len(words) // 2)
    spaced, escaped = _places(words, kept), _places(parts, read)
    return "".join(kept), lambda index: escaped(spaced(index)[0])


def _places(parts: list[str], read: list[str]) -> _Place:
    starts = array("L", accumulate(map(len, parts), initial=0))
    read_starts = array("L", accumulate(map(len, read), initial=0))

    def place(index: int) -> _Span:
        part = bisect_right(read_starts, index) - 1
        if part % 2:
            return starts[part], starts[part + 1]
        start = starts[part] + index - read_starts[part]
        return start, start + 1

    return place


def _found(text: str, form: str) -> Iterator[_Span]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + len(form))


def _with_edges(bare: str, place: _Place, start: int, end: int) -> _Span:
    """The span of a key in base64, with the characters at both ends, which hold some of its bits too."""
    if bare[start - 1 : start] in _BASE64 and place(start - 1)[1] == place(start)[0]:
        start -= 1
    for chars in (_BASE64, "=", "="):
        if end < len(bare) and bare[end] in chars and place(end - 1)[1] == place(end)[0]:
            end += 1
    return start, end


def _without(text: str, struck: list[_Span]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in struck:
        if start >= done:
            parts += (text[done:start], _REDACTED)
        done = max(done, end)
    return "".join([*parts, text[done:]])
