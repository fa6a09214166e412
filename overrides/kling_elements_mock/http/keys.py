"""Find the API key of a request in the places that the document names, and whose it is."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from kling_elements_mock.settings import REFUSED_KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements_mock.document.openapi import KeyPlace
    from kling_elements_mock.document.validation import Carried


class KeyRefusedError(Exception):
    """There is no acceptable key; the message is `missing` or `invalid`, as in the documented examples."""


def owner_of(carried: Carried, ways: Sequence[Sequence[KeyPlace]], accepted: tuple[str, ...]) -> str:
    """Return a digest of the request's key, or raise KeyRefusedError.

    Each of `ways` is an alternative, whose places must all have a good key; without any, no key is needed.
    Without `accepted`, any key is good that does not begin with `invalid`.
    """
    if not ways:
        return "anybody"
    for way in ways:
        keys = [key for place in way if (key := _given(carried, place))]
        if len(keys) == len(way) and all(_is_good(key, accepted) for key in keys):
            return hashlib.sha256("".join(keys[:1]).encode("utf-8", "surrogateescape")).hexdigest()
    is_given = any(_given(carried, place) for way in ways for place in way)
    raise KeyRefusedError("invalid" if is_given else "missing")


def _is_good(key: str, accepted: tuple[str, ...]) -> bool:
    return key in accepted or (not accepted and not key.lower().startswith(REFUSED_KEY_PREFIX))


def _given(carried: Carried, place: KeyPlace) -> str:
    """Return the key in a place; of basic authentication the user and the password, or the user alone."""
    if place.part == "query":
        try:
            return parse_qs(carried.query, max_num_fields=1000).get(place.name, [""])[0].strip()
        except ValueError:
            return ""
    if place.part == "cookie":
        return carried.cookies.get(place.name, "").strip()
    value = carried.headers.get(place.name, "").strip()
    if place.name == "authorization" and value.startswith("Basic "):
        try:
            return base64.b64decode(value.removeprefix("Basic "), validate=True).decode().removesuffix(":")
        except ValueError:
            return value
    return value.removeprefix("Bearer ").strip() if place.name == "authorization" else value
