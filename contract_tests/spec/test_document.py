"""The committed document and client are what spec/ gives, and hold what they must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from spec.tools import yaml_source
from spec.tools.build import build, convert_upstream
from spec.tools.check import check
from spec.tools.diff import as_text, compare
from spec.tools.layout import Layout
from spec.tools.misfits import misfits
from spec.tools.overlay import apply_overlay, read_overlay
from spec.tools.regenerate import check as check_drift
from spec.tools.structure import operations


@pytest.fixture
def committed(layout: Layout) -> dict[str, Any]:
    value: dict[str, Any] = yaml_source.load(
        layout.document.read_text(encoding="utf-8"), "openapi.yaml"
    ).value
    return value


def test_nothing_has_drifted(layout: Layout) -> None:
    """Regenerating gives the committed document and client, byte for byte."""
    lines, same = check_drift(layout)
    assert same, "\n".join(lines)


def test_document_is_sound(committed: dict[str, Any]) -> None:
    """It is valid OpenAPI 3.0.3, its links lead somewhere, its examples fit."""
    assert committed["openapi"] == "3.0.3"
    check(committed)
    assert misfits(committed) == []


def test_every_reader_sees_the_same_document(layout: Layout, committed: dict[str, Any]) -> None:
    """PyYAML, which the shipped packages read it with, sees what a YAML 1.2 reader sees."""
    assert yaml.safe_load(layout.document.read_bytes()) == committed


def test_every_operation_says_how_to_authenticate(committed: dict[str, Any]) -> None:
    """The generator ignores a top-level `security`: each operation states its own."""
    assert [name for name in operations(committed) if not name[2].get("security")] == []


def test_overlay_gives_its_reasons(layout: Layout) -> None:
    """Each action has a reason, a source and a sureness, and none is superfluous unawares."""
    overlay = yaml_source.load(layout.overlay.read_text(encoding="utf-8"), "overlay.yaml")
    assert all(action.reason for action in read_overlay(overlay))
    reports: list[str] = []
    apply_overlay(convert_upstream(layout.upstream_files(), []), overlay, reports)
    assert [line for line in reports if "matches nothing any more" not in line] == []


ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_document_says_what_its_sources_say() -> None:
    """To a caller, page and overlay mean what the committed document means."""
    layout = Layout(ROOT)
    pages = {f"spec/upstream/{name}": content for name, content in layout.upstream_files().items()}
    built = build(pages, ("spec/overlay.yaml", layout.overlay.read_bytes()))
    committed = yaml.safe_load(layout.document.read_text(encoding="utf-8"))
    changes = compare(committed, built.document)
    assert changes == [], as_text(changes)
