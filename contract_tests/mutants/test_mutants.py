"""The mutants: enough of them, all listed in the docs, all still applicable, and a sample of them killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from contract_tests.mutants import table
from contract_tests.mutants.__main__ import choose
from contract_tests.mutants.everything import MUTANTS
from contract_tests.mutants.fork_server import is_check
from contract_tests.mutants.mutant import Edit, Kind, Mutant, StaleMutantError
from kling_elements import ValidationError
from kling_elements.retries import RetryPolicy, pause

ROOT = Path(__file__).resolve().parents[2]
LEAST: dict[Kind, int] = {"server": 60, "client": 30, "document": 20, "webhook": 10}


def test_there_are_enough_of_each_kind() -> None:
    """Each place where a fault can be has its share of mutants, each under a name of its own."""
    counts = Counter(mutant.kind for mutant in MUTANTS)
    assert all(counts[kind] >= least for kind, least in LEAST.items())
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(re.fullmatch(r"[a-z0-9-]+", mutant.name) for mutant in MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_it_changes_is_still_there(mutant: Mutant) -> None:
    """No mutant is stale: the text that it replaces is where it says, so that it can be made."""
    assert mutant.changes
    for change in mutant.changes:
        change.check()


def test_the_docs_list_exactly_these_mutants() -> None:
    """docs/mutants.md has a line for each mutant and for no other, and each was killed."""
    listed = table.listed()
    assert set(listed) == {mutant.name for mutant in MUTANTS}
    assert {name for name, outcome in listed.items() if outcome != "killed"} == set()


def test_an_edit_changes_what_others_have_imported() -> None:
    """A function keeps its identity, and gets a new code; text that is not there, or twice, is refused."""
    policy, before = RetryPolicy(cap=1.0), pause.__code__
    Edit("kling_elements.retries:pause", "return min(bound", "return 7 + min(bound").apply()
    try:
        assert pause(policy, 1, None, 0.0) == 7.0
    finally:
        pause.__code__ = before
    for old in ("no such text", "policy"):
        with pytest.raises(StaleMutantError, match="not once"):
            Edit("kling_elements.retries:pause", old, "").check()
    with pytest.raises(StaleMutantError, match="nowhere"):
        Edit("kling_elements.retries:nowhere", "", "").check()


def test_only_a_check_kills() -> None:
    """An assertion kills, an error that did not come, and the program's refusal; an accident does not."""
    with pytest.raises(pytest.fail.Exception) as missing, pytest.raises(ValueError, match="x"):
        pass
    assert is_check(missing.value)
    assert is_check(AssertionError())
    assert is_check(ValidationError(["no"]))
    assert is_check(ExceptionGroup("", [AssertionError()]))
    assert not is_check(ExceptionGroup("", [AssertionError(), KeyError()]))
    with pytest.raises(KeyError) as looked_for:
        dict[str, str]()["header"]
    assert is_check(looked_for.value)
    assert not any(map(is_check, (KeyError(), ImportError(), SystemExit(), TimeoutError())))


def test_a_sample_is_killed() -> None:
    """The suite finds some faults of each kind; `make mutants` runs them all."""
    known = {
        name: value for name, value in os.environ.items() if not name.startswith(("CONTRACT_", "PYTEST_"))
    }
    command = [sys.executable, "-m", "contract_tests.mutants", "--sample", "2", "--seed", "2", "--trusting"]
    done = subprocess.run(  # noqa: S603 - this repository's own command
        command, cwd=ROOT, env=known, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^killed  ", done.stdout, re.MULTILINE)) == 2 * len(LEAST), done.stdout


def test_the_same_seed_gives_the_same_sample() -> None:
    """A sample has so many of each kind, and the same for the same seed."""
    some = choose([], "", 2, 5)
    assert Counter(mutant.kind for mutant in some) == dict.fromkeys(LEAST, 2)
    assert some == choose([], "", 2, 5)
    assert some != choose([], "", 2, 6)
