"""`python -m spec.tools.diff`: what it reads, prints and returns."""

from __future__ import annotations

import copy
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from spec.tools import yaml_source
from spec.tools.diff.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str, dict[str, Any]], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a document into the test's directory."""

    def make(name: str, document: dict[str, Any]) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml_source.dump(document), encoding="utf-8")
        return str(path)

    return make


@pytest.fixture
def narrower(library: dict[str, Any]) -> dict[str, Any]:
    """The library with a change of each rating."""
    made = copy.deepcopy(library)
    schemas = made["components"]["schemas"]
    schemas["Loan"]["properties"]["note"]["maxLength"] = 100
    schemas["Book"]["properties"]["state"]["enum"].append("a|b <i>`c`")
    schemas["Book"]["properties"]["price"] = {"type": "number"}
    made["info"]["description"] = "Lends many books."
    return made


@pytest.fixture
def pair(write: Write, library: dict[str, Any], narrower: dict[str, Any]) -> list[str]:
    """Two files with a change of each rating between them."""
    return [write("old.yaml", library), write("new.yaml", narrower)]


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
    ("change", "fail_on", "code"),
    [
        ({"maxLength": 100}, "breaking", 1),
        ({"maxLength": 100}, "never", 0),
        ({"default": "x"}, "breaking", 0),
        ({"default": "x"}, "risk", 1),
        ({}, "risk", 0),
    ],
)
def test_exit_codes(write: Write, library: dict[str, Any], change: Any, fail_on: str, code: int) -> None:
    """1 from the asked rating on, 0 below it."""
    old = write("old.yaml", library)
    library["components"]["schemas"]["Loan"]["properties"]["note"].update(change)
    assert main([old, write("new.yaml", library), "--fail-on", fail_on]) == code


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", b"a: ["),
        ("a.yaml", b"swagger: '2.0'"),
        ("a.yaml", b"openapi: 3.0.3\npaths: [1]"),
        ("a.yaml", b"\xff\xfe\x00"),
        ("a.yaml", None),
        (".", None),
    ],
)
def test_what_is_no_document_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
) -> None:
    """A missing, empty, damaged or different file is one line that names it, and exit code 2."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main([name, name, "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(name)
    assert error.count("\n") == 1


def test_head_and_the_working_tree_are_the_default(
    tmp_path: Path, write: Write, library: Any, narrower: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without arguments the last commit is compared with the working tree, and a version proposed."""
    write("spec/openapi.yaml", library)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.3.1"\n', encoding="utf-8")
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "one"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)  # noqa: S603, S607 - fixed words
    assert main(["--root", str(tmp_path)]) == 0
    write("spec/openapi.yaml", narrower)
    assert main(["--root", str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith("\nVersion: 0.3.1 → 0.4.0, if 0.3.1 was the last release.\n")
