"""The committed document and client are what spec/ gives, and hold what they must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from spec.tools import yaml_source
from spec.tools.build import build, convert_upstream
from spec.tools.check import check
from spec.tools.diff import as_text, compare
from spec.tools.misfits import misfits
from spec.tools.overlay import apply_overlay, read_overlay
from spec.tools.regenerate import check as check_drift
from spec.tools.structure import operations

if TYPE_CHECKING:
    from spec.tools.layout import Layout


def test_nothing_has_drifted(layout: Layout) -> None:
    """Regenerating gives the committed document and client, byte for byte."""
    lines, same = check_drift(layout)
    assert same, "\n".join(lines)


def test_the_committed_document_says_what_its_sources_say(layout: Layout) -> None:
    """To a caller, page and overlay mean what the committed document means: the diff of the two is empty."""
    pages = {f"spec/upstream/{name}": content for name, content in layout.upstream_files().items()}
    built = build(pages, ("spec/overlay.yaml", layout.overlay.read_bytes()))
    changes = compare(yaml.safe_load(layout.document.read_bytes()), built.document)
    assert changes == [], as_text(changes)


def test_document_is_sound(vendored: dict[str, Any], layout: Layout) -> None:
    """It is valid OpenAPI 3.0.3, its links lead somewhere, its examples fit, each operation has its keys."""
    assert vendored["openapi"] == "3.0.3"
    check(vendored)
    assert misfits(vendored) == []
    # The generator ignores a top-level `security`.
    assert [name for name in operations(vendored) if not name[2].get("security")] == []
    # PyYAML, which reads YAML 1.1, sees what a reader of 1.2 sees.
    assert yaml.safe_load(layout.document.read_bytes()) == vendored


def test_overlay_gives_its_reasons(layout: Layout) -> None:
    """Each action has a reason, a source and a sureness, and none is superfluous unawares."""
    overlay = yaml_source.load(layout.overlay.read_text(encoding="utf-8"), "overlay.yaml")
    assert all(action.reason for action in read_overlay(overlay))
    reports: list[str] = []
    apply_overlay(convert_upstream(layout.upstream_files(), []), overlay, reports)
    assert [line for line in reports if "matches nothing any more" not in line] == []
