"""YAML in, with the line of every value; YAML out, to the same bytes each time.

Reading follows YAML 1.2 (`yes` and `2024-01-01` are strings). Writing quotes whatever a reader of either
YAML 1.1 or 1.2 would take for something else, so that every reader sees the same document.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
import yaml.composer
import yaml.parser
import yaml.reader
import yaml.scanner
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.resolver import BaseResolver

from spec.tools.errors import Keys, SpecError

_MOST_REPEATED: Final = 20_000  # An alias of aliases can name billions of values in a few lines.
_DEEPEST: Final = 150
_TAG: Final = "tag:yaml.org,2002:"
_LINE_WIDTH: Final = 110
_FLOAT: Final = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
# What YAML 1.2 reads as a number and 1.1 as a string: 1e3, 0o17. Also 1.1's y and n, which PyYAML leaves be.
_MISREAD_ELSEWHERE: Final = re.compile(rf"{_FLOAT}|0o[0-7]+|0x[0-9a-fA-F]+|[yYnN]")
_DIRECTIVE: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*(?=%)")
_SURROGATES: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)")
# YAML 1.1 ends a line at these, and 1.2 doesn't: they are read as others that nobody uses, and put back.
_NO_LINE_ENDS: Final = {0x85: 0xFDD0, 0x2028: 0xFDD1, 0x2029: 0xFDD2}
_PUT_BACK: Final = {stand_in: real for real, stand_in in _NO_LINE_ENDS.items()}


class _Resolver(BaseResolver):
    """What a plain scalar means in YAML 1.2, and a bound for the nesting: libyaml has none."""

    depth = 0

    def descend_resolver(self, current_node: object, current_index: object) -> None:  # noqa: ARG002 - as PyYAML calls it
        """Count a level; called for each node."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RecursionError

    def ascend_resolver(self) -> None:
        """Leave a level."""
        self.depth -= 1


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("merge", "<<", "<"),
):
    _Resolver.add_implicit_resolver(
        _TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), [*_first, *([""] if _kind == "null" else [])]
    )

if yaml.__with_libyaml__:  # most machines have it, and it is ten times as fast
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class _Composer(CParser, _Resolver):  # pyright: ignore[reportRedeclaration]
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            _Resolver.__init__(self)

else:

    class _Composer(  # type: ignore[no-redef]
        yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Resolver
    ):
        def __init__(self, text: str) -> None:
            yaml.reader.Reader.__init__(self, text)
            for kind in (yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Resolver):
                kind.__init__(self)


@dataclass(frozen=True)
class Source:
    """A document as it was read: plain values, and the line that each one stands on."""

    file: str
    value: Any  # maps, lists, strings, numbers, booleans and None
    # the line in `file`, counted from one, by the way to the value
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
    """Read one YAML document."""
    return Values(compose(text, file, first_line), file, first_line).source()


def compose(text: str, file: str, first_line: int = 1) -> Node | None:
    """Read one YAML document as far as its nodes, of which `Values` makes values."""
    if directive := _DIRECTIVE.match(text):
        line = first_line + directive[0].count("\n")
        raise SpecError("a YAML directive (%) changes what values mean: remove this line", file, line)
    try:
        node: Node | None = _Composer(text.translate(_NO_LINE_ENDS)).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + mark.line if mark else first_line
        raise SpecError(f"this is not YAML: {error.problem}. Fix this line", file, line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(f"this is not YAML: {error}. Fetch a fresh copy", file, first_line) from error
    except RecursionError as error:
        raise SpecError("nested too deeply to be read", file, first_line) from error
    return node


def compose_json(text: str, file: str) -> Node | None:
    """Read JSON as YAML, which it is but for tabs and characters that are written as two."""
    try:
        json.loads(text)
    except ValueError as error:
        raise SpecError(f"this is not JSON: {error}", file, getattr(error, "lineno", 1)) from error
    except RecursionError as error:
        raise SpecError("nested too deeply to be read", file, 1) from error
    text = _SURROGATES.sub(
        lambda found: found[1] + json.loads(f'"\\u{found[2]}\\u{found[3]}"'), text.replace("\t", " ")
    )
    return compose(text, file)


@dataclass
class Values:
    """Makes plain values of YAML's nodes and notes their lines."""

    root: Node | None  # the document's node; None for an empty document
    file: str
    first_line: int = 1  # the line of the file on which the document begins
    lines: dict[Keys, int] = field(default_factory=dict)  # gets the line of each value
    open_nodes: set[int] = field(default_factory=set)
    made_nodes: set[int] = field(default_factory=set)
    repeated: int = 0

    def source(self) -> Source:
        """Make all values."""
        if self.root is None:
            return Source(self.file, None, {(): self.first_line})
        return Source(self.file, self.value(self.root, ()), self.lines)

    def error(self, message: str, node: Node, keys: Keys) -> SpecError:
        """Make the error that names a node."""
        return SpecError(message, self.file, self.first_line + node.start_mark.line, keys)

    def value(self, node: Node, keys: Keys) -> Any:
        """Make the value of a node, and note the lines of all that it holds."""
        self.lines[keys] = self.first_line + node.start_mark.line
        self.repeated += id(node) in self.made_nodes
        if self.repeated > _MOST_REPEATED:
            problem = f"aliases repeat more than {_MOST_REPEATED} values: refer to components"
            raise self.error(problem, node, keys)
        self.made_nodes.add(id(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node, keys)
        if id(node) in self.open_nodes:
            raise self.error("this alias stands inside what it names: write the value out", node, keys)
        if node.tag not in {f"{_TAG}map", f"{_TAG}seq"}:
            raise self.error(f"the tag {node.tag} has no meaning in JSON: write a plain value", node, keys)
        self.open_nodes.add(id(node))
        made: Any
        if isinstance(node, MappingNode):
            made = self._mapping(node, keys)
        else:
            made = [self.value(child, (*keys, place)) for place, child in enumerate(node.value)]
        self.open_nodes.discard(id(node))
        return made

    def _mapping(self, node: MappingNode, keys: Keys) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self.error("a key must be a plain word", key_node, keys)
            if key_node.tag == f"{_TAG}merge":
                problem = "merge keys (<<) are not part of YAML 1.2: write the keys out"
                raise self.error(problem, key_node, keys)
            key = str(key_node.value).translate(_PUT_BACK)  # 200 and '200' are the same key in JSON.
            if key in made:
                raise self.error(f"the key {key!r} stands here twice: remove one", key_node, (*keys, key))
            made[key] = self.value(child, (*keys, key))
            self.lines[*keys, key] = self.first_line + key_node.start_mark.line
        return made

    def _scalar(self, node: ScalarNode, keys: Keys) -> Any:
        text = str(node.value).translate(_PUT_BACK)
        match str(node.tag).removeprefix(_TAG):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return self._integer(text, node, keys)
            case "float":
                return self._number(text, node, keys)
            case tag:
                raise self.error(f"the tag {tag} has no meaning in JSON: write a plain value", node, keys)

    def _integer(self, text: str, node: Node, keys: Keys) -> int:
        try:
            return int(text.replace("_", ""), 0 if text.lstrip("+-")[:2] in {"0o", "0x", "0b"} else 10)
        except ValueError as error:
            raise self.error("this whole number can't be read: shorten or quote it", node, keys) from error

    def _number(self, text: str, node: Node, keys: Keys) -> float:
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
    """Write a document: keys in their own order, no anchors, the same bytes for the same value."""
    return yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_LINE_WIDTH,
        default_flow_style=False,
    )
