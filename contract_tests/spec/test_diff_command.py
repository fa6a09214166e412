"""`python -m spec.tools.diff`: what it reads and prints, and what changes mean for version and changelog."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.spec.conftest import CHANGELOG as HEAD
from contract_tests.spec.pages import fixture, put
from spec.tools.diff import Change, Rating, bump, changelog_entry, revise
from spec.tools.diff.__main__ import main

LIBRARY = fixture("library.yaml")
NOTE = ("components", "schemas", "Loan", "properties", "note")
BOOK = ("components", "schemas", "Book", "properties")


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """Two files with a change of each rating between them."""
    made = put(LIBRARY, (*NOTE, "maxLength"), 100)
    made["components"]["schemas"]["Book"]["properties"]["state"]["enum"].append("a|b <i>`c`")
    made = put(made, (*BOOK, "price"), {"type": "number"})
    made["info"]["description"] = "Lends many books."
    return [write(tmp_path / "old.yaml", LIBRARY), write(tmp_path / "new.yaml", made)]


def write(file: Path, document: Any) -> str:
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(file)


def test_text_is_worst_first(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The counts are at the top, then each change with its place, its words and its operations."""
    assert main(pair) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 breaking, 1 risk, 1 safe, 1 documentation"
    assert lines[2:4] == ["BREAKING", "  schema NewLoan (Loan): note"]
    assert lines[5] == "    concerns POST /loans (request)"
    assert [line for line in lines if line.isupper()] == ["BREAKING", "RISK", "SAFE", "DOCUMENTATION ONLY"]


def test_markdown_fits_a_pull_request(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each row has its five cells whatever the words hold, and documentation is folded away."""
    main([*pair, "--format", "markdown"])
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 5
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)
    assert "&lt;i>" in "".join(rows)
    assert lines.index("<details>") > lines.index(rows[-1])


def test_json_is_for_programs(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, and each change with pointer, old and new."""
    main([*pair, "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert found["summary"] == {"breaking": 1, "risk": 1, "safe": 1, "documentation": 1}
    first = found["changes"][0]
    pointer = "#/components/schemas/Loan/properties/note/maxLength"
    assert (first["pointer"], first["old"], first["new"]) == (pointer, 200, 100)


@pytest.mark.parametrize(
    ("keyword", "value", "codes"),
    [("maxLength", 100, [1, 1, 0]), ("default", "x", [0, 1, 0]), ("maxLength", 200, [0, 0, 0])],
)
def test_exit_codes(tmp_path: Path, keyword: str, value: object, codes: list[int]) -> None:
    """1 from the asked rating on, 0 below it."""
    new = put(LIBRARY, (*NOTE, keyword), value)
    files = [write(tmp_path / "old.yaml", LIBRARY), write(tmp_path / "new.yaml", new)]
    assert [main([*files, "--fail-on", rating]) for rating in ("breaking", "risk", "never")] == codes


@pytest.mark.parametrize(
    "content", [b"a: [", b"swagger: '2.0'", b"openapi: 3.0.3\npaths: [1]", b"\xff\xfe\x00", None]
)
def test_what_is_no_document_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    """A missing, empty, damaged or different file is one line that names it, and exit code 2."""
    name = str(tmp_path / "a.yaml")
    if content is not None:
        Path(name).write_bytes(content)
    assert main([name, name, "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(name)
    assert error.count("\n") == 1


B, R, S, D = Rating.BREAKING, Rating.RISK, Rating.SAFE, Rating.DOCUMENTATION


def change(rating: Rating, what: str = "value x added") -> Change:
    return Change(rating, "rule", "schema Book: state", what, "why")


def test_the_version_that_semantic_versioning_demands() -> None:
    """Breaking: major, or minor before 1.0.0; other changes: minor, or patch; documentation: patch."""
    proposed = [
        ("1.2.3", [B, S], "2.0.0"), ("1.2.3", [R], "1.3.0"), ("1.2.3", [D], "1.2.4"), ("1.2.3", [], "1.2.3"),
        ("0.2.3", [B], "0.3.0"), ("0.2.3", [R], "0.2.4"), ("0.0.3", [B], "0.1.0"), ("2.0.0rc1", [B], "2.0.0"),
        ("2.1.0rc1", [B], "3.0.0"), ("2.1.1b2", [S], "2.2.0"), ("0.2.0a1", [B], "0.2.0"),
        ("1.2.3+local", [B], "2.0.0"),
    ]  # fmt: skip
    for current, ratings, expected in proposed:
        assert bump([change(rating) for rating in ratings], current) == expected, current


def test_the_entry_has_a_line_for_each_change_that_callers_notice() -> None:
    """Documentation is counted only where there is nothing else."""
    entry = changelog_entry([change(B), change(S, "more"), change(D)])
    assert entry == (
        "- **breaking** schema Book: state: value x added (why).\n- schema Book: state: more (why).\n"
    )
    assert changelog_entry([change(D)]) == "- Descriptions and examples only.\n"
    assert changelog_entry([]) == ""


TAIL = "\n## [1.0.0] - 2026-01-01\n\n- An old line.\n"
SECTION = "\n### Changed (API document)\n\n"
FIXED = "\n### Fixed\n\n- c\n"
NEW = "## [Unreleased]\n" + SECTION + "- a\n"


@pytest.mark.parametrize(
    ("before", "stale", "entry", "after"),
    [
        (HEAD + TAIL, "", "- a\n", HEAD + SECTION + "- a\n" + TAIL),
        (HEAD + SECTION + "- b\n" + TAIL, "- b\n", "- a\n", HEAD + SECTION + "- a\n" + TAIL),
        (HEAD + SECTION + "- b\n- other\n" + TAIL, "- b\n", "", HEAD + SECTION + "- other\n" + TAIL),
        (HEAD + TAIL, "- An old line.\n", "", HEAD + TAIL),
        ("", "", "- a\n", NEW),
        ("# C\n" + TAIL, "", "- a\n", "# C\n\n" + NEW + TAIL),
        (HEAD + SECTION + "- b\n" + FIXED, "", "- a\n", HEAD + SECTION + "- b\n- a\n" + FIXED),
        ("# C\r\n", "", "- a\n", "# C\r\n\r\n" + NEW.replace("\n", "\r\n")),
    ],
)
def test_the_entry_follows_the_document(before: str, stale: str, entry: str, after: str) -> None:
    """An entry replaces what an earlier run wrote; what people wrote, and earlier releases, stay."""
    assert revise(before, stale, entry) == after
    assert revise(after, "", entry) == after


LINES = ["# C", "## [Unreleased]", "## 1.0", "### Added", SECTION.strip(), "- a", "- b", "", "text", "[x]: y"]


@given(lines=st.lists(st.sampled_from(LINES)), entry=st.sampled_from(["- a\n", "- a\n- z\n", ""]))
def test_nothing_of_a_changelog_is_lost(lines: list[str], entry: str) -> None:
    """Every line stays in its order, the entry is in, and twice is once."""
    text = "\n".join(lines)
    made = revise(text, "", entry)
    rest = iter(made.splitlines())
    assert all(line in rest for line in text.splitlines() if line)
    assert all(line in made.splitlines() for line in entry.splitlines())
    assert revise(made, "", entry) == made
