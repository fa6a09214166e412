"""What `make contract` shows: the table, the page, and their exit code."""

from __future__ import annotations

import os
import re
from datetime import date
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from markupsafe import escape

import kling_elements
from contract_tests.report import __main__ as command
from contract_tests.report import page, rules, table
from contract_tests.schema import exercised
from contract_tests.schema.exercised import Row
from contract_tests.schema.server import verdicts
from contract_tests.schema.server.verdicts import Line

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.schema.exercised import Side
    from contract_tests.schema.server.verdicts import Outcome

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


@pytest.mark.parametrize(("environment", "is_coloured"), [
    ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({}, False),
])  # fmt: skip
def test_no_color_wins(environment: dict[str, str], *, is_coloured: bool) -> None:
    """NO_COLOR takes colour away even where it is forced."""
    assert command._is_coloured(environment) == is_coloured


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


@pytest.mark.parametrize("case", [
    (0, 0, 0), (FAILED, 0, 1), (0, 1, 1), (0, 1, 0, "--server"), (2, 0, 2), (KILLED, 0, 1),
], ids=str)  # fmt: skip
def test_the_exit_code_is_of_tests_and_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: tuple[Any, ...]
) -> None:
    """All answers met and all tests passed: 0. An answer never met, or a test failed: 1. Killed: no table."""
    code, missing, expected, *arguments = case

    def pretend(folders: object, folder: Path, *rest: object) -> Any:
        (folder / "counts").mkdir(parents=True)
        if code != KILLED:
            (folder / "tests.xml").write_text('<testsuites><testsuite tests="7" skipped="2"/></testsuites>')
        with monkeypatch.context() as patch:
            patch.setenv(exercised.FOLDER_VARIABLE, str(folder / "counts"))
            for row in exercised.documented()[missing:]:
                for side in exercised.SIDES:
                    exercised.record(side, row.method, row.path, row.status, row.media_type)
        return code

    monkeypatch.setattr(command, "HERE", tmp_path)
    (tmp_path / "explained.yaml").write_text("[]", encoding="utf-8")
    monkeypatch.setattr(command, "_run", pretend)
    output = tmp_path / "output"
    assert command.main(["--output", str(output), *arguments], {"NO_COLOR": "1"}) == expected
    said = capsys.readouterr()
    if code == KILLED:
        assert "nothing to count" in said.err
        assert not said.out
    elif code < 2:
        page_text = (output / "report.html").read_text(encoding="utf-8")
        for fact in ("7 tests", "2 skipped", "commit", "seed 1", kling_elements.__version__):
            assert fact in page_text
        assert ("Unexplained zeros: 2." in said.out) == bool(missing and not arguments)


# --- the page


def test_the_page_needs_nothing_else() -> None:
    """One file: no script, no address, no file beside it; and what is put in is escaped."""
    text = page.html(made(table.Explanation("client", REASON, status="400")))
    assert not re.search(r"<script|<link|<img|https?://|url\(|@import", text)
    assert str(escape(REASON)) in text
    assert REASON not in text
    assert text.count('class="count open"') == made().open - 1


# --- the rules


def line(rule: str, outcome: Outcome, **more: str) -> Line:
    """Build what was seen of a rule."""
    return Line(rule, "It holds.", "" if rule == "a" else "by habit", outcome, **more)


SEEN = [
    line("a", "held"),
    *(line("b", "broken", text=f"wrong {n}", told="  repeat: curl <x>", place="GET /x") for n in range(3)),
    line("c", "accepted", text="wrong", told="  repeat: curl", accepted="c at * until 2027-01-31: known"),
    line("c", "held"),
    line("d", "skipped", text="a scenario is needed"),
    line("d", "skipped", text="a scenario is needed"),
]


def test_one_cause_is_one_line() -> None:
    """Breaches of a rule are one group: their number, one exchange, and one line that repeats it."""
    groups = rules.group(SEEN)
    assert [(g.rule, g.verdict, g.requests) for g in groups] == [
        ("b", "broken", 3), ("c", "accepted", 1), ("d", "not reached", 0), ("a", "held", 0)
    ]  # fmt: skip
    shown = rules.text(groups, [], colour=False)
    assert shown.count("repeat: curl <x>") == 1
    assert "BROKEN  b  (3 requests)" in shown
    assert "d (2)" in shown
    assert "1 broken, 1 accepted, 1 not reached, 1 held" in shown
    written = rules.junit(groups, ["gone"], ET.Element("testsuites"))
    cases = {case.get("name"): [child.tag for child in case] for case in written.iter("testcase")}
    assert [cases[name] for name in ("a", "d")] == [[], ["skipped"]]
    assert [cases[name] for name in ("b", "c", "known.yaml")] == [["failure"], ["system-out"], ["failure"]]
    text = page.html(made(), groups)
    assert text.count("curl &lt;x&gt;") == 1


def test_an_acceptance_is_for_a_rule_and_a_time(tmp_path: Path) -> None:
    """An entry covers its rule's breaches until its day; one that nothing needs fails the run."""
    file = tmp_path / "known.yaml"
    file.write_text(
        "- {rule: c, why: known, until: 2027-01-31}\n- {rule: a, why: x, until: 2027-01-31}\n"
        "- {rule: d, why: x, until: 2027-01-31}\n- {rule: misspelt, why: x, until: 2027-01-31}\n"
    )
    known = verdicts.read_known(file)
    assert [said.split()[0] for said in rules.unneeded(known, rules.group(SEEN))] == ["a", "misspelt"]
    breach = verdicts.Breach(verdicts.Rule("c", ""), "wrong")
    assert known[0].covers(breach, date(2027, 1, 31))
    assert not known[0].covers(breach, date(2027, 2, 1))
    for bad in ("why: x", "why: x, until: soon", "why: '', until: 2027-01-31"):
        file.write_text(f"- {{rule: c, {bad}}}")
        with pytest.raises(verdicts.KnownError, match=r"known\.yaml"):
            verdicts.read_known(file)
