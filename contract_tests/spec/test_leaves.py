"""Nothing in a page is lost in silence: every leaf leaves a trace in the document, or is an error."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.spec.conftest import HERE, ROOT, at, leaves, put, ways
from spec.tools import yaml_source
from spec.tools.build import convert_parsed
from spec.tools.errors import SpecError, describe_keys
from spec.tools.excerpt import IGNORED
from spec.tools.page import Block, read_page

if TYPE_CHECKING:
    from spec.tools.yaml_source import Source

PAGES = [*sorted((HERE / "fixtures").glob("*.md")), *sorted((ROOT / "spec" / "upstream").glob("*.md"))]
BLOCKS = [block for page in PAGES for block in read_page(page.read_bytes(), page.name).blocks]
each_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.method} {block.path}")

# What a leaf is changed into: something no page holds.
OTHER: dict[type, Any] = {str: "zz-other", bool: None, int: 987654, float: 9876.5, type(None): "zz-other"}


def read(block: Block) -> Source:
    return yaml_source.load(block.text, "page.md", block.first_line)


def convert(source: Source, block: Block, value: Any) -> dict[str, Any] | SpecError:
    try:
        given = yaml_source.Source("page.md", copy.deepcopy(value), source.lines)
        return convert_parsed(given, block, []).document
    except SpecError as error:
        return error


@each_block
def test_every_leaf_of_a_page_counts(block: Block) -> None:
    """Changing any one value of a page changes the document or is refused; exceptions are listed."""
    source = read(block)
    before = repr(convert(source, block, source.value))
    silent = []
    for keys in leaves(source.value):
        old = at(source.value, keys)
        if not isinstance(old, (dict, list)):
            new = {True: "", False: True}[old] if isinstance(old, bool) else OTHER[type(old)]
            value = copy.deepcopy(source.value)
            at(value, keys[:-1])[keys[-1]] = (not old) if isinstance(old, bool) else new
            made = convert(source, block, value)
            if not isinstance(made, SpecError) and repr(made) == before:
                silent.append(describe_keys(keys))
    assert [place for place in silent if not any(pattern.search(place) for pattern in IGNORED)] == []


@each_block
def test_a_new_key_or_another_kind_of_value_is_kept_or_refused_with_its_place(block: Block) -> None:
    """What no tool knows, or a list where a map belongs, is in the document, or one error with its line."""
    source = read(block)
    for keys in filter(lambda keys: isinstance(at(source.value, keys), dict), ways(source.value)):
        changes: list[Any] = [{**at(source.value, keys), "zz-new": "zz-kept"}]
        changes += [[], ["zz-kept"], None, "zz-kept"] if keys else []
        for wrong in changes:
            value = put({"": source.value}, ("", *keys), wrong if wrong is not None else [None])[""]
            made = convert(source, block, value)
            if isinstance(made, SpecError):
                assert (made.line or 0) > 0, describe_keys(keys)
                assert made.file == "page.md"
            elif wrong:
                assert "zz-kept" in repr(made), describe_keys(keys)
