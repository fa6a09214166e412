"""What `make contract` shows: the table, the page, and their exit code."""

from __future__ import annotations

import html as html_module
import os
import re
from typing import TYPE_CHECKING

import pytest

import kling_elements
from contract_tests.report import __main__ as command
from contract_tests.report import page, table
from contract_tests.schema import exercised
from contract_tests.schema.exercised import Row

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.schema.exercised import Side

A = Row("GET", "/v1/a/{id}", "200", "application/json")
B = Row("GET", "/v1/a/{id}", "400", "application/problem+json")
C = Row("POST", "/v1/b", "default", "text/html")
COUNTS: dict[tuple[Side, Row], int] = {("client", A): 3, ("server", A): 1200, ("server", B): 1}
FAILED, KILLED = 1, -9
REASON = "a client can't be told <so>"


def made(*explanations: table.Explanation) -> table.Table:
    """Build a small table."""
    return table.build((A, B, C), COUNTS, explanations)


def test_zeros_are_red_and_marked() -> None:
    """A zero without an explanation is red, and said in words; a count and an explained zero are not."""
    shown = table.text(made(table.Explanation("client", REASON, status="400")), colour=True)
    red = re.findall(r"\033\[31m(.*?)\033", shown)
    assert [text.strip() for text in red] == [
        "0", "0", "never met by the client side", "never met by the server side"
    ]  # fmt: skip
    plain = table.text(made(), colour=False)
    assert "\033" not in plain
    assert plain.count("never met by the client side") == 2
    assert "client side: 1 of 3 documented answers exercised" in plain


def test_no_color_wins() -> None:
    """NO_COLOR takes colour away even where it is forced."""
    assert command._is_coloured({"FORCE_COLOR": "1"})
    assert not command._is_coloured({"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert not command._is_coloured({})


def test_an_explanation_that_is_no_longer_needed_is_told() -> None:
    """An explanation of what was exercised, or of what the document does not have, is stale."""
    useful = table.Explanation("client", "x", path="/v1/b")
    stale = table.Explanation("server", "y", status="200")
    unknown = table.Explanation("client", "z", path="/v2/*")
    found = made(useful, stale, unknown)
    assert list(found.stale) == [stale, unknown]
    assert found.open == 2


@pytest.mark.parametrize("text", ["- side: client", "- side: nobody\n  reason: x", "- sid: client", "- x"])
def test_a_bad_explanation_is_refused(tmp_path: Path, text: str) -> None:
    """Each explanation has a side and a reason, and no field that there is not."""
    file = tmp_path / "explained.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"explained\.yaml"):
        table.read_explanations(file)


def test_the_shipped_explanations_are_about_the_document() -> None:
    """Each explanation is about an answer that the document has."""
    for explanation in table.read_explanations(command.HERE / "explained.yaml"):
        rows = exercised.documented()
        assert any(explanation.covers(side, row) for side in exercised.SIDES for row in rows), explanation


def test_counts_of_several_processes_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process writes a file of its own; together they are the run."""
    row = exercised.documented()[0]
    monkeypatch.setenv(exercised.FOLDER_VARIABLE, str(tmp_path))
    for process in (1, 2):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        exercised.record("server", row.method.lower(), row.path, int(row.status), row.media_type)
        exercised.record("server", "GET", "/nowhere", 200, "application/json")
    assert len(list(tmp_path.iterdir())) == 2
    assert dict(exercised.read(tmp_path)) == {("server", row): 2}
    monkeypatch.delenv(exercised.FOLDER_VARIABLE)
    exercised.record("server", row.method, row.path, row.status, row.media_type)
    assert exercised.read(tmp_path).total() == 2


def ran(monkeypatch: pytest.MonkeyPatch, output: Path, code: int, rows: tuple[Row, ...], *more: str) -> int:
    """Run the command with tests that are pretended to have met some rows."""

    def pretend(folders: object, folder: Path, *rest: object) -> int:
        (folder / "counts").mkdir(parents=True)
        if code != KILLED:
            (folder / "junit.xml").write_text('<testsuites><testsuite tests="7" skipped="2"/></testsuites>')
        with monkeypatch.context() as patch:
            patch.setenv(exercised.FOLDER_VARIABLE, str(folder / "counts"))
            for row in rows:
                for side in exercised.SIDES:
                    exercised.record(side, row.method, row.path, row.status, row.media_type)
        return code

    monkeypatch.setattr(command, "_run", pretend)
    return command.main(["--output", str(output), *more], {"NO_COLOR": "1"})


def test_an_unexplained_zero_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All answers met and all tests passed: 0. One answer never met, or a test failed: 1."""
    every = exercised.documented()
    monkeypatch.setattr(command, "HERE", tmp_path)
    (tmp_path / "explained.yaml").write_text("[]", encoding="utf-8")
    assert ran(monkeypatch, tmp_path / "1", 0, every) == 0
    page_text = (tmp_path / "1" / "report.html").read_text(encoding="utf-8")
    for fact in ("7 tests", "2 skipped", "commit", "seed 1", kling_elements.__version__):
        assert fact in page_text
    assert ran(monkeypatch, tmp_path / "2", FAILED, every) == 1
    assert ran(monkeypatch, tmp_path / "3", 0, every[1:]) == 1
    assert "Unexplained zeros: 2." in capsys.readouterr().out
    assert ran(monkeypatch, tmp_path / "4", 0, every[1:], "--server") == 0
    assert ran(monkeypatch, tmp_path / "5", 2, every) == 2


def test_a_run_that_was_killed_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that ended before its time shows no table: its zeros would mean nothing."""
    assert ran(monkeypatch, tmp_path / "1", KILLED, ()) == 1
    said = capsys.readouterr()
    assert "nothing to count" in said.err
    assert not said.out


# --- the page


def test_the_page_needs_nothing_else() -> None:
    """One file: no script, no address, no file beside it; and what is put in is escaped."""
    text = page.html(made(table.Explanation("client", REASON, status="400")))
    assert not re.search(r"<script|<link|<img|https?://|url\(|@import", text)
    assert html_module.escape(REASON) in text
    assert REASON not in text
    assert text.count('class="count open"') == made().open - 1
