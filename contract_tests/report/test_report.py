"""What `make contract` shows: the table, the page, and their exit code."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import kling_elements
from contract_tests.report import __main__ as command
from contract_tests.report import outcome
from contract_tests.schema import exercised
from contract_tests.schema.exercised import Row
from contract_tests.schema.server import verdicts
from contract_tests.schema.server.configuration import ConfigurationError, from_environment
from contract_tests.schema.server.verdicts import Acceptance, Line, Rule

A = Row("GET", "/v1/a/{id}", "200", "application/json")
B = Row("GET", "/v1/a/{id}", "400", "application/problem+json")
C = Row("POST", "/v1/b", "default", "text/html")
TABLE = outcome.build((A, B, C), {("client", A): 3, ("server", A): 1200, ("server", B): 1})
FAILED, KILLED = 1, -9
SEEN = [
    Line(Rule("a", "It holds."), "held"),
    *(Line(Rule("b", "It holds.", "habit"), "broken", f"wrong {n}", "repeat: curl <x>") for n in range(3)),
    Line(Rule("c", ""), "accepted", "wrong", accepted="c at * until 2027-01-31: known"),
    Line(Rule("c", ""), "held"),
    *[Line(Rule("d", ""), "skipped", "a scenario is needed")] * 2,
]


def written(template: str, groups: Sequence[outcome.Group] = (), **more: object) -> str:
    others = {"stale": [], "facts": ["a fact"], "others": [], "colour": False, **more}
    return command.render(template, groups=groups, table=TABLE, **others)


def test_zeros_are_red_and_marked() -> None:
    """A zero is red, and said in words; it is a broken rule, unless it is accepted."""
    shown = written("terminal.txt.j2", colour=True)
    never = ["  never met by the client side", "  never met by the server side"]
    assert re.findall(r"\033\[31m(.*?)\033", shown) == [f"{0:>9}", never[0], f"{0:>9}", f"{0:>9}", *never]
    plain = written("terminal.txt.j2")
    assert "\033" not in plain
    assert "client side: 1 of 3 documented answers exercised" in plain
    known = Acceptance("the_client_*", "why", date(9999, 1, 1), "GET /v1/a/{id} 400 *")
    zeros = [(line.rule.name, line.outcome) for line in TABLE.never_met((known,))]
    client, server = "the_client_side_meets_every_answer", "the_server_side_meets_every_answer"
    assert zeros == [(client, "accepted"), (client, "broken"), (server, "broken")]


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
            exercised.record("server", "GET", "/nowhere", 200, "application/json")
            for row in exercised.documented()[missing:]:
                for side in exercised.SIDES:
                    exercised.record(side, row.method.lower(), row.path, row.status, row.media_type)
        return code

    monkeypatch.setattr(command, "_run", pretend)
    assert command.main(["--output", str(tmp_path / "out"), *arguments], {"NO_COLOR": "1"}) == expected
    said = capsys.readouterr()
    if code == KILLED:
        assert "nothing to count" in said.err
        assert not said.out
    elif code < 2:
        page_text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        for fact in ("7 tests", "2 skipped", "commit", "seed 1", kling_elements.__version__):
            assert fact in page_text
        assert ("BROKEN  the_client_side_meets_every_answer" in said.out) == bool(missing and not arguments)


def test_one_cause_is_one_line() -> None:
    """Breaches of a rule are one group: their number, one exchange, and one line that repeats it."""
    groups = outcome.group(SEEN)
    assert [(g.rule.name, g.verdict, len(g.breaches)) for g in groups] == [
        ("b", "broken", 3), ("c", "accepted", 1), ("a", "held", 0), ("d", "not reached", 0)
    ]  # fmt: skip
    shown = written("terminal.txt.j2", groups)
    assert shown.count("repeat: curl <x>") == 1
    assert "BROKEN  b  (3 times)" in shown
    assert "d (2)" in shown
    assert "1 broken, 1 accepted, 1 held, 1 not reached" in shown
    text = written("junit.xml.j2", groups, stale=["gone"], others=["<testcase/>"])
    junit = ET.fromstring(text)  # noqa: S314 - our own
    cases = {case.get("name"): [child.tag for child in case] for case in junit.iter("testcase")}
    assert [cases[name] for name in ("a", "d")] == [[], ["skipped"]]
    assert [cases[name] for name in ("b", "c", "known.yaml")] == [["failure"], ["system-out"], ["failure"]]


def test_no_byte_of_an_answer_breaks_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film or a terminal's commands in an answer leave junit.xml well-formed, and the terminal alone."""
    monkeypatch.setenv(exercised.FOLDER_VARIABLE, str(tmp_path))
    for kind in ("broken", "skipped"):
        verdicts.note(Line(Rule(kind, ""), kind, "\0\x1b[2J\ufffe", "  answer: \0\x1b[2J\n  repeat: curl"))
    groups = outcome.group(verdicts.read(tmp_path))
    ET.fromstring(written("junit.xml.j2", groups))  # noqa: S314 - our own
    shown = written("terminal.txt.j2", groups)
    assert "\x1b" not in shown
    assert "\n  repeat: curl\n" in shown


def test_the_page_needs_nothing_else() -> None:
    """One file: no script, no address, no file beside it; what is put in is escaped, and each zero marked."""
    text = written("page.html.j2", outcome.group(SEEN))
    assert not re.search(r"<script|<link|<img|https?://|url\(|@import", text)
    assert text.count("curl &lt;x&gt;") == 1
    assert text.count('class="count open"') == 3


def test_an_acceptance_is_for_a_rule_and_a_time(tmp_path: Path) -> None:
    """An entry covers its rule's breaches until its day; one that nothing needs fails the run."""
    file = tmp_path / "known.yaml"
    entries = [f"- {{rule: {rule}, why: known, until: 2027-01-31}}" for rule in ("c", "a", "d", "misspelt")]
    file.write_text("\n".join(entries))
    environment = {"CONTRACT_KNOWN": str(file)}
    known = from_environment(environment).known
    assert [said.split()[0] for said in outcome.unneeded(known, outcome.group(SEEN))] == ["a", "misspelt"]
    assert known[0].covers(Rule("c", ""), "", date(2027, 1, 31))
    assert not known[0].covers(Rule("c", ""), "", date(2027, 2, 1))
    for bad in ("why: x", "why: x, until: soon", "why: '', until: 2027-01-31"):
        file.write_text(f"- {{rule: c, {bad}}}")
        with pytest.raises(ConfigurationError, match=r"known\.yaml"):
            from_environment(environment)
