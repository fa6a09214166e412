"""A fresh copy of a page: its bytes, from a file or from the vendor's site, and the file it belongs in."""

from __future__ import annotations

import re
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from spec.tools.errors import SpecError
from spec.tools.page import read_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

MOST_BYTES: Final = 4_000_000
_PATIENCE_S: Final = 60
_SILENCE_S: Final = 15
_MOST_REDIRECTS: Final = 3
_OK: Final = 200
_HEADERS: Final = {
    "accept": "text/markdown, text/plain;q=0.9, */*;q=0.1",
    "user-agent": "kling-elements update",
}
_LONGEST_NAME: Final = 100


def fetch_page(
    page: str,
    *,
    transport: httpx.BaseTransport | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> bytes:
    """Take a fresh copy of a page. No key, cookie or password goes with the request.

    Args:
        page: A file, or an https URL.
        transport: In place of the network, for tests.
        clock: A monotonic clock, in seconds.

    Returns:
        The page's bytes, at most 4 MB.

    Raises:
        SpecError: It can't be had.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", page):
        return _download(page, transport, clock)
    try:
        with Path(page).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it can't be read"
        raise SpecError(f"{reason}: name a file, or an https URL", page) from error
    return _bounded(content, page)


def _download(page: str, transport: httpx.BaseTransport | None, clock: Callable[[], float]) -> bytes:
    import httpx  # noqa: PLC0415 - a page in a file needs none of it

    ends = clock() + _PATIENCE_S
    content = bytearray()
    try:
        with httpx.Client(
            headers=_HEADERS, timeout=_SILENCE_S, max_redirects=_MOST_REDIRECTS, transport=transport
        ) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                _refuse_unless_https(page)
                with client.stream("GET", page) as answer:
                    if answer.next_request is not None:
                        page = str(answer.next_request.url)
                        continue
                    if answer.status_code != _OK:
                        raise SpecError(
                            f"answered {answer.status_code}: look at it in a browser; it may have moved",
                            page,
                        )
                    for chunk in answer.iter_bytes():
                        content += chunk
                        if len(content) > MOST_BYTES or clock() > ends:
                            break
                if clock() > ends:
                    raise SpecError(
                        f"took more than {_PATIENCE_S} s: try again, or save the page and name the file", page
                    )
                return _bounded(bytes(content), page)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise SpecError(f"could not be fetched: {error or type(error).__name__}", page) from error
    raise SpecError(f"more than {_MOST_REDIRECTS} redirects: name the URL at their end", page)


def _refuse_unless_https(page: str) -> None:
    parts = urlsplit(page)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise SpecError(
            "only https URLs without a user name are fetched: anybody on the way could change others", page
        )


def _bounded(content: bytes, page: str) -> bytes:
    if len(content) > MOST_BYTES:
        raise SpecError(f"is larger than {MOST_BYTES} bytes, which no page is", page)
    return content


def file_for(page: str, content: bytes, known: Mapping[str, bytes]) -> str:
    """Say which file under spec/upstream/ a page belongs in.

    Args:
        page: Where it was taken from.
        content: Its bytes.
        known: The pages that are there, by name.

    Returns:
        The file that has the same operations; else the one of the same name; else a new name, the page's own.

    Raises:
        SpecError: The page can't be read, or its operations stand in several files.
    """
    mine = _operations(content, page)
    same = [name for name, old in known.items() if mine & _operations_or_none(old, name)]
    if len(same) > 1:
        raise SpecError(
            f"holds operations of several files ({', '.join(same)}): replace them by hand, then"
            " `make regenerate`",
            page,
        )
    return same[0] if same else _own_name(page)


def _own_name(page: str) -> str:
    path = unquote(urlsplit(page).path) if "://" in page else Path(page).name
    stem = PurePosixPath(path.rstrip("/")).name
    stem = re.sub(r"\.(md|mdx|markdown|txt)$", "", stem, flags=re.IGNORECASE)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:_LONGEST_NAME]
    return f"{stem or 'page'}.md"


def _operations(content: bytes, file: str) -> set[tuple[str, str]]:
    return {(block.method, block.path) for block in read_page(content, file).blocks}


def _operations_or_none(content: bytes, file: str) -> set[tuple[str, str]]:
    try:
        return _operations(content, file)
    except SpecError:
        return set()  # A broken copy can still be replaced, by its name.
