"""Find a key in a text: as it is, in part, masked, encoded or hashed."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Final
from urllib.parse import quote, unquote

from contract_tests.schema.server.exchange import Answer
from contract_tests.support.contract import document

_PART: Final = 8  # characters of a key that are no accident
_LETTERS_AT_MASK: Final = 4


def places(answer: Answer, keys: tuple[str, ...]) -> Iterator[str]:
    """Say which part of an answer shows which form of a key."""
    # A film is not searched for what a text might have.
    is_film = b"\0" in answer.body and not answer.is_json and not answer.media_type.startswith("text/")
    is_searched = not is_film or any(key.encode() in answer.body for key in keys)
    texts = {"the body": answer.text} if is_searched else {}
    texts |= {f"the header {name}": f"{name}: {value}" for name, value in answer.headers}
    if any(shown("\n".join(texts.values()), keys)):
        yield from (f"{place} has {form}" for place, text in texts.items() for form in shown(text, keys))


def shown(text: str, keys: tuple[str, ...]) -> Iterator[str]:
    """Say which form of a key a text shows, at most one for each key."""
    variants = {text}
    if "%" in text or "+" in text:
        variants |= {unquote(text), unquote(text.replace("+", " "))}
    if "\\" in text:
        variants.add(re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text))
    if "&#" in text:
        variants.add(re.sub(r"&#(\d{1,6});", lambda match: chr(int(match[1])), text))
    for key in filter(None, keys):
        found = next((match for variant in variants if (match := _pattern(key).search(variant))), None)
        if found is not None:
            yield _forms(key).get(found[0].lower(), "a part of the key, or the key masked")


def hidden(text: str, keys: tuple[str, ...]) -> str:
    for key in keys:
        text = _pattern(key).sub("(key)", text)
    return text


@cache
def _forms(key: str) -> dict[str, str]:
    """Return the forms of a key in small letters, but its parts, and what each is."""
    raw = key.encode("utf-8", "surrogateescape")
    names = {
        quote(key, safe=""): "the key percent-encoded",
        key: "the key",
        key[::-1]: "the key reversed",
        raw.hex(): "the key in hexadecimal",
        base64.b32encode(raw).decode().rstrip("="): "the key in base32",
        json.dumps(list(raw)): "the key's bytes",
    }
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, raw)
        names[digest.hexdigest()] = f"the key's {name}"
        names[base64.b64encode(digest.digest()).decode().rstrip("=")] = f"the key's {name}"
    for before in range(3):
        # Base64 of the key inside a longer text, whatever comes before and after it.
        start, end = (0, 2, 3)[before], (before + len(raw)) // 3 * 4
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            names[encode(b" " * before + raw).decode()[start:end]] = "the key in base64"
    return {form.lower(): name for form, name in names.items() if form}


@cache
def _pattern(key: str) -> re.Pattern[str]:
    """Return a pattern of all forms of a key: whole, in part, or with a mask beside its ends."""
    length = min(_PART, max(6, len(key) // 2))
    parts = {key[start : start + length] for start in range(len(key) - length + 1)}
    prose = json.dumps(document(), default=str).lower()
    texts = [*_forms(key), *(part for part in parts if not part.isalpha() and part.lower() not in prose)]
    mask, first, last = r"(?:[*•]{2,}|\.{3}|…)", key[:_LETTERS_AT_MASK], key[-_LETTERS_AT_MASK:]
    masks = [mask + re.escape(last), re.escape(first) + mask]
    longest_first = sorted(texts, key=lambda text: -len(text))
    return re.compile("|".join([*map(re.escape, longest_first), *masks]), re.IGNORECASE)
