"""The seeded violations: a sample is found, and the page lists each as found."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.violations import violation as seeded
from contract_tests.violations.__main__ import VIOLATIONS, counts, run
from contract_tests.violations.page import found_by
from contract_tests.violations.runner import is_check
from kling_elements import ValidationError

# A changed document takes a regeneration; schema/server_itself seeds violations of the server.
GONE = [seeded.replaced(path, str) for path in ("kling_elements:gone", "gone:x")]
SAMPLE = [v for v in VIOLATIONS if v.name in {"deadline-is-a-failure", "first-entry-only"}]


def test_the_page_lists_each_as_found() -> None:
    """docs/proof.md has a row for each, and for no other; `make mutants ARGS=--write` writes it."""
    assert min(Counter(violation.kind for violation in VIOLATIONS).values()) >= 10
    assert list(found_by()) == [violation.name for violation in VIOLATIONS]
    assert all(re.fullmatch(r"[a-z0-9-]+", violation.name) for violation in VIOLATIONS)


@pytest.mark.parametrize("violation", SAMPLE, ids=lambda violation: violation.name)
def test_a_sample_is_found(violation: seeded.Violation) -> None:
    """The file that found it when the page was written finds it; `make mutants` runs all of all files."""
    (verdict,) = run([violation], [found_by()[violation.name].partition("::")[0]])
    assert verdict.is_good, str(verdict)
    assert counts([verdict]).startswith("seeded violations found: 1 of 1")


@pytest.mark.parametrize("change", [seeded.edited("Makefile", "no such text", ""), *GONE])
def test_a_violation_that_cannot_be_applied_is_an_error(change: Callable[[], None]) -> None:
    """A renamed function or module fails the run, and the message says which."""
    with pytest.raises(seeded.CannotApplyError, match=r"no such text|gone"):
        change()


def test_each_can_be_applied(tmp_path: Path) -> None:
    """Import paths, texts and test files of all violations exist: a renaming shows here first."""
    code = "from contract_tests.violations.__main__ import VIOLATIONS\nfor each in VIOLATIONS: each.apply()"
    done = subprocess.run(  # noqa: S603 - our own code; the violations stay in its process
        [sys.executable, "-c", code], cwd=seeded.ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1000:]
    tests = [seeded.ROOT / "contract_tests" / name for kind in seeded.KINDS for name in seeded.TESTS[kind]]
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
