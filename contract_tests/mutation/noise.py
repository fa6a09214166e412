"""Which mutations say nothing about the tests, by rule.

What people rely on is what the client does, not how a sentence is worded; and some mutations change nothing.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, Literal, get_args

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Sequence

Rule = Literal["wording", "message", "help", "log", "types", "encoding"]
RULES: Final[tuple[Rule, ...]] = get_args(Rule)
MEANINGS: Final[dict[Rule, str]] = {
    "wording": "a text with a space in it is worded otherwise",
    "message": "an exception gets None in place of its message",
    "help": "the help of a command-line option is worded otherwise, or is not there",
    "log": "anything inside a call of a logger",
    "types": "the type that is given to `cast`, and what stands under `if TYPE_CHECKING`",
    "encoding": "the name of an encoding in other letters, or left out where UTF-8 is meant anyway",
}
_LOGGERS: Final = {"logger", "log", "_logger", "_log"}
_LEVELS: Final = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_EXCEPTIONS: Final = ("Error", "Exception", "Failed", "Unknown", "Exceeded")
_HELP: Final = {"help", "description", "epilog", "metavar", "usage"}


def noise(node: cst.CSTNode, mutated: cst.CSTNode, around: Sequence[cst.CSTNode]) -> Rule | None:
    """Tell by which rule a mutation is left out.

    Args:
        node: What is changed.
        mutated: What it is changed into.
        around: What it stands in, the nearest first.
    """
    if any(_is_log(outer) for outer in (node, *around)):
        return "log"
    if any(isinstance(outer, cst.If) and _is_named(outer.test, "TYPE_CHECKING") for outer in around):
        return "types"
    if isinstance(node, cst.SimpleString):
        return _of_string(node, mutated, around)
    if isinstance(node, cst.Call) and isinstance(mutated, cst.Call):
        return _of_call(node, mutated, around)
    return None


def _of_string(node: cst.SimpleString, mutated: cst.CSTNode, around: Sequence[cst.CSTNode]) -> Rule | None:
    if " " in str(node.evaluated_value):
        return "wording"
    argument, call = (*around, None, None)[:2]
    if isinstance(argument, cst.Arg) and isinstance(call, cst.Call):
        if argument.keyword is not None and argument.keyword.value in _HELP:
            return "help"
        if _is_named(call.func, "cast") and call.args[0] is argument:
            return "types"
    if isinstance(mutated, cst.SimpleString) and _is_same_encoding(node, mutated):
        return "encoding"
    return None


def _of_call(node: cst.Call, mutated: cst.Call, around: Sequence[cst.CSTNode]) -> Rule | None:
    changed = [argument for argument in node.args if argument not in mutated.args]
    if len(changed) != 1:
        return None
    was_dropped = len(mutated.args) < len(node.args)
    keyword = changed[0].keyword.value if changed[0].keyword else ""
    if keyword in _HELP:
        return "help"
    if _is_named(node.func, "cast") and node.args[0] is changed[0] and not was_dropped:
        return "types"
    if keyword == "encoding" and _is_utf_8(changed[0].value):
        return "encoding"
    is_error = any(isinstance(outer, cst.Raise) for outer in around[:2]) or _is_exception(node.func)
    if is_error and not was_dropped and _is_text(changed[0].value):
        return "message"
    return None


def _is_log(node: cst.CSTNode) -> bool:
    return (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value in _LEVELS
        and isinstance(node.func.value, cst.Name)
        and node.func.value.value in _LOGGERS
    )


def _is_named(node: cst.BaseExpression, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _is_exception(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value.endswith(_EXCEPTIONS)


def _is_text(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.SimpleString):
        return " " in str(node.evaluated_value)
    return isinstance(node, (cst.FormattedString, cst.ConcatenatedString))


def _is_utf_8(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.SimpleString) and node.evaluated_value in {"utf-8", "utf8"}


def _is_same_encoding(node: cst.SimpleString, mutated: cst.SimpleString) -> bool:
    names = (node.evaluated_value, mutated.evaluated_value)
    try:
        one, other = (codecs.lookup(str(name)).name for name in names)
    except (LookupError, ValueError):
        return False
    return one == other
