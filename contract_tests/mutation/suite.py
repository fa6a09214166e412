"""Which tests mutants are run against, and how each is run."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest
from hypothesis import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]
# Generated examples of one test: enough to find what is wrong everywhere, few enough to ask of each mutant.
_EXAMPLES: Final = 25
_OPTIONS: Final = (
    "-s", "-q", "--import-mode=importlib", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist",
    "-p", "no:schemathesis", "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip


class HarnessError(Exception):
    """The tests could not be run at all; the message is pytest's."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests.

    Attributes:
        root: The folder of pytest's configuration.
        paths: Files or folders, below the root.
        left_out: What of them is left out, and why.
    """

    root: Path
    paths: tuple[str, ...]
    left_out: dict[str, str]


_FOLDERS: Final = (
    "batch", "canary", "client", "client_side", "command_line", "end_to_end", "journal", "models",
    "webhooks",
)  # fmt: skip
# The suites of the document's tools, the mock and the set-up run no code of the client for its own sake.
CLIENT: Final = Suite(
    ROOT,
    tuple(f"contract_tests/{folder}" for folder in _FOLDERS),
    {
        "contract_tests/batch/test_kill.py": "it starts processes, which see nothing of a mutant",
        "contract_tests/batch/test_memory.py": "it counts memory, and coverage needs some as well",
        "contract_tests/command_line/test_process.py": "it starts processes, which see nothing of a mutant",
        "contract_tests/journal/test_processes.py": "it starts processes, which see nothing of a mutant",
        "contract_tests/models/test_pro.py": "it runs other parts of the suite in a process of their own",
    },
)


@dataclass
class _Loop:
    """A pytest plugin that does something else with the tests than to run them."""

    instead: Callable[[pytest.Session], None]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests can't be collected")
        self.instead(session)
        return True


def with_collected(suite: Suite, instead: Callable[[pytest.Session], None]) -> None:
    """Collect tests, and do something else with them than to run them.

    Args:
        suite: Which tests.
        instead: Called with the session when all is imported and collected.

    Raises:
        HarnessError: The tests can't be collected.
    """
    # Shrinking tells a person more, and costs minutes.
    hypothesis.settings.register_profile(
        "mutation",
        phases=(Phase.explicit, Phase.generate),
        database=None,
        deadline=None,
        derandomize=True,
        print_blob=False,
        max_examples=_EXAMPLES,
    )
    hypothesis.settings.load_profile("mutation")
    for name in [name for name in os.environ if name.startswith(("CONTRACT_", "PYTEST_"))]:
        del os.environ[name]
    paths = [str(suite.root / path) for path in suite.paths]
    without = [f"--ignore={suite.root / path}" for path in suite.left_out]
    log = io.StringIO()
    with contextlib.chdir(suite.root), contextlib.redirect_stdout(log):
        code = pytest.main(
            [*_OPTIONS, "--rootdir", str(suite.root), *without, *paths], plugins=[_Loop(instead)]
        )
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        raise HarnessError(log.getvalue()[-4000:])
