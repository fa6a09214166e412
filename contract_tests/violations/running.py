"""Runs mutants with pytest in this process."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import Phase

from contract_tests.violations.fork_server import ForkServer, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contract_tests.violations.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
_OPTIONS = (
    "-s", "-q", "--import-mode=importlib", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip


class HarnessError(Exception):
    """The tests could not be run at all; the message is pytest's."""


def run(
    mutants: Sequence[Mutant], jobs: int, told: Callable[[Verdict], None], *, first: bool = True
) -> list[Verdict]:
    """Run mutants against their suites.

    Args:
        mutants: Which.
        jobs: How many at a time.
        told: Called with each verdict as it comes.
        first: Run the suites against the program as it is first, and go on only if they are green.

    Raises:
        HarnessError: The tests can't be collected.
    """
    # Shrinking tells a person more, and costs minutes.
    hypothesis.settings.register_profile(
        "mutants",
        phases=(Phase.explicit, Phase.generate),
        database=None,
        deadline=None,
        derandomize=True,
        print_blob=False,
    )
    hypothesis.settings.load_profile("mutants")
    for name in [name for name in os.environ if name.startswith(("CONTRACT_", "PYTEST_"))]:
        del os.environ[name]
    server = ForkServer(mutants, jobs, told, first)
    suites = sorted({name for mutant in mutants for name in mutant.tests})
    arguments = [*_OPTIONS, "--rootdir", str(ROOT), *(str(ROOT / "contract_tests" / name) for name in suites)]
    log = io.StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(log):
        code = pytest.main(arguments, plugins=[server])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} or not server.verdicts:
        raise HarnessError(log.getvalue()[-4000:])
    return server.verdicts
