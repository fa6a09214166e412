"""A generated mutant: one small change of one function, and how it is put in."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contract_tests.mutants.mutant import StaleMutantError, codes, function_at

if TYPE_CHECKING:
    from types import FunctionType

_LONGEST: Final = 160


@dataclass(frozen=True, slots=True)
class Source:
    """A module's source.

    Attributes:
        module: Its dotted name.
        path: Its file.
        text: What stands there.
    """

    module: str
    path: Path
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        source: The module that it changes.
        function: The qualified name of the function, or of the outermost one of several.
        function_lines: The first line of that one, with its decorators, and the last.
        lines: The first and the last line of the statement that is changed: who runs one of them sees it.
        start: Where in the source the change begins, in characters.
        end: Where it ends.
        new: What stands there instead.
    """

    source: Source
    function: str
    function_lines: tuple[int, int]
    lines: tuple[int, int]
    start: int
    end: int
    new: str

    @property
    def where(self) -> str:
        """The function, as `module:function`."""
        return f"{self.source.module}:{self.function}"

    @property
    def text(self) -> str:
        """The module's source with the change."""
        return self.source.text[: self.start] + self.new + self.source.text[self.end :]

    @property
    def difference(self) -> tuple[str, str]:
        """The changed lines before and after, each as one line, without what is the same."""
        first, last = self.lines
        old = self.source.text.splitlines()
        longer = self.text.count("\n") - self.source.text.count("\n")
        before = [line.strip() for line in old[first - 1 : last]]
        after = [line.strip() for line in self.text.splitlines()[first - 1 : last + longer]]
        while before and after and before[0] == after[0]:
            del before[0], after[0]
        while before and after and before[-1] == after[-1]:
            del before[-1], after[-1]
        return " ".join(before)[:_LONGEST], " ".join(after)[:_LONGEST]

    @property
    def key(self) -> str:
        """What it is told by between runs: its function's source, and the change in it."""
        first, last = self.function_lines
        lines = self.source.text.splitlines(keepends=True)
        offset = sum(map(len, lines[: first - 1]))
        words = (
            self.where,
            *lines[first - 1 : last],
            str(self.start - offset),
            str(self.end - offset),
            self.new,
        )
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]

    def apply(self) -> None:
        """Give the function its new code and defaults; it keeps its identity, so all who have it get them.

        Raises:
            StaleMutantError: It can't be changed in place.
        """
        function = function_at(self.where)
        if (Path(function.__code__.co_filename), function.__code__.co_firstlineno) != (
            self.source.path,
            self.function_lines[0],
        ):
            raise StaleMutantError(f"{self.where} is not what its name leads to")
        try:
            tree = ast.parse(self.text)
            compiled = compile(tree, str(self.source.path), "exec", dont_inherit=True)
        except SyntaxError as error:
            raise StaleMutantError(f"{self.where}: {error}") from None
        code = next((code for code in codes(compiled) if _is(code, function.__code__)), None)
        if code is None or code.co_freevars != function.__code__.co_freevars:
            raise StaleMutantError(f"{self.where} can't be changed in place")
        _set_defaults(function, tree)
        function.__code__ = code


def _is(code: Any, known: Any) -> bool:
    return (code.co_qualname, code.co_firstlineno) == (known.co_qualname, known.co_firstlineno)


def _set_defaults(function: FunctionType, tree: ast.Module) -> None:
    """Take over the defaults that are constants; only those are ever changed."""
    line = function.__code__.co_firstlineno
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name != function.__name__:
            continue
        if min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) == line:
            old = function.__defaults__ or ()
            function.__defaults__ = (
                tuple(_constant(new, value) for new, value in zip(node.args.defaults, old, strict=True))
                or None
            )
            named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            values = function.__kwdefaults__ or {}
            function.__kwdefaults__ = {
                name.arg: _constant(new, values[name.arg]) for name, new in named if new is not None
            } or None


def _constant(node: ast.expr, otherwise: Any) -> Any:
    return node.value if isinstance(node, ast.Constant) else otherwise
