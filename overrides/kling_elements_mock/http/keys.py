"""Decides whose request it is, from the places where the document says a key may stand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from kling_elements_mock.settings import REFUSED_KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kling_elements_mock.document.openapi import KeyPlace
    from kling_elements_mock.document.validation import Carried


@dataclass(frozen=True, slots=True)
class Owner:
    """Who calls: a digest of the key, never the key."""

    digest: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """Nobody known. `hint` is `missing` or `invalid`: it chooses the documented answer."""

    hint: str


def identify(carried: Carried, places: Iterable[KeyPlace], accepted: tuple[str, ...]) -> Owner | Stranger:
    """Find the request's key.

    Args:
        carried: What the request carries.
        places: Where a key may stand; none means that the document asks for no key.
        accepted: The keys that are good; none means any that does not begin with `invalid`.
    """
    known = list(places)
    if not known:
        return Owner("anybody")
    given = [key for key in _given(carried, known) if key]
    for key in given:
        if key in accepted or (not accepted and not key.lower().startswith(REFUSED_KEY_PREFIX)):
            return Owner(hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest())
    return Stranger("invalid" if given else "missing")


def _given(carried: Carried, places: Iterable[KeyPlace]) -> Iterator[str]:
    for place in places:
        if place.part == "query":
            try:
                values = parse_qs(carried.query, max_num_fields=1000).get(place.name, [""])
            except ValueError:
                values = [""]
            yield values[0].strip()
        elif place.part == "cookie":
            yield carried.cookies.get(place.name, "").strip()
        else:
            value = carried.headers.get(place.name, "").strip()
            yield value.removeprefix("Bearer ").strip() if place.name == "authorization" else value
