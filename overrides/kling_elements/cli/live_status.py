"""What the line at the bottom of a terminal says at a moment."""

from __future__ import annotations

from typing import NamedTuple


class Status(NamedTuple):
    """What the line on a terminal shows at a moment.

    Attributes:
        label: What is going on.
        details: The rest, the most important first: a narrow terminal cuts off its end.
        done: How much is done, for a bar; None for no bar.
        total: Of how much.
    """

    label: str
    details: tuple[str, ...] = ()
    done: int | None = None
    total: int | None = None


def clock_face(seconds: float) -> str:
    """Return seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
