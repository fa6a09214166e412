"""A seeded violation: one wrong behaviour, put in on purpose, that the suite must find.

No violation names a line of source. Each changes what goes over the wire, replaces a function by its import
path, or edits a copy of the document. One that can't be applied raises, so that a renaming is noticed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Row = tuple[str, str, str, str, Callable[[], None]]

Kind = Literal["server", "client", "document", "webhook", "mock"]


class CannotApplyError(Exception):
    """What a violation changes is no longer there. The message says where to look."""


@frozen
class Violation:
    """One wrong behaviour.

    Attributes:
        kind: Where it is.
        name: Short and unique.
        description: What is wrong, in one line.
        apply: Puts it in; called once the tests are collected, in a process of its own.
        tests: Files or folders below `contract_tests/` that must find it.
        near: The stem of the test file that runs first. It saves time, and changes no verdict.
        needed: Tests that must each fail, by a part of their ids; with none, any failure counts.
        edit: A change of a file of the repository, made in a copy that the tests then run in.
        lawful: Whether it is no violation after all, and the tests must pass.
    """

    kind: Kind
    name: str
    description: str
    apply: Callable[[], None] | None
    tests: tuple[str, ...]
    near: str = ""
    needed: tuple[str, ...] = ()
    edit: tuple[str, str, str] | None = None
    lawful: bool = False

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def table(kind: Kind, rows: Iterable[Row]) -> tuple[Violation, ...]:
    """Return the violations of rows: name, what is wrong, the test that runs first, all tests, the change."""
    return tuple(
        Violation(kind, name, description, apply, tuple(tests.split()), near)
        for name, description, near, tests, apply in rows
    )


def replaced(make: Callable[[Any], Any], *paths: str) -> Callable[[], None]:
    """Return a change that replaces functions, methods or classes: `module:name` or `module:Class.method`.

    `make` takes the real one and returns the wrong one.
    """

    def apply() -> None:
        for path in paths:
            _replace(path, make)

    return apply


def _replace(path: str, make: Callable[[Any], Any]) -> None:
    module_name, _, name = path.partition(":")
    try:
        owner: Any = import_module(module_name)
        *classes, last = name.split(".")
        for part in classes:
            owner = getattr(owner, part)
        real = getattr(owner, last)
    except (ImportError, AttributeError) as error:
        raise CannotApplyError(f"{path}: {error}. Give its row the new import path") from None
    wrong = make(real)
    setattr(owner, last, wrong)
    if not classes:
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(last) is real:
                setattr(module, last, wrong)
