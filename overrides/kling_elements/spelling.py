"""Suggest the word that was meant: a different spelling, or a typo."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def did_you_mean(given: object, known: Iterable[object], shown: Callable[[str], str] = repr) -> str:
    """Return a suggestion for the end of a sentence; empty if no known word is near, or several are.

    Args:
        given: What was given.
        known: The words that would do.
        shown: How the suggestion is written.
    """
    if not isinstance(given, str):
        return ""
    texts = [word for word in known if isinstance(word, str)]
    words = _words(given)
    near = [text for text in texts if words and _words(text) == words]
    near = near or [text for text in texts if words and _words(text)[-len(words) :] == words]
    if not near and re.search(r"[a-z]", given.lower()):  # digits alone are no typo
        import difflib

        near = difflib.get_close_matches(given.strip().lower(), texts, n=1)
    return f" (did you mean {shown(near[0])}?)" if len(near) == 1 else ""


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower())
