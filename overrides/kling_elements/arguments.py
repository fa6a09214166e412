"""Check the plain arguments that callers pass: seconds, counts, flags, paths, and objects of a class."""

from __future__ import annotations

import inspect
import math
import os
from typing import TYPE_CHECKING, Any

from kling_elements.errors import ValidationError
from kling_elements.files import absolute
from kling_elements.printable import shown_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def check_seconds(name: str, value: object, *, above_zero: bool = False) -> float:
    """Return a number of seconds as a float; infinity is allowed.

    Raises:
        ValidationError: If it is no number, or below zero (or zero, with `above_zero`).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValidationError([f"{name} must be a number of seconds: got {shown_value(value)}"])
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf if value > 0 else -math.inf
    if math.isnan(seconds) or seconds < 0 or (above_zero and seconds == 0):
        least = "above zero" if above_zero else "zero or more"
        raise ValidationError([f"{name} must be {least} seconds: got {shown_value(value)}"])
    return seconds


def check_path(name: str, value: Any) -> Path:
    """Return a caller's path as an absolute one, without `..`, links left as they are.

    An empty one, of a variable that was not set, say, is refused: it would mean the current folder.

    Raises:
        ValidationError: If it is no path, or is relative to a current folder that was deleted.
    """
    try:
        text = os.fspath(value)
    except Exception:  # noqa: BLE001 - the value's own method may raise anything
        text = None
    if not isinstance(text, str) or not text.strip():
        got = shown_value(text) if isinstance(text, str) else f"a value of type {type(value).__name__}"
        raise ValidationError([f"{name} must be a path: got {got}"])
    try:
        return absolute(text)
    except OSError:
        gone = (
            f"{name} {shown_value(text)} is relative, and the current folder is gone: give an absolute path"
        )
        raise ValidationError([gone]) from None


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
        raise ValidationError([f"{name} must be a whole number, 1 or more: got {shown_value(value)}"])


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
        raise ValidationError([f"{name} must be True or False: got {shown_value(value)}"])
    return bool(value)
