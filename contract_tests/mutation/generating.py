"""Makes the mutants of a module: mutmut's operators, applied to every function of it.

mutmut itself leaves decorated functions out, since it has to copy them. Here a function gets new code and
keeps its identity, so that properties, context managers and cached functions are mutated like any other.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

from contract_tests.mutation.mutant import Mutant, Source
from contract_tests.mutation.noise import Rule, noise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from libcst.metadata import CodeRange

_UNTOUCHED_CALLS: Final = {"len", "isinstance"}  # as mutmut has it: what is left is an error of types
_PLAIN_DEFAULTS: Final = (cst.Name, cst.BaseNumber, cst.BaseString)


@dataclass(frozen=True, slots=True)
class Generated:
    """What mutants a module has.

    Attributes:
        mutants: In the order of the source.
        left_out: How many were left out, by the rule.
    """

    mutants: tuple[Mutant, ...]
    left_out: Counter[Rule]


def read_sources(folder: Path) -> list[Source]:
    """Read all modules of a package.

    Args:
        folder: The package's; its name is the package's.
    """
    found: list[Source] = []
    for path in sorted(folder.rglob("*.py")):
        names = path.relative_to(folder.parent).with_suffix("").parts
        module = ".".join(names[:-1] if names[-1] == "__init__" else names)
        found.append(Source(module, path, path.read_text(encoding="utf-8")))
    return found


def generate(source: Source) -> Generated:
    """Make all mutants of a module."""
    visitor = _Visitor(source)
    MetadataWrapper(cst.parse_module(source.text), unsafe_skip_copy=True).visit(visitor)
    # Without the first or the second of two equal arguments, a call is the same.
    unique = {(mutant.start, mutant.end, mutant.new): mutant for mutant in visitor.mutants}
    return Generated(tuple(unique.values()), visitor.left_out)


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    lines: tuple[int, int]
    is_nested: bool


@dataclass(eq=False)
class _Visitor(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider, WhitespaceInclusivePositionProvider)

    source: Source
    mutants: list[Mutant] = field(default_factory=list)
    left_out: Counter[Rule] = field(default_factory=Counter)
    _around: list[cst.CSTNode] = field(default_factory=list)
    _functions: list[_Function] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        lines = self.source.text.splitlines(keepends=True)
        self._offsets = [0, *itertools.accumulate(map(len, lines))]

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef):
            self._functions.append(self._function(node))
        self._around.append(node)
        is_open = not _is_closed(node)
        if is_open and self._functions:
            self._mutate(node)
        return is_open

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef):
            self._functions.pop()
        self._around.pop()

    def _function(self, node: cst.FunctionDef) -> _Function:
        names = [outer.name.value for outer in self._around if isinstance(outer, cst.ClassDef)]
        first = self._lines(node.decorators[0] if node.decorators else node)[0]
        return _Function(
            ".".join([*names, node.name.value]), (first, self._lines(node)[1]), bool(self._functions)
        )

    def _mutate(self, node: cst.CSTNode) -> None:
        around = self._around[-2::-1]
        for kind, operator in mutation_operators:
            if not isinstance(node, kind):
                continue
            for mutated in operator(node):
                if rule := noise(node, mutated, around):
                    self.left_out[rule] += 1
                else:
                    self.mutants.append(self._mutant(node, mutated))

    def _mutant(self, node: cst.CSTNode, mutated: cst.CSTNode) -> Mutant:
        outermost = next(function for function in self._functions if not function.is_nested)
        if isinstance(node, cst.Match) and isinstance(mutated, cst.Match):
            # A case less. Compound statements would lose their indent if they were written out.
            gone = next(case for case in node.cases if case not in mutated.cases)
            first, last = self._lines(gone)
            start, end, new = self._offsets[first - 1], self._offsets[last], ""
            lines = first, last
        else:
            span = self._metadata(WhitespaceInclusivePositionProvider)[node]
            start = self._offsets[span.start.line - 1] + span.start.column
            end = self._offsets[span.end.line - 1] + span.end.column
            new = cst.Module([]).code_for_node(mutated)
            lines = self._statement()
        return Mutant(self.source, outermost.name, outermost.lines, lines, start, end, new)

    def _statement(self) -> tuple[int, int]:
        """The lines of the innermost statement here; of one that has a body, those before it."""
        for node in reversed(self._around):
            if isinstance(node, cst.FunctionDef):
                # A default: whoever runs the function may get it.
                return self._functions[-1].lines
            if isinstance(node, cst.SimpleStatementLine):
                return self._lines(node)
            body: Any = getattr(node, "body", None)
            if isinstance(body, cst.IndentedBlock):
                first = self._lines(node)[0]
                return first, max(first, self._lines(body.body[0])[0] - 1)
        raise AssertionError("all code of a function stands in a statement")

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        span = self._metadata(PositionProvider)[node]
        return span.start.line, span.end.line

    def _metadata(self, provider: Any) -> Mapping[cst.CSTNode, CodeRange]:
        return cast("Mapping[cst.CSTNode, CodeRange]", self.metadata[provider])


def _is_closed(node: cst.CSTNode) -> bool:
    """Tell whether nothing in a node is mutated: types, and what runs when a function is defined."""
    if isinstance(node, (cst.Annotation, cst.Decorator)):
        return True
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Name) and node.func.value in _UNTOUCHED_CALLS
    return isinstance(node, cst.Param) and not isinstance(node.default, (*_PLAIN_DEFAULTS, type(None)))
