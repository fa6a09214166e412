"""A few kills of the many that `make kill-test` does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from contract_tests.faults import kill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork are POSIX's")
def test_nothing_is_lost_or_paid_twice(tmp_path: Path) -> None:
    """`kill -9` at random moments, and the same command again: each video there, each task made once."""
    assert kill.run(kills=3, jobs=4, seed=3, folder=tmp_path) == []
