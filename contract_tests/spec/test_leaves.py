"""Nothing in a page is lost in silence: every leaf leaves a trace in the document, or is an error."""

import copy
from typing import Any

import pytest

from contract_tests.spec.pages import FIXTURES, PROJECT, at, leaves, put, ways
from spec.tools import yaml_source
from spec.tools.build import convert_parsed
from spec.tools.errors import SpecError, describe_keys
from spec.tools.excerpt import IGNORED
from spec.tools.page import Block, read_page
from spec.tools.yaml_source import Source

PAGES = [*sorted(FIXTURES.glob("library-*.md")), *sorted(PROJECT.upstream.glob("*.md"))]
BLOCKS = [block for page in PAGES for block in read_page(page.read_bytes(), page.name).blocks]
each_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.method} {block.path}")


def read(block: Block) -> Source:
    return yaml_source.load(block.text, "page.md", block.first_line)


def convert(source: Source, block: Block, value: Any) -> dict[str, Any] | SpecError:
    try:
        given = yaml_source.Source("page.md", copy.deepcopy(value), source.lines)
        return convert_parsed(given, block, []).document
    except SpecError as error:
        return error


def other(leaf: Any) -> Any:
    """Return what no page holds: of the same kind, as another kind would be refused."""
    if isinstance(leaf, bool):
        return not leaf
    return 9876.5 if isinstance(leaf, float) else 987654 if isinstance(leaf, int) else "zz-other"


@each_block
def test_every_leaf_of_a_page_counts(block: Block) -> None:
    """Changing any one value of a page changes the document or is refused; exceptions are listed."""
    source = read(block)
    before = repr(convert(source, block, source.value))
    silent = []
    for keys in leaves(source.value):
        old = at(source.value, keys)
        if not isinstance(old, (dict, list)):
            made = convert(source, block, put(source.value, keys, other(old)))
            if not isinstance(made, SpecError) and repr(made) == before:
                silent.append(describe_keys(keys))
    assert [place for place in silent if not any(pattern.search(place) for pattern in IGNORED)] == []


@each_block
def test_a_new_key_or_another_kind_of_value_is_kept_or_refused_with_its_place(block: Block) -> None:
    """What no tool knows, or a list where a map belongs, is in the document, or one error with its line."""
    source = read(block)
    maps = [keys for keys in ways(source.value) if isinstance(at(source.value, keys), dict)]
    for number, keys in enumerate(maps):
        wrong = ([], ["zz-kept"], [None], "zz-kept")[number % 4]
        for new in ({**at(source.value, keys), "zz-new": "zz-kept"}, *[wrong] * bool(keys)):
            made = convert(source, block, put({"": source.value}, ("", *keys), new)[""])
            if isinstance(made, SpecError):
                assert (made.line or 0) > 0, describe_keys(keys)
                assert made.file == "page.md"
            elif "zz-kept" in str(new):
                assert "zz-kept" in repr(made), describe_keys(keys)
