"""Show a method's keyword options in its signature, where `help`, completion and `inspect` read it.

The options of a method are one `TypedDict`, which type checkers know as `**options: Unpack[…]` and both
clients share. Unknown names still reach the method, which answers them with a hint.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeVar, get_args, get_type_hints

F = TypeVar("F", bound=Callable[..., Any])


def show_keywords(function: F, defaults: Callable[[], Mapping[str, object]]) -> F:
    """Show each key of a method's `TypedDict` in the place of its `**` argument, and return the method.

    A `**` argument of another type is left out. Nothing is imported for it until someone looks.

    Args:
        function: The method.
        defaults: Returns the default of each option; None where it is not named.
    """
    shown = _LazySignature()
    shown.make = lambda: _expanded(function, defaults())
    function.__signature__ = shown  # type: ignore[attr-defined]
    return function


class _LazySignature(inspect.Signature):
    """A signature that is made when it is first looked at: the base's slots are empty until then."""

    make: Callable[[], inspect.Signature]

    def __init__(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name not in {"_parameters", "_return_annotation"}:
            raise AttributeError(name)
        made = self.make()
        self._parameters = made.parameters
        self._return_annotation = made.return_annotation
        return getattr(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        made: Any = self.make()  # what is copied is a plain one
        reduced: tuple[Any, ...] = made.__reduce__()
        return reduced

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]  # a plain one
        """Return a signature with changes; `inspect` does so for bound methods."""
        return self.make().replace(**changes)


def _expanded(function: Any, defaults: Mapping[str, object]) -> inspect.Signature:
    hints = get_type_hints(function)
    plain = FunctionType(function.__code__, {}, argdefs=function.__defaults__)  # it has no `__signature__`
    plain.__kwdefaults__ = function.__kwdefaults__
    written = inspect.signature(plain)
    parameters = []
    for each in written.parameters.values():
        if each.kind is not each.VAR_KEYWORD:
            parameters.append(each.replace(annotation=hints.get(each.name, each.empty)))
            continue
        for options in get_args(hints[each.name]):  # of Unpack[…]
            parameters += [
                inspect.Parameter(name, each.KEYWORD_ONLY, default=defaults.get(name), annotation=hint)
                for name, hint in get_type_hints(options).items()
            ]
    returned = hints.get("return")
    return written.replace(
        parameters=parameters, return_annotation=None if returned is type(None) else returned
    )
