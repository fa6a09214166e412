"""Numbers of seconds that callers pass."""

from __future__ import annotations

import math

from kling_elements.errors import ValidationError


def check_seconds(name: str, value: object, *, above_zero: bool = False) -> float:
    """A number of seconds as a float; infinity is allowed.

    Raises:
        ValidationError: If it is no number, or below zero (or zero, with `above_zero`).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValidationError([f"{name} must be a number of seconds: got {value!r}"])
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf if value > 0 else -math.inf
    if math.isnan(seconds) or seconds < 0 or (above_zero and seconds == 0):
        least = "above zero" if above_zero else "zero or more"
        raise ValidationError([f"{name} must be {least} seconds: got {value!r}"])
    return seconds
