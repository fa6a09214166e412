"""The seeded violations: a sample is found, and the page lists each as found."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from typing import get_args

import pytest

from contract_tests.violations.__main__ import ROOT, VIOLATIONS, choose, counts, listed, run
from contract_tests.violations.plugin import is_check
from contract_tests.violations.violation import CannotApplyError, Kind, Violation, replaced
from kling_elements import ValidationError

# A changed document takes a regeneration; schema/server_itself seeds violations of the server.
SAMPLE = choose(["client", "webhook"], "", 1, 2)


def test_each_kind_has_at_least_ten() -> None:
    """Each place where behaviour can be wrong has its share of violations, each with its own name."""
    kinds = Counter(violation.kind for violation in VIOLATIONS)
    assert all(kinds[kind] >= 10 for kind in get_args(Kind))
    assert len({violation.name for violation in VIOLATIONS}) == len(VIOLATIONS)
    assert all(re.fullmatch(r"[a-z0-9-]+", violation.name) for violation in VIOLATIONS)


def test_the_page_lists_each_as_found() -> None:
    """docs/proof.md has a row for each, and for no other; `make mutants ARGS=--write` writes it."""
    assert listed() == {violation.name for violation in VIOLATIONS}


@pytest.mark.parametrize("violation", SAMPLE, ids=lambda violation: violation.name)
def test_a_sample_is_found(violation: Violation) -> None:
    """The suite finds one violation of each quick kind; `make mutants` runs them all."""
    (verdict,) = run([violation], violation.tests)
    assert verdict.is_good, str(verdict)
    assert counts([verdict]).startswith("seeded violations found: 1 of 1")


@pytest.mark.parametrize("path", ["kling_elements.gone:x", "kling_elements:gone", "kling_elements:Task.gone"])
def test_a_violation_that_cannot_be_applied_is_an_error(path: str) -> None:
    """A renamed function or module fails the run, and the message has the path."""
    with pytest.raises(CannotApplyError, match=path):
        replaced(lambda real: real, path)()
    (verdict,) = run([Violation("document", "x", "", None, (), edit=("Makefile", "no such text", ""))], ())
    assert not verdict.is_good


def test_each_can_be_applied() -> None:
    """Import paths, texts and test files of all violations exist: a renaming shows here first."""
    code = (
        "from contract_tests.violations.__main__ import VIOLATIONS\n"
        "for each in VIOLATIONS:\n    each.apply is None or each.apply()"
    )
    done = subprocess.run(  # noqa: S603 - our own code; the violations stay in its process
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-1000:]
    edits = [violation.edit for violation in VIOLATIONS if violation.edit]
    assert [file for file, old, _ in edits if old not in (ROOT / file).read_text(encoding="utf-8")] == []
    tests = {ROOT / "contract_tests" / name for violation in VIOLATIONS for name in violation.tests}
    assert [path for path in tests if not path.exists()] == []


def test_only_a_check_finds() -> None:
    """An assertion, an error that did not come and the program's refusal find; an accident does not."""
    with pytest.raises(pytest.fail.Exception) as missing, pytest.raises(ValueError, match="x"):
        pass
    with pytest.raises(KeyError) as looked_for:
        dict[str, str]()["header"]
    found = (missing.value, looked_for.value, AssertionError(), ValidationError(["no"]))
    assert all(map(is_check, [*found, ExceptionGroup("", [AssertionError()])]))
    assert not any(map(is_check, (ImportError(), SystemExit(), TimeoutError(), OSError())))
