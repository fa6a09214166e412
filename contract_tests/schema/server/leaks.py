"""Find a key in a text: as it is, in part, masked, encoded or hashed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from contract_tests.support.contract import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.schema.server.exchange import Answer

_PART: Final = 8  # characters of a key that are no accident
_LETTERS_AT_MASK: Final = 4


def places(answer: Answer, keys: tuple[str, ...]) -> Iterator[str]:
    """Say which part of an answer shows which form of a key."""
    texts = [("the body", answer.text)]
    texts += [(f"the header {name}", f"{name}: {value}") for name, value in answer.headers]
    for place, text in texts:
        for form in shown(text, keys):
            yield f"{place} has {form}"


def shown(text: str, keys: tuple[str, ...]) -> Iterator[str]:
    """Say which form of a key a text shows, at most one for each key."""
    if not text:
        return
    variants = {text, unquote(text), unquote(text.replace("+", " "))}
    if "\\" in text:
        variants.add(re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text))
    if "&#" in text:
        variants.add(re.sub(r"&#(\d{1,6});", lambda match: chr(int(match[1])), text))
    for key in filter(None, keys):
        pattern, names = _forms(key)
        found = next((match for variant in variants if (match := pattern.search(variant))), None)
        if found is not None:
            yield names.get(found[0].lower(), "a part of the key, or the key masked")


@cache
def _forms(key: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of all forms of a key, and the names of those that are not parts."""
    raw = key.encode("utf-8", "surrogateescape")
    names = {
        quote(key, safe=""): "the key percent-encoded",
        key: "the key",
        key[::-1]: "the key reversed",
        raw.hex(): "the key in hexadecimal",
        base64.b32encode(raw).decode().rstrip("="): "the key in base32",
        json.dumps(list(raw)): "the key's bytes",
        **{hashlib.new(name, raw).hexdigest(): f"the key's {name}" for name in ("md5", "sha1", "sha256")},
        **{
            base64.b64encode(hashlib.new(name, raw).digest()).decode().rstrip("="): f"the key's {name}"
            for name in ("md5", "sha1", "sha256")
        },
    }
    for before in range(3):
        # Base64 of the key inside a longer text, whatever comes before and after it.
        start, end = (0, 2, 3)[before], (before + len(raw)) // 3 * 4
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            names[encode(b" " * before + raw).decode()[start:end]] = "the key in base64"
    masks = [
        rf"(?:[*•]{{2,}}|\.{{3}}|…){re.escape(key[-_LETTERS_AT_MASK:])}",
        rf"{re.escape(key[:_LETTERS_AT_MASK])}(?:[*•]{{2,}}|\.{{3}}|…)",
    ]
    pattern = "|".join([*(re.escape(form) for form in names if form), *map(re.escape, _parts(key)), *masks])
    return re.compile(pattern, re.IGNORECASE), {form.lower(): name for form, name in names.items()}


def _parts(key: str) -> Iterator[str]:
    """Give the parts of a key that are long enough, and that the document's own text does not have."""
    length = min(_PART, max(6, len(key) // 2))
    for start in range(len(key) - length + 1):
        part = key[start : start + length]
        if not part.isalpha() and part.lower() not in _prose():
            yield part


@cache
def _prose() -> str:
    return json.dumps(document(), default=str).lower()
