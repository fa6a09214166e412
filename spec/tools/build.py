"""Pages and an overlay → one OpenAPI document. No file is read or written here."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jsonschema.exceptions import UnknownType  # type: ignore[import-untyped]  # it ships no types
from referencing.exceptions import Unresolvable

from spec.tools import yaml_source
from spec.tools.check import check, first_invalid
from spec.tools.components import Part
from spec.tools.diff import Rating, compare
from spec.tools.embedded import read_embedded
from spec.tools.errors import UNFORESEEN, SpecError, brief
from spec.tools.excerpt import Excerpt
from spec.tools.merge import Home, merge
from spec.tools.misfits import set_aside_misfits
from spec.tools.origins import Origins
from spec.tools.overlay import apply_overlay, read_home
from spec.tools.page import decode, read_page
from spec.tools.selection import Selection, read_selection
from spec.tools.structure import operations
from spec.tools.whole import Whole, is_document, left_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spec.tools.errors import Notes
    from spec.tools.page import Block
    from spec.tools.yaml_source import Source

_MOST_TOLD: Final = 3
_LONGEST: Final = 240


@dataclass(frozen=True)
class Built:
    """A document and what a maintainer should know about how it came to be."""

    document: dict[str, Any]
    text: str  # the same as the bytes to commit, as text
    # one line each: names made distinct, examples set aside, superfluous actions of the overlay
    reports: tuple[str, ...]
    origins: Origins


@contextlib.contextmanager
def _far_from_openapi(file: str, line: int, origins: Origins, *documents: dict[str, Any]) -> Iterator[None]:
    """Make one error with a place of what no step foresees."""
    try:
        yield
    except UNFORESEEN as error:
        for document in documents:
            try:
                invalid = first_invalid(document)
            except SpecError as crash:
                invalid = crash.message, ()
            if invalid is not None:
                raise origins.error(*invalid, document) from error
        problem = f"this is far from an OpenAPI document ({type(error).__name__}: {error})"
        raise SpecError(f"{problem}: correct the copy, or fetch it again", file, line) from error


def convert_parsed(source: Source, block: Block, reports: list[str]) -> Part:
    """Convert one block of a page whose YAML has been read, whichever format it is in."""
    if not isinstance(source.value, dict):
        raise source.error("expected a map: the page is cut off or wrong; fetch it again")
    if "openapi" in source.value:
        document = read_embedded(source, block, reports)
        return Part(source.file, block.first_line, document, own_info=True, source=source)
    if "paths" not in source.value:
        raise source.error("neither `openapi` nor `paths` is here: this is no format that is known")
    excerpt = Excerpt(source, block, reports)
    document = excerpt.document()
    reports += excerpt.reader.notes()
    return Part(source.file, block.first_line, document, own_info=False, source=source)


def convert_upstream(
    files: Mapping[str, bytes],
    reports: list[str],
    origins: Origins | None = None,
    *,
    home: Home | None = None,
    selection: Selection | None = None,
) -> dict[str, Any]:
    """Make one document of pages and whole documents, before the overlay."""
    origins = origins or Origins()
    pages: list[Part] = []
    for file, content in files.items():
        for block in () if is_document(file) else read_page(content, file).blocks:
            with _far_from_openapi(file, block.first_line, Origins()):
                source = yaml_source.load(block.text, file, block.first_line)
                pages.append(convert_parsed(source, block, reports))
    documents = {file: content for file, content in files.items() if is_document(file)}
    origins.parts += _with_documents(pages, documents, selection or Selection(), reports)
    if not origins.parts:
        raise SpecError("there is no page or document to read: put one there", "spec/upstream")
    first, given = origins.parts[0], [part.document for part in origins.parts]
    with _far_from_openapi(first.file, first.line, origins, *given):
        origins.published = merge(origins.parts, reports, origins.names, home)
    return origins.published


def _with_documents(
    pages: list[Part], documents: Mapping[str, bytes], selection: Selection, reports: list[str]
) -> list[Part]:
    """Add the wanted operations of whole documents; of two descriptions of one, only one stays."""
    parts: list[Part] = []
    described = {(path, method): page for page in pages for path, method, _ in operations(page.document)}
    for file, content in documents.items():
        with _far_from_openapi(file, 1, Origins()):
            whole = Whole.open(content, file)
            chosen = whole.wanted(selection)
            both = [name for name in chosen if name in described]
            twice = whole.part(both, []) if both else None
            kept = [name for name in chosen if name not in both or selection.prefer == "document"]
            part = whole.part(kept, reports) if kept else None
            for path, method in both:
                page = described[path, method]
                is_page = selection.prefer == "page"
                if twice is not None:
                    sides = (page, twice) if is_page else (twice, page)
                    reports += _difference((path, method), *sides)
                if not is_page:
                    del page.document["paths"][path][method]
        if len(chosen) < len(whole.ids):
            reports.append(left_out(whole, kept, part))
        parts += [part] if part is not None else []
    if documents:
        selection.refuse_unused()
    elif selection.source is not None:
        reports.append(f"{selection.source.file}:1: no document is in spec/upstream/: it selects nothing")
    pages = [page for page in pages if any(operations(page.document))]
    return [*parts, *pages] if selection.prefer == "document" else [*pages, *parts]


def _difference(name: tuple[str, str], taken: Part, other: Part) -> list[str]:
    """Say what differs between two descriptions of one operation, of which one is taken."""
    path, method = name
    sides = []
    for part in (other, taken):
        operation = {**part.document["paths"][path][method], "operationId": "same", "tags": ["same"]}
        item = {key: value for key, value in part.document["paths"][path].items() if key == "parameters"}
        sides.append({**part.document, "paths": {path: {**item, method: operation}}})
    compared = compare(sides[0], sides[1])
    changes = [one for one in compared if one.rating > Rating.DOCUMENTATION and one.operations]
    if not changes:
        return []
    shown = [f"{one.place.partition(': ')[2] or one.place}: {one.what}" for one in changes[:_MOST_TOLD]]
    more = f", and {len(changes) - _MOST_TOLD} more" if len(changes) > _MOST_TOLD else ""
    keys = ("paths", path, method)
    first = f"{other.at(keys)}: {method.upper()} {path} is taken from {taken.at(keys)}"
    return [f"{first}, which differs from it: {brief('; '.join(shown), _LONGEST)}{more}"]


def _read(given: tuple[str, bytes] | None) -> Source | None:
    return None if given is None else yaml_source.load(decode(given[1], given[0]), given[0])


def build(
    files: Mapping[str, bytes],
    overlay: tuple[str, bytes] | None = None,
    selection: tuple[str, bytes] | None = None,
) -> Built:
    """Make the checked document with its text."""
    reports: list[str] = []
    origins = Origins(overlay=_read(overlay))
    selected = _read(selection)
    chosen = Selection() if selected is None else read_selection(selected)
    try:
        home = read_home(origins.overlay)
        published = convert_upstream(files, reports, origins, home=home, selection=chosen)
    except SpecError as error:
        if error.file is None and origins.overlay is not None:
            raise origins.overlay.error(error.message, ("x-default-server",)) from error
        raise
    document = published
    if origins.overlay is not None:
        document = apply_overlay(published, origins.overlay, reports, origins.touched)
    with _far_from_openapi(origins.parts[0].file, origins.parts[0].line, origins, document):
        reports += _checked(document, published, origins)
        return Built(document, yaml_source.dump(document), tuple(reports), origins)


def _checked(document: dict[str, Any], published: dict[str, Any], origins: Origins) -> list[str]:
    """Set aside the vendor's examples that don't fit, and check the document; return reports."""
    notes: Notes = []
    unfit = None
    # What can't be walked or judged, such as a reference that leads nowhere, `check` names, with its place.
    with contextlib.suppress(LookupError, Unresolvable, RecursionError, re.error, UnknownType):
        moved, unfit = set_aside_misfits(document, published)
        notes += [
            (one.keys, f"the example does not fit its schema ({one.problem}): kept under x-unfit-*")
            for one in moved
        ]
    try:
        check(document, unfit)
    except SpecError as error:
        raise origins.error(error.message, error.keys or (), document) from error
    return origins.lines(notes, published)  # They stand there under their own keys.
