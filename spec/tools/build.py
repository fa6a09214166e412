"""Pages and an overlay → one OpenAPI document. No file is read or written here."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spec.tools import yaml_source
from spec.tools.check import check
from spec.tools.components import Part
from spec.tools.diff import Rating, compare
from spec.tools.embedded import read_embedded
from spec.tools.errors import SpecError, brief
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
    from collections.abc import Mapping

    from spec.tools.errors import Notes
    from spec.tools.page import Block
    from spec.tools.yaml_source import Source

_MOST_TOLD: Final = 3
_LONGEST: Final = 240
_UNFORESEEN: Final = (AttributeError, LookupError, TypeError, ValueError, RecursionError)


@dataclass(frozen=True)
class Built:
    """A document and what a maintainer should know about how it came to be.

    Attributes:
        document: The OpenAPI document.
        text: The same as the bytes to commit, as text.
        reports: One line each: names made distinct, examples set aside, actions of the overlay that are
        superfluous.
        origins: Where each place of the document comes from.
    """

    document: dict[str, Any]
    text: str
    reports: tuple[str, ...]
    origins: Origins


def convert_block(block: Block, file: str, reports: list[str]) -> Part:
    """Convert one block of a page, whichever format it is in.

    Raises:
        SpecError: It holds something that isn't understood.
    """
    try:
        return convert_parsed(yaml_source.load(block.text, file, block.first_line), block, reports)
    except _UNFORESEEN as error:
        raise SpecError(
            f"this block is far from an OpenAPI document ({type(error).__name__}: {error}): correct the"
            " page's copy, or fetch it again",
            file,
            block.first_line,
        ) from error


def convert_parsed(source: Source, block: Block, reports: list[str]) -> Part:
    """Convert one block whose YAML has been read.

    Raises:
        SpecError: It holds something that isn't understood.
    """
    if not isinstance(source.value, dict):
        raise source.error("expected a map: the page is cut off or wrong; fetch it again")
    if "openapi" in source.value:
        return Part(
            source.file, block.first_line, read_embedded(source, block, reports), own_info=True, source=source
        )
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
    """Make one document of pages and whole documents.

    Args:
        files: Their bytes by the name that errors give them, in the order in which they count.
        reports: Gets what a maintainer should know.
        origins: Gets where each operation and component comes from.
        home: The service whose server and key are the document's own.
        selection: Which operations of whole documents are wanted.

    Returns:
        The document before the overlay.

    Raises:
        SpecError: There is nothing to read, one can't be converted, or two contradict each other.
    """
    parts = [
        convert_block(block, file, reports)
        for file, content in files.items()
        if not is_document(file)
        for block in read_page(content, file).blocks
    ]
    documents = {file: content for file, content in files.items() if is_document(file)}
    parts = _with_documents(parts, documents, selection or Selection(), reports)
    if not parts:
        raise SpecError("there is no page or document to read: put one there", "spec/upstream")
    origins = origins or Origins()
    origins.parts.extend(parts)
    origins.published = merge(parts, reports, origins.names, home)
    return origins.published


def _with_documents(
    pages: list[Part], documents: Mapping[str, bytes], selection: Selection, reports: list[str]
) -> list[Part]:
    """Add the wanted operations of whole documents; of two descriptions of one, only one stays."""
    parts: list[Part] = []
    described = {(path, method): page for page in pages for path, method, _ in operations(page.document)}
    for file, content in documents.items():
        try:
            whole = Whole.open(content, file)
            chosen = whole.wanted(selection)
            both = [name for name in chosen if name in described]
            twice = whole.part(both, []) if both else None
            kept = [name for name in chosen if name not in both or selection.prefer == "document"]
            part = whole.part(kept, reports) if kept else None
        except _UNFORESEEN as error:
            raise SpecError(
                f"this is far from an OpenAPI document ({type(error).__name__}: {error}): fetch it again",
                file,
                1,
            ) from error
        for path, method in both:
            if twice is not None:
                page = described[path, method]
                is_page = selection.prefer == "page"
                reports += _difference((path, method), *((page, twice) if is_page else (twice, page)))
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
    changes = [
        one for one in compare(sides[0], sides[1]) if one.rating > Rating.DOCUMENTATION and one.operations
    ]
    if not changes:
        return []
    told = "; ".join(
        f"{one.place.partition(': ')[2] or one.place}: {one.what}" for one in changes[:_MOST_TOLD]
    )
    more = f", and {len(changes) - _MOST_TOLD} more" if len(changes) > _MOST_TOLD else ""
    keys = ("paths", path, method)
    return [
        (
            f"{other.at(keys)}: {method.upper()} {path} is taken from {taken.at(keys)},"
            f" which differs from it: {brief(told, _LONGEST)}{more}"
        )
    ]


def _read_selection(given: tuple[str, bytes] | None) -> Selection:
    if given is None:
        return Selection()
    file, content = given
    return read_selection(yaml_source.load(decode(content, file), file))


def build(
    files: Mapping[str, bytes],
    overlay: tuple[str, bytes] | None = None,
    selection: tuple[str, bytes] | None = None,
) -> Built:
    """Make the checked document.

    Args:
        files: As for `convert_upstream`.
        overlay: The overlay's name and bytes, or None to do without.
        selection: The name and bytes of the file that selects operations, or None to take them all.

    Returns:
        The document with its text.

    Raises:
        SpecError: Something in the inputs is wrong.
    """
    reports: list[str] = []
    origins = Origins()
    if overlay is not None:
        file, content = overlay
        origins.overlay = yaml_source.load(decode(content, file), file)
    try:
        home, chosen = read_home(origins.overlay), _read_selection(selection)
        published = convert_upstream(files, reports, origins, home=home, selection=chosen)
    except SpecError as error:
        if error.file is None and origins.overlay is not None:
            raise origins.overlay.error(error.message, ("x-default-server",)) from error
        raise
    document = published
    if origins.overlay is not None:
        document = apply_overlay(published, origins.overlay, reports, origins.touched)
    notes: Notes = []
    unfit = None
    # Where a reference leads nowhere, `check` says so, with its place.
    with contextlib.suppress(LookupError):
        moved, unfit = set_aside_misfits(document, published)
        notes += [
            (one.keys, f"the example does not fit its schema ({one.problem}): kept under x-unfit-*")
            for one in moved
        ]
    try:
        check(document, unfit)
    except SpecError as error:
        raise origins.error(error.message, error.keys or (), document) from error
    reports.extend(origins.lines(notes, document))
    return Built(document, yaml_source.dump(document), tuple(reports), origins)
