"""The committed document, held to its sources in the words of the diff."""

from __future__ import annotations

from pathlib import Path

import yaml

from spec.tools.build import build
from spec.tools.diff import as_text, compare
from spec.tools.layout import Layout

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_document_says_what_its_sources_say() -> None:
    """To a caller, page and overlay mean what the committed document means."""
    layout = Layout(ROOT)
    pages = {f"spec/upstream/{name}": content for name, content in layout.upstream_files().items()}
    built = build(pages, ("spec/overlay.yaml", layout.overlay.read_bytes()))
    committed = yaml.safe_load(layout.document.read_text(encoding="utf-8"))
    changes = compare(committed, built.document)
    assert changes == [], as_text(changes)
