"""Pages that can't be used: each is one line that names the file, the line, and what to do."""

import re
from itertools import pairwise

import pytest

from contract_tests.spec.pages import FIXTURES
from spec.tools.build import convert_upstream
from spec.tools.errors import SpecError
from spec.tools.page import read_page

GOOD = "paths:\n  path: /a\n  method: get\n  response:\n    '404': {}\n"


def block(text: str = GOOD, opening: str = "````yaml get /a", closing: str = "````") -> bytes:
    return f"# A title\n\n{opening}\n{text}{closing}\n".encode()


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "empty"),
        (b"<!DOCTYPE html><html>", 1, "HTML"),
        (b"# A\n\ncaf\xe9\n", 3, "not UTF-8"),
        (b"# A title\n\nNo block here.\n", 4, "no block"),
        (block(closing=""), 3, "never closed"),
        (block(opening="```yaml get /a", closing="```"), 3, "four backticks"),
        (block(opening="~~~~yaml get /a", closing="~~~~"), 3, "four backticks"),
        (block(opening="````yaml fetch /a"), 3, "METHOD PATH"),
        (block("paths:\n\tpath: /a\n"), 5, "not YAML"),
        (block("- a\n- b\n"), 4, "expected a map"),
        (block("swagger: '2.0'\n"), 4, "no format"),
        (block("openapi: 3.1.0\ninfo: {}\n"), 4, "no `paths`"),
        (block(GOOD + "paths: 1\n"), 9, "twice"),
        (block(GOOD.replace("get", "put")), 4, "contradicts"),
        (block(GOOD.replace("/a", "/b")), 4, "contradicts"),
        (block("a: &a\n  b: *a\n"), 4, "stands inside"),
        (block("a: .nan\n"), 4, "finite"),
        (block("a: !!binary aGk=\n"), 4, "no meaning"),
        (block("a: &a {b: 1}\nc:\n  <<: *a\n"), 6, "merge keys"),
        (block("a: " + "[" * 1200 + "\n"), 4, ""),
    ],
    ids=lambda one: str(one)[-40:],
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
    monkeypatch.setattr("spec.tools.yaml_source._MOST_REPEATED", 10_000)
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise("abcdefghij")]
    with pytest.raises(SpecError, match="aliases"):
        convert_upstream({"a.md": block("\n".join(lines) + "\n")}, [])


def test_harmless_differences_of_a_copy_change_nothing() -> None:
    """Windows line ends, a byte order mark, and a missing last line end give the same document."""
    expected = convert_upstream({"a.md": block()}, [])
    for copy in (block().replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + block(), block().rstrip(b"\n")):
        assert convert_upstream({"a.md": copy}, []) == expected


def test_title_and_summary_belong_to_their_block() -> None:
    """Each block has the title and quote before it; the second line of a quote often lacks its mark."""
    blocks = read_page((FIXTURES / "library-loans.md").read_bytes(), "a.md").blocks
    shown = [(one.title, one.summary) for one in blocks]
    assert shown == [("Lend a book", "Lends a book to a reader."), ("Who has it", "Tells who has a book.")]
    text = block().replace(b"\n\n````", b"\n\n> Counts things,\nand says how many.\n\nProse.\n\n````", 1)
    assert read_page(text, "a.md").blocks[0].summary == "Counts things,\nand says how many."
