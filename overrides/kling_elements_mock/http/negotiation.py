"""Choose a media type by a request's `Accept` (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON = "application/json"


def quality(accept: str, media_type: str) -> float:
    """Return the weight of `media_type`, 0 to 1, by the most specific range; an empty header accepts all."""
    if not accept.strip():
        return 1.0
    kind = media_type.split("/", 1)[0]
    best, wanted = -1, 0.0
    for part in accept.split(","):
        name, *options = (piece.strip().lower() for piece in part.split(";"))
        level = {media_type: 2, f"{kind}/*": 1, "*/*": 0}.get(name, -1)
        if level > best:
            best, wanted = level, _weight(options)
    return wanted


def _weight(options: Sequence[str]) -> float:
    for option in options:
        if option.startswith("q="):
            try:
                weight = float(option[2:])
            except ValueError:
                return 1.0
            return weight if 0 <= weight <= 1 else 1.0
    return 1.0


def choose(accept: str, offered: Sequence[str]) -> str:
    """Choose the media type of most weight; among equals, and if none is accepted, plain JSON."""
    order = sorted(offered, key=lambda name: name != JSON)
    return max(order, key=lambda name: quality(accept, name), default=JSON)
