"""Pages that can't be used: each is one line that names the file, the line, and what to do."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from spec.tools.build import convert_upstream
from spec.tools.errors import SpecError
from spec.tools.page import read_page

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = "paths:\n  path: /a\n  method: get\n  response:\n    '404': {}\n"


def block(text: str = GOOD, opening: str = "````yaml get /a", closing: str = "````") -> str:
    return f"# A title\n\n{opening}\n{text}{closing}\n"


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        pytest.param(b"", 1, "empty", id="empty"),
        pytest.param(b"<!DOCTYPE html><html>", 1, "HTML", id="html"),
        pytest.param(b"# A\n\ncaf\xe9\n", 3, "not UTF-8", id="latin-1"),
        pytest.param(b"# A title\n\nNo block here.\n", 4, "no block", id="no block"),
        pytest.param(block(closing="").encode(), 3, "never closed", id="cut off"),
        pytest.param(
            block(opening="```yaml get /a", closing="```").encode(), 3, "four backticks", id="three"
        ),
        pytest.param(
            block(opening="~~~~yaml get /a", closing="~~~~").encode(), 3, "four backticks", id="tildes"
        ),
        pytest.param(block(opening="````yaml fetch /a").encode(), 3, "METHOD PATH", id="unknown method"),
        pytest.param(block("paths:\n\tpath: /a\n").encode(), 5, "not YAML", id="tab"),
        pytest.param(block("paths: [\n").encode(), 5, "not YAML", id="cut off inside the YAML"),
        pytest.param(block("- a\n- b\n").encode(), 4, "expected a map", id="a list"),
        pytest.param(block("swagger: '2.0'\n").encode(), 4, "no format", id="another format"),
        pytest.param(block("openapi: 3.1.0\ninfo: {}\n").encode(), 4, "no `paths`", id="no paths"),
        pytest.param(block(GOOD + "paths: 1\n").encode(), 9, "twice", id="a key twice"),
        pytest.param(block(GOOD.replace("get", "put")).encode(), 4, "contradicts", id="another method"),
        pytest.param(block(GOOD.replace("/a", "/b")).encode(), 4, "contradicts", id="another path"),
        pytest.param(block("a: &a\n  b: *a\n").encode(), 4, "stands inside", id="an alias of itself"),
        pytest.param(block("a: .nan\n").encode(), 4, "finite", id="not a number"),
        pytest.param(block("a: !!binary aGk=\n").encode(), 4, "no meaning", id="a tag"),
        pytest.param(block("a: &a {b: 1}\nc:\n  <<: *a\n").encode(), 6, "merge keys", id="a merge key"),
        pytest.param(block("a: " + "[" * 1200 + "\n").encode(), 4, "", id="nested without end"),
    ],
)
def test_unusable_page_is_one_line_that_names_its_place(content: bytes, line: int, words: str) -> None:
    """A page that can't be used is one error: its file, its line, what is wrong."""
    with pytest.raises(SpecError) as caught:
        convert_upstream({"a.md": content}, [])
    text = str(caught.value)
    assert "\n" not in text
    assert re.match(rf"a\.md:{line}: ", text), text
    assert words in text


def test_aliases_that_multiply_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few lines of aliases that stand for billions of values end in an error, not in a full memory."""
    monkeypatch.setattr("spec.tools.yaml_source._MOST_VALUES", 10_000)
    names = "abcdefghij"
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise(names)]
    with pytest.raises(SpecError, match="aliases"):
        convert_upstream({"a.md": block("\n".join(lines) + "\n").encode()}, [])


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t.rstrip("\n")]
)
def test_harmless_differences_of_a_copy_change_nothing(change: Callable[[str], str]) -> None:
    """Windows line ends, a byte order mark, and a missing last line end give the same document."""
    text = block()
    assert convert_upstream({"a.md": change(text).encode()}, []) == convert_upstream(
        {"a.md": text.encode()}, []
    )


def test_title_and_summary_belong_to_their_block(fixture_page: Callable[[str], bytes]) -> None:
    """Each block has the title and quote before it; the pointer to the index of all pages is neither."""
    first, second = read_page(fixture_page("library-loans.md"), "a.md").blocks
    assert (first.title, first.summary) == ("Lend a book", "Lends a book to a reader.")
    assert (second.title, second.summary) == ("Who has it", "Tells who has a book.")
    (only,) = read_page(fixture_page("library-update-book.md"), "b.md").blocks
    assert (only.title, only.summary) == ("Change a book", "Change what is known about a book\non one shelf.")


def test_a_quote_goes_on_over_lines_without_a_mark() -> None:
    """The second line of a quoted summary often lacks its mark: it belongs to the summary, as in Markdown."""
    text = block().replace("\n\n````", "\n\n> Counts things,\nand says how many.\n\nProse.\n\n````", 1)
    (only,) = read_page(text.encode(), "a.md").blocks
    assert only.summary == "Counts things,\nand says how many."
