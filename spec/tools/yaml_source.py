"""YAML in, with the line of every value; YAML out, to the same bytes each time.

Reading follows YAML 1.2 (`yes` and `2024-01-01` are strings). Writing quotes whatever a reader of either
YAML 1.1 or 1.2 would take for something else, so that every reader sees the same document.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from spec.tools.errors import Keys, SpecError

_MOST_VALUES: Final = 200_000  # An alias of aliases can name billions of values in a few lines.
_TAG: Final = "tag:yaml.org,2002:"
_LINE_WIDTH: Final = 110
# What YAML 1.2 reads as a number and 1.1 as a string: 1e3, 0o17. Also 1.1's y and n, which PyYAML leaves
# alone.
_MISREAD_ELSEWHERE: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[yYnN]|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)

_DIRECTIVE: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*(?=%)")


@dataclass(frozen=True)
class Source:
    """A document as it was read: plain values, and the line that each one stands on.

    Attributes:
        file: The file it came from, for error messages.
        value: Maps, lists, strings, numbers, booleans and None.
        lines: The line in `file`, counted from one, by the way to the value.
    """

    file: str
    value: Any
    lines: dict[Keys, int] = field(default_factory=dict, repr=False)

    def line(self, keys: Keys) -> int | None:
        """Tell the line of a value, or of the nearest value around it that has one."""
        for length in range(len(keys), -1, -1):
            if (line := self.lines.get(keys[:length])) is not None:
                return line
        return None

    def error(self, message: str, keys: Keys = ()) -> SpecError:
        """Make the error that names a place in this document."""
        return SpecError(message, self.file, self.line(keys), keys)


def load(text: str, file: str, first_line: int = 1) -> Source:
    """Read one YAML document.

    Args:
        text: The YAML.
        file: The file to name in errors.
        first_line: The line of `file` on which `text` begins: a block inside a page begins further down.

    Returns:
        The values with their lines. Anchors are resolved, keys are strings, dates stay strings.

    Raises:
        SpecError: It is no YAML, or holds what JSON can't: other tags, NaN, maps as keys, a key twice.
    """
    if directive := _DIRECTIVE.match(text):
        line = first_line + directive[0].count("\n")
        raise SpecError("a YAML directive (%) changes what values mean: remove this line", file, line)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else first_line
        raise SpecError(f"this is not YAML: {error.problem}. Fix this line", file, line) from error
    except (YAMLError, ValueError) as error:
        raise SpecError(f"this is not YAML: {error}. Fetch a fresh copy", file, first_line) from error
    except RecursionError as error:
        raise SpecError("nested too deeply to be read", file, first_line) from error
    lines: dict[Keys, int] = {}
    if root is None:
        return Source(file, None, {(): first_line})
    value = _Values(file, first_line, lines).value(root, ())
    return Source(file, value, lines)


@dataclass
class _Values:
    """Makes plain values of YAML's nodes and notes their lines."""

    file: str
    first_line: int
    lines: dict[Keys, int]
    open_nodes: set[int] = field(default_factory=set)

    def error(self, message: str, node: Node, keys: Keys) -> SpecError:
        return SpecError(message, self.file, self.first_line + node.start_mark.line, keys)

    def value(self, node: Node, keys: Keys) -> Any:
        self.lines[keys] = self.first_line + node.start_mark.line
        if len(self.lines) > _MOST_VALUES:
            raise self.error(f"more than {_MOST_VALUES} values once its aliases are resolved", node, keys)
        if isinstance(node, ScalarNode):
            return self.scalar(node, keys)
        if id(node) in self.open_nodes:
            raise self.error("this alias stands inside what it names: write the value out", node, keys)
        if node.tag not in {f"{_TAG}map", f"{_TAG}seq"}:
            raise self.error(f"the tag {node.tag} has no meaning in JSON: write a plain value", node, keys)
        self.open_nodes.add(id(node))
        made: Any = None
        if isinstance(node, MappingNode):
            made = self.mapping(node, keys)
        elif isinstance(node, SequenceNode):
            made = self.sequence(node, keys)
        self.open_nodes.discard(id(node))
        return made

    def sequence(self, node: SequenceNode, keys: Keys) -> list[Any]:
        return [self.value(child, (*keys, place)) for place, child in enumerate(node.value)]

    def mapping(self, node: MappingNode, keys: Keys) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self.error("a key must be a plain word", key_node, keys)
            if key_node.tag == f"{_TAG}merge":
                raise self.error(
                    "merge keys (<<) are not part of YAML 1.2: write the keys out", key_node, keys
                )
            key = str(key_node.value)  # 200 and '200' are the same key in JSON.
            if key in made:
                raise self.error(f"the key {key!r} stands here twice: remove one", key_node, (*keys, key))
            made[key] = self.value(child, (*keys, key))
            self.lines[*keys, key] = self.first_line + key_node.start_mark.line
        return made

    def scalar(self, node: ScalarNode, keys: Keys) -> Any:
        text = str(node.value)
        match str(node.tag).removeprefix(_TAG):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return self.integer(text, node, keys)
            case "float":
                return self.number(text, node, keys)
            case tag:
                raise self.error(f"the tag {tag} has no meaning in JSON: write a plain value", node, keys)

    def integer(self, text: str, node: Node, keys: Keys) -> int:
        try:
            return int(text.replace("_", ""), 0 if text.lstrip("+-")[:2] in {"0o", "0x", "0b"} else 10)
        except ValueError as error:
            raise self.error("this whole number can't be read: shorten or quote it", node, keys) from error

    def number(self, text: str, node: Node, keys: Keys) -> float:
        try:
            number = float(text.replace("_", ""))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(f"JSON has no number {text}: write a finite one, or quote it", node, keys)
        return number


class _Dumper(yaml.SafeDumper):
    """PyYAML's pure dumper, without anchors, with block text and careful quotes.

    The C dumper is faster and is missing on some machines, where the bytes would then differ.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write every value out."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the signature is PyYAML's
        """Indent lists below their key."""
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif _MISREAD_ELSEWHERE.fullmatch(text):
        style = "'"
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def dump(value: Any) -> str:
    """Write a document: keys in their own order, no anchors, the same bytes for the same value.

    Args:
        value: What `load` gives.

    Returns:
        YAML that YAML 1.1 and 1.2 readers understand alike.
    """
    return yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_LINE_WIDTH,
        default_flow_style=False,
    )
