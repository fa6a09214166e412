"""The documents that the diff's tests change."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from spec.tools import yaml_source

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="session")
def _library() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / "library.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def library(_library: dict[str, Any]) -> dict[str, Any]:
    """A small document with one of everything, fresh for each test."""
    return copy.deepcopy(_library)


@pytest.fixture(scope="session")
def vendored() -> dict[str, Any]:
    """This project's own document; tests don't change it."""
    path = ROOT / "spec" / "openapi.yaml"
    found: dict[str, Any] = yaml_source.load(path.read_text(encoding="utf-8"), str(path)).value
    return found
