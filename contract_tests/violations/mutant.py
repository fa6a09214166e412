"""A mutant: one fault, put in on purpose, that the suite must find."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["server", "client", "document", "webhook"]


class StaleMutantError(Exception):
    """What a mutant changes is no longer there; the message says where to look."""


class Change(Protocol):
    """One change of the program, made in a process of its own and never taken back."""

    def apply(self) -> None:
        """Make it."""
        ...

    def check(self) -> None:
        """Raise `StaleMutantError` if it can't be made."""
        ...


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault.

    Attributes:
        kind: Where it is.
        name: Short, unique.
        description: What is wrong, in one line.
        changes: How it is made.
        tests: The suite that must find it: files or folders below `contract_tests/`.
        near: Tests whose id has this in it run first. Saves time, changes no verdict.
        says: What the text of a failure must have in it; anything will do if it is empty.
        needed: Tests that must each fail, by a part of their ids; any will do if there are none.
    """

    kind: Kind
    name: str
    description: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]
    near: str = ""
    says: str = ""
    needed: tuple[str, ...] = ()

    def apply(self) -> None:
        """Put the fault in."""
        for change in self.changes:
            change.apply()


@dataclass(frozen=True, slots=True)
class Edit:
    """Another text in one function.

    The function keeps its identity, so whoever imported it by name gets the fault as well.

    Attributes:
        where: `module:function` or `module:Class.method`.
        old: Text that its source has exactly once.
        new: What stands there instead.
        more: Further texts of the same function, with what stands there instead.
    """

    where: str
    old: str
    new: str
    more: tuple[tuple[str, str], ...] = ()

    def check(self) -> None:
        """Raise `StaleMutantError` if the text is not there, or if the new text is no Python."""
        self._code(function_at(self.where))

    def apply(self) -> None:
        """Give the function its new code."""
        function = function_at(self.where)
        function.__code__ = self._code(function)

    def _code(self, function: FunctionType) -> CodeType:
        path = inspect.getsourcefile(function)
        if path is None:
            raise StaleMutantError(f"{self.where} has no source")
        lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
        start = function.__code__.co_firstlineno - 1
        end = start + len(inspect.getblock(lines[start:]))
        source = "".join(lines[start:end])
        for old, new in ((self.old, self.new), *self.more):
            if source.count(old) != 1:
                raise StaleMutantError(f"{self.where} has {source.count(old)} times {old!r}, not once")
            source = source.replace(old, new)
        whole = "".join(lines[:start]) + source + "".join(lines[end:])
        try:
            compiled = compile(whole, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise StaleMutantError(f"{self.where}: {error}") from None
        code = next((c for c in codes(compiled) if c.co_qualname == function.__qualname__), None)
        if code is None or code.co_freevars != function.__code__.co_freevars:
            raise StaleMutantError(f"{self.where} can't be changed in place")
        return code


@dataclass(frozen=True, slots=True)
class Value:
    """Another value for a module's name.

    Attributes:
        where: `module:NAME`.
        value: The value.
    """

    where: str
    value: Any = field(repr=False)

    def check(self) -> None:
        """Raise `StaleMutantError` if the module has no such name."""
        module, _, name = self.where.partition(":")
        try:
            getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise StaleMutantError(f"{self.where}: {error}") from None

    def apply(self) -> None:
        """Set it, in every module that has imported the old value by this name."""
        module, _, name = self.where.partition(":")
        old = getattr(import_module(module), name)
        for known in list(sys.modules.values()):
            if getattr(known, "__dict__", {}).get(name) is old:
                setattr(known, name, self.value)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the faults of one table are, and what must find them.

    Attributes:
        kind: The kind of its mutants.
        package: The package that its edits change.
        tests: The suite that must find them: files or folders below `contract_tests/`.
    """

    kind: Kind
    package: str
    tests: tuple[str, ...]

    def mutant(self, name: str, description: str, *changes: Change, near: str = "") -> Mutant:
        """Make one of its mutants."""
        return Mutant(self.kind, name, description, changes, self.tests, near)

    def edit(self, where: str, old: str, new: str, *more: tuple[str, str]) -> Edit:
        """Make an edit; `where` is below the package."""
        return Edit(f"{self.package}.{where}", old, new, more)


def function_at(where: str) -> FunctionType:
    """Find a function, below its decorators.

    Args:
        where: `module:function` or `module:Class.method`.

    Raises:
        StaleMutantError: There is none.
    """
    module, _, path = where.partition(":")
    try:
        found: Any = import_module(module)
        for name in path.split("."):
            found = inspect.getattr_static(found, name)
    except (ImportError, AttributeError) as error:
        raise StaleMutantError(f"{where}: {error}") from None
    found = getattr(found, "fget", None) or getattr(found, "__func__", found)
    function = inspect.unwrap(found)
    if not isinstance(function, FunctionType):
        raise StaleMutantError(f"{where} is no function")
    return function


def codes(code: CodeType) -> Iterator[CodeType]:
    """Give all code that a module's code has in it, at any depth."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)
