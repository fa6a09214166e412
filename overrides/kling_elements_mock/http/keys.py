"""Find the API key of a request in the places that the document names, and whose it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from kling_elements_mock.settings import REFUSED_KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kling_elements_mock.document.openapi import KeyPlace
    from kling_elements_mock.document.validation import Carried


class KeyRefusedError(Exception):
    """There is no acceptable key; the message is `missing` or `invalid`, as in the documented examples."""


def owner_of(carried: Carried, places: Sequence[KeyPlace], accepted: tuple[str, ...]) -> str:
    """Return a digest of the request's key, or raise KeyRefusedError.

    Without `places`, the document asks for no key. Without `accepted`, any key is good that does not begin
    with `invalid`.
    """
    if not places:
        return "anybody"
    given = [key for place in places for key in _given(carried, place) if key]
    for key in given:
        if key in accepted or (not accepted and not key.lower().startswith(REFUSED_KEY_PREFIX)):
            return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    raise KeyRefusedError("invalid" if given else "missing")


def _given(carried: Carried, place: KeyPlace) -> Iterator[str]:
    if place.part == "query":
        try:
            values = parse_qs(carried.query, max_num_fields=1000).get(place.name, [""])
        except ValueError:
            return
        yield values[0].strip()
    elif place.part == "cookie":
        yield carried.cookies.get(place.name, "").strip()
    else:
        value = carried.headers.get(place.name, "").strip()
        yield value.removeprefix("Bearer ").strip() if place.name == "authorization" else value
