"""Pages and an overlay → one OpenAPI document. No file is read or written here."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spec.tools import yaml_source
from spec.tools.check import check
from spec.tools.components import Part
from spec.tools.embedded import read_embedded
from spec.tools.errors import SpecError, describe_keys
from spec.tools.excerpt import Excerpt
from spec.tools.merge import Home, merge
from spec.tools.misfits import set_aside_misfits
from spec.tools.origins import Origins
from spec.tools.overlay import apply_overlay, read_home
from spec.tools.page import decode, read_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec.tools.page import Block
    from spec.tools.yaml_source import Source

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
        return Part(source.file, block.first_line, read_embedded(source, block), own_info=True, source=source)
    if "paths" not in source.value:
        raise source.error("neither `openapi` nor `paths` is here: this is no format that is known")
    document = Excerpt(source, block, reports).document()
    return Part(source.file, block.first_line, document, own_info=False, source=source)


def convert_pages(
    pages: Mapping[str, bytes],
    reports: list[str],
    origins: Origins | None = None,
    home: Home | None = None,
) -> dict[str, Any]:
    """Make one document of pages.

    Args:
        pages: The pages' bytes by the name that errors give them, in the order in which they count.
        reports: Gets what a maintainer should know.
        origins: Gets where each operation and component comes from.
        home: The service whose server and key are the document's own.

    Returns:
        The document before the overlay.

    Raises:
        SpecError: There is no page, one can't be converted, or two contradict each other.
    """
    parts = [
        convert_block(block, file, reports)
        for file, content in pages.items()
        for block in read_page(content, file).blocks
    ]
    if not parts:
        raise SpecError("there is no page to read: put at least one *.md there", "spec/upstream")
    origins = origins or Origins()
    origins.parts.extend(parts)
    origins.published = merge(parts, reports, origins.names, home)
    return origins.published


def build(
    pages: Mapping[str, bytes],
    overlay: tuple[str, bytes] | None = None,
    target: str = "openapi.yaml",
) -> Built:
    """Make the checked document.

    Args:
        pages: As for `convert_pages`.
        overlay: The overlay's name and bytes, or None to do without.
        target: What errors about the finished document call it.

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
        published = convert_pages(pages, reports, origins, read_home(origins.overlay))
    except SpecError as error:
        if error.file is None and origins.overlay is not None:
            raise origins.overlay.error(error.message, ("x-default-server",)) from error
        raise
    document = published
    if origins.overlay is not None:
        document = apply_overlay(published, origins.overlay, reports, origins.touched)
    # Where a reference leads nowhere, `check` says so, with its place.
    with contextlib.suppress(LookupError):
        reports.extend(
            f"{target}: {describe_keys(misfit.keys)}: the page's example does not fit its schema"
            f" ({misfit.problem}): kept under x-unfit-*"
            for misfit in set_aside_misfits(document, published)
        )
    try:
        check(document)
    except SpecError as error:
        raise origins.error(error.message, error.keys or (), document) from error
    return Built(document, yaml_source.dump(document), tuple(reports), origins)
