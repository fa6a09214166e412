"""Generated mutants: a strong test kills, a weak one doesn't, and what lives needs a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst
import pytest

from contract_tests.mutation import report
from contract_tests.mutation.__main__ import Project
from contract_tests.mutation.child import Ran
from contract_tests.mutation.generating import generate, read_sources
from contract_tests.mutation.kept import Kept
from contract_tests.mutation.mutant import Mutant, Source
from contract_tests.mutation.reach import Reach
from contract_tests.mutation.reasons import Reason, not_needed, read_reasons, reason_for
from contract_tests.mutation.running import Verdict
from contract_tests.mutation.suite import CLIENT

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from contract_tests.mutation.noise import Rule

ROOT = Path(__file__).resolve().parents[2]
TINY = """
def strong(a):
    return a > 1


def weak(a):
    return a > 1


def alone(a):
    return a > 1


def counted(a):
    while a < 3:
        a += 1
    return a


class Named:
    @property
    def name(self):
        if not self:
            raise ValueError("it has no name")
        return "name"


import functools


@functools.cache
def kept():
    return 1
"""
TESTS = """
import pytest
from tiny import Named, counted, kept, strong, weak

KEPT = kept()


@pytest.fixture(scope="module")
def three():
    return counted(0)


def test_that_makes_it(three):
    assert three


def test_strong():
    assert [strong(1), strong(2)] == [False, True]


def test_weak():
    assert weak(5)


def test_counted(three):
    assert three == 3


def test_name():
    assert Named().name == "name"


def test_kept():
    assert kept() == KEPT == 1
"""
RUN = """
import sys
from pathlib import Path
from contract_tests.mutation.__main__ import Project, main
from contract_tests.mutation.kept import Kept
from contract_tests.mutation.suite import Suite

here = Path(sys.argv[1])
sys.path.insert(0, str(here))
suite = Suite(here, ("tests",), {})
files = Kept(here / "kept" / "verdicts"), here / "reasons", here / "page.md"
sys.exit(main(["--patience", "0.3", *sys.argv[2:]], Project(here / "tiny", suite, *files)))
"""
REASONS = """
- reason: nobody asks
  mutants:
    - {where: "tiny:weak", before: "return a > 1"}
    - {where: "tiny:alone", before: "return a > 1"}
    - {where: "tiny:strong", before: "return a > 1"}
"""


def mutants_of(text: str) -> tuple[Mutant, ...]:
    return generate(Source("tiny", Path("tiny.py"), text)).mutants


def changes(text: str) -> list[str]:
    """What the statements of one function become."""
    return [mutant.difference[1] for mutant in mutants_of(text)]


def left_out(text: str) -> Counter[Rule]:
    return generate(Source("tiny", Path("tiny.py"), text)).left_out


def project(folder: Path, tests: str = TESTS, reasons: str = "[]") -> Path:
    """Make a tiny package with tests."""
    files = {"tiny/__init__.py": TINY, "tests/test_tiny.py": tests, "reasons/some.yaml": reasons}
    for name, text in {**files, "page.md": f"before\n{report.BEGIN}\n{report.END}\nafter\n"}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, str(folder), *arguments]
    return subprocess.run(  # noqa: S603 - this repository's own code
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


EXPECTED = {
    ("strong", "return a >= 1"): "killed",
    ("strong", "return a > 2"): "killed",
    ("weak", "return a >= 1"): "survived",
    ("weak", "return a > 2"): "survived",
    ("alone", "return a >= 1"): "not reached",
    ("alone", "return a > 2"): "not reached",
    ("counted", "while a <= 3:"): "killed",
    ("counted", "while a < 4:"): "killed",
    ("counted", "a = 1"): "timed out",
    ("counted", "a -= 1"): "timed out",
    ("counted", "a += 2"): "killed",
    ("Named.name", "if self:"): "killed",
    ("Named.name", 'return "XXnameXX"'): "killed",
    ("Named.name", 'return "NAME"'): "killed",
    ("kept", "return 2"): "killed",
}


def test_a_run(tmp_path: Path) -> None:
    """What is tested well is killed, an endless loop times out, the rest lives and fails the run."""
    done = run(project(tmp_path), "--write")
    assert done.returncode == 1, done.stderr
    (source,) = read_sources(tmp_path / "tiny")
    verdicts = Kept(tmp_path / "kept" / "verdicts").verdicts(generate(source).mutants)
    assert {(v.mutant.function, v.mutant.difference[1]): v.outcome for v in verdicts} == EXPECTED
    assert {v.test for v in verdicts if v.mutant.function == "strong"} == {"tests/test_tiny.py::test_strong"}
    assert "not reached: tiny:alone (__init__.py:11)\n  - return a > 1\n  + return a >= 1" in done.stdout
    assert "4 survivors have no reason" in done.stderr
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "\n| all | 15 | 9 | 2 | 2 | 2 | 0 | 73.3% |\n" in page
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")


def test_a_second_run(tmp_path: Path) -> None:
    """What was found is not run again; with reasons the run is green, and a reason too many is told."""
    project(tmp_path, reasons=REASONS)
    kept = Kept(tmp_path / "kept" / "verdicts")
    (source,) = read_sources(tmp_path / "tiny")
    for mutant in generate(source).mutants:
        if mutant.function not in {"weak", "alone"}:
            kept.add(Verdict(mutant, "killed"))
    done = run(tmp_path, "--reuse")
    assert done.returncode == 0, done.stderr
    assert "15 mutants, 11 of them found before" in done.stdout
    assert "4 of 4 in " in done.stdout
    assert done.stderr.strip() == "reasons: no survivor is tiny:strong: return a > 1"


def test_what_found_a_mutant_is_asked_first(tmp_path: Path) -> None:
    """Another run asks the test that found a mutant first, even if there is time for no other."""
    project(tmp_path, TESTS + "\n\ndef test_that_found():\n    assert strong(2)\n")
    kept = Kept(tmp_path / "kept" / "verdicts")
    (source,) = read_sources(tmp_path / "tiny")
    mutants = [mutant for mutant in generate(source).mutants if mutant.function == "strong"]
    for mutant in mutants:
        kept.add(Verdict(mutant, "killed", "tests/test_tiny.py::test_that_found"))
    run(tmp_path, "--seconds", "0")
    found = {v.mutant.difference[1]: (v.outcome, v.test) for v in kept.verdicts(mutants)}
    killed = ("killed", "tests/test_tiny.py::test_that_found")
    assert found == {"return a >= 1": ("survived", ""), "return a > 2": killed}


def test_tests_that_fail_anyway_prove_nothing(tmp_path: Path) -> None:
    """If the tests are not green without a mutant, no mutant runs."""
    done = run(project(tmp_path, TESTS.replace("assert weak(5)", "assert not weak(5)")))
    assert done.returncode == 1
    assert done.stderr.startswith("tests/test_tiny.py::test_weak\n")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ('raise ValueError("it is no good")', {"wording": 2, "message": 1}),
        ('raise ValueError(f"no {x}")', {"message": 1}),
        ('return ConnectionFailed(f"no {x}")', {"message": 1}),
        ('logger.info("%s", x)', {"log": 6}),
        ('add("--x", help="does")', {"help": 4}),
        ('y = cast("int", x)', {"types": 3}),
        ('x.encode("ascii")', {"encoding": 1}),
        ('open(x, encoding="utf-8")', {"encoding": 3}),
        ("if TYPE_CHECKING:\n        y = 1", {"types": 2}),
    ],
)
def test_noise_is_left_out(statement: str, rule: dict[str, int]) -> None:
    """Mutations of wordings, logs, help, types and equal encodings are left out, and counted."""
    assert left_out(f"def f(x):\n    {statement}\n") == rule


@pytest.mark.parametrize(
    ("statement", "after"),
    [
        ('y = x["name"]', ["y = None", 'y = x["XXnameXX"]', 'y = x["NAME"]']),
        ('raise Refused(x, "no good")', ['raise Refused(None, "no good")', 'raise Refused("no good")']),
        ("return (\n        len(x) and\n        y\n    )", ["len(x) or y"]),
    ],
)
def test_what_is_no_noise_stays(statement: str, after: Sequence[str]) -> None:
    """Names, arguments and operators are mutated wherever they stand."""
    assert set(after) <= set(changes(f"def f(x):\n    {statement}\n"))


def test_a_case_less() -> None:
    """A `match` loses one case at a time, whole."""
    cases = "        case 1:\n            return 0\n", "        case _:\n            return y\n"
    texts = {mutant.text for mutant in mutants_of(f"def f(x):\n    match x:\n{''.join(cases)}")}
    assert {f"def f(x):\n    match x:\n{case}" for case in cases} <= texts


def test_every_mutant_can_be_told_from_the_others() -> None:
    """What is generated from the client is Python, lies in its own function, and has a key of its own."""
    for source in read_sources(Project().package)[::10]:
        mutants = generate(source).mutants
        assert len({mutant.key for mutant in mutants}) == len(mutants)
        for mutant in mutants:
            first, last = mutant.function_lines
            assert first <= mutant.lines[0] <= mutant.lines[1] <= last
        for mutant in mutants[:: max(1, len(mutants) // 3)]:
            cst.parse_module(mutant.text)


def test_a_mutant_is_put_in_and_keeps_the_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the function gets the mutant, with its defaults and under its decorators."""
    path = tmp_path / "planted.py"
    path.write_text("from functools import cache\n\n\n@cache\ndef f(a, b=True):\n    return a + b\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import planted  # type: ignore[import-not-found]  # noqa: PLC0415 - it is made here

    known = planted.f
    by_change = {m.new: m for m in generate(Source("planted", path, path.read_text("utf-8"))).mutants}
    by_change["False"].apply()
    assert known(1) == 1
    by_change["a - b"].apply()
    assert known(2) == 1


def test_which_tests_are_asked() -> None:
    """Those that run the changed line: in turn the narrowest, and one case of each function."""
    mutant = mutants_of("def f(a):\n    return a\n\n\ndef g(a):\n    return a > 1\n")[0]
    path, everyone = mutant.source.path, frozenset(range(5))
    lines = {
        path: {2: frozenset({4}), 6: frozenset({0, 1, 2, 3})},
        Path("other.py"): {1: everyone - {0, 1, 3}},
    }
    seconds = dict.fromkeys(range(5), 1.0)
    reach = Reach(Ran(seconds, ()), lines, ["a", "a", "b", "a", "c"])
    assert reach.tests_for(mutant) == [0, 1, 2, 3]
    assert reach.within(2.5, [3, 2, 1]) == [3, 2]
    assert reach.within(0.5, [3, 2, 1]) == [3]
    assert Reach(Ran(seconds, ()), {}, []).tests_for(mutant) == []


def test_a_reason_speaks_of_its_mutants_alone(tmp_path: Path) -> None:
    """A reason fits by function and line, and by what it becomes if it says so; half an entry is refused."""
    some, other = mutants_of("def f(a):\n    return a > 1\n")
    assert reason_for(some, [Reason("tiny:f", "return a > 1", "return a >= 1", "so")]) == "so"
    assert not reason_for(other, [Reason("tiny:f", "return a > 1", "return a >= 1", "so")])
    anything = Reason("tiny:f", "return a > 1", "", "so")
    assert reason_for(other, [anything]) == "so"
    assert not reason_for(other, [Reason("tiny:g", "return a > 1", "", "so")])
    assert not_needed([anything], [some], ["tiny"]) == []
    assert not_needed([anything], [], ["tiny"]) == [anything]
    assert not_needed([anything], [], []) == []
    (tmp_path / "reasons.yaml").write_text("- mutants: [{where: 'a:b', before: x}]\n", encoding="utf-8")
    with pytest.raises(ValueError, match="a reason"):
        read_reasons(tmp_path)


def test_the_committed_reasons_speak_of_what_is_there() -> None:
    """Each reason is of a mutant that exists, so none outlives its line; tests that are left out exist."""
    by_module = {source.module: source for source in read_sources(Project().package)}
    known = read_reasons()
    for module in {reason.where.partition(":")[0] for reason in known}:
        mutants = generate(by_module[module]).mutants
        assert not_needed(known, mutants, [module]) == []
    assert all((CLIENT.root / path).is_file() for path in CLIENT.left_out)
