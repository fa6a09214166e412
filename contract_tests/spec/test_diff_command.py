"""`python -m spec.tools.diff`: what it reads, prints and returns."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract_tests.spec.pages import fixture, put
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
