"""Nothing in a page is lost in silence: every leaf leaves a trace in the document, or is an error."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.spec.conftest import at, leaves, ways
from spec.tools import yaml_source
from spec.tools.build import convert_parsed
from spec.tools.errors import SpecError, describe_keys
from spec.tools.excerpt import IGNORED
from spec.tools.page import Block, read_page

if TYPE_CHECKING:
    from spec.tools.yaml_source import Source

HERE = Path(__file__).parent
PAGES = [
    *sorted((HERE / "fixtures").glob("*.md")),
    *sorted((HERE.parents[1] / "spec" / "upstream").glob("*.md")),
]
BLOCKS = [block for page in PAGES for block in read_page(page.read_bytes(), page.name).blocks]

# What a leaf is changed into: something no page holds.
OTHER: dict[type, Any] = {str: "zz-other", bool: None, int: 987654, float: 9876.5, type(None): "zz-other"}


def read(block: Block) -> Source:
    return yaml_source.load(block.text, "page.md", block.first_line)


def convert(source: Source, block: Block, value: Any) -> dict[str, Any] | SpecError:
    try:
        return convert_parsed(yaml_source.Source("page.md", value, source.lines), block, []).document
    except SpecError as error:
        return error


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.method} {block.path}")
def test_every_leaf_of_a_page_counts(block: Block) -> None:
    """Changing any one value of a page changes the document or is refused; exceptions are listed."""
    source = read(block)
    before = repr(convert(source, block, copy.deepcopy(source.value)))
    silent = []
    for keys in leaves(source.value):
        if isinstance(at(source.value, keys), (dict, list)):
            continue
        value = copy.deepcopy(source.value)
        old = at(value, keys)
        at(value, keys[:-1])[keys[-1]] = (not old) if isinstance(old, bool) else OTHER[type(old)]
        made = convert(source, block, value)
        if not isinstance(made, SpecError) and repr(made) == before:
            silent.append(describe_keys(keys))
    assert [place for place in silent if not any(pattern.search(place) for pattern in IGNORED)] == []


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.method} {block.path}")
def test_a_new_key_anywhere_is_kept_or_refused_with_its_place(block: Block) -> None:
    """A key that no tool knows is in the document afterwards, or is an error that names its line."""
    source = read(block)
    for keys in filter(lambda keys: isinstance(at(source.value, keys), dict), ways(source.value)):
        value = copy.deepcopy(source.value)
        at(value, keys)["zz-new"] = "zz-kept"
        made = convert(source, block, value)
        if isinstance(made, SpecError):
            assert made.line is not None, describe_keys(keys)
            assert made.file == "page.md"
        else:
            assert "zz-kept" in repr(made), describe_keys(keys)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.method} {block.path}")
def test_a_value_of_the_wrong_kind_is_kept_or_refused(block: Block) -> None:
    """A list where a map belongs, or nothing, is one error with a place: no crash, and not silent."""
    source = read(block)
    for keys in filter(lambda keys: isinstance(at(source.value, keys), dict), ways(source.value)):
        if not keys:
            continue
        for wrong in ([], ["zz-kept"], None, "zz-kept"):
            value = copy.deepcopy(source.value)
            at(value, keys[:-1])[keys[-1]] = wrong
            made = convert(source, block, value)
            if isinstance(made, SpecError):
                assert made.line is not None, describe_keys(keys)
            elif wrong:
                assert "zz-kept" in repr(made), describe_keys(keys)
