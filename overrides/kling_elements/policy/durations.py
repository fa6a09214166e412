"""Check the plain arguments that callers pass: seconds, counts, flags, and objects of a class."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING

from kling_elements.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_LEFT = 0.001
"""Seconds before a deadline; less is a rounding error of the clock, and sleeping for it would spin."""


def check_seconds(name: str, value: object, *, above_zero: bool = False) -> float:
    """Return a number of seconds as a float; infinity is allowed.

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


def check_kind(name: str, value: object, kind: type[object]) -> None:
    """Check that a caller's argument is of a class of ours.

    Raises:
        ValidationError: If it is something else.
    """
    if not isinstance(value, kind):
        raise ValidationError([f"{name} must be a {kind.__name__}: got {type(value).__name__}"])


def check_function(name: str, value: object) -> None:
    """Check that a caller's argument can be called.

    Raises:
        ValidationError: If it can't.
    """
    if not callable(value):
        raise ValidationError([f"{name} must be a function: got {type(value).__name__}"])


def check_count(name: str, value: object) -> None:
    """Check that a caller's argument is a whole number of 1 or more.

    Raises:
        ValidationError: If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValidationError([f"{name} must be a whole number, 1 or more: got {value!r}"])


def asynchronous(functions: Mapping[str, object]) -> list[str]:
    """Return a sentence for each function, by its name, that a synchronous client could not await."""
    return [
        f"{name} must not be asynchronous here: use AsyncKlingElements for that"
        for name, function in functions.items()
        if inspect.iscoroutinefunction(function)
    ]


def check_flag(name: str, value: object) -> bool:
    """Return a caller's True or False; None counts as False.

    Anything else is refused rather than taken by its truth: "false" is true, and may cost money.

    Raises:
        ValidationError: If it is something else.
    """
    if not isinstance(value, (bool, type(None))):
        raise ValidationError([f"{name} must be True or False: got {value!r}"])
    return bool(value)
