"""A fresh page or document: its bytes, from a file or from the vendor's site, and the file for it."""

from __future__ import annotations

import re
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from spec.tools.errors import SpecError
from spec.tools.page import read_page
from spec.tools.whole import Whole, is_document, looks_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

MOST_BYTES: Final = 20_000_000
_PATIENCE_S: Final = 60
_SILENCE_S: Final = 15
_MOST_REDIRECTS: Final = 3
_OK: Final = 200
_HEADERS: Final = {
    "accept": "text/markdown, application/yaml, application/json, text/plain;q=0.9, */*;q=0.1",
    "user-agent": "kling-elements update",
}
_LONGEST_NAME: Final = 100


def fetch_page(
    page: str,
    *,
    transport: httpx.BaseTransport | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> bytes:
    """Take a fresh copy of a page. No key, cookie or password goes with the request."""
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
                parts = urlsplit(page)
                if parts.scheme != "https" or not parts.hostname or parts.username is not None:
                    problem = (
                        "only https URLs without a user name are fetched: others can be changed on the way"
                    )
                    raise SpecError(problem, page)
                with client.stream("GET", page) as answer:
                    if answer.next_request is not None:
                        page = str(answer.next_request.url)
                        continue
                    if answer.status_code != _OK:
                        problem = f"answered {answer.status_code}: look at it in a browser; it may have moved"
                        raise SpecError(problem, page)
                    for chunk in answer.iter_bytes():
                        content += chunk
                        if len(content) > MOST_BYTES or clock() > ends:
                            break
                if clock() > ends:
                    problem = f"took more than {_PATIENCE_S} s: try again, or save the page and name the file"
                    raise SpecError(problem, page)
                return _bounded(bytes(content), page)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise SpecError(f"could not be fetched: {error or type(error).__name__}", page) from error
    raise SpecError(f"more than {_MOST_REDIRECTS} redirects: name the URL at their end", page)


def _bounded(content: bytes, page: str) -> bytes:
    if len(content) > MOST_BYTES:
        raise SpecError(f"is larger than {MOST_BYTES} bytes, which no page or document is", page)
    return content


def file_for(page: str, content: bytes, known: Mapping[str, bytes]) -> str:
    """Say which file under spec/upstream/ a page or document belongs in."""
    name = urlsplit(page).path if "://" in page else page
    is_whole = looks_whole(name, content)
    mine = _operations(content, page, is_whole=is_whole)
    same = [
        other
        for other, old in known.items()
        if is_document(other) == is_whole and mine & _operations_or_none(old, other)
    ]
    suffix = ".md" if not is_whole else ".json" if content.lstrip()[:1] == b"{" else ".yaml"
    own = _own_name(name, suffix)
    if len(same) > 1 and own not in same:
        problem = f"holds operations of several files ({', '.join(same)}): replace them by hand, then"
        raise SpecError(f"{problem} `make regenerate`", page)
    return own if own in same or not same else same[0]


def _own_name(path: str, suffix: str) -> str:
    stem = PurePosixPath(unquote(path).rstrip("/")).name
    stem = re.sub(r"\.(md|mdx|markdown|txt|yaml|yml|json)$", "", stem, flags=re.IGNORECASE)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:_LONGEST_NAME]
    return f"{stem or 'page'}{suffix}"


def _operations(content: bytes, file: str, *, is_whole: bool) -> set[tuple[str, str]]:
    if is_whole:
        named = file if is_document(file) else f"{file}.yaml"
        return {(method, path) for path, method in Whole.open(content, named).ids}
    return {(block.method, block.path) for block in read_page(content, file).blocks}


def _operations_or_none(content: bytes, file: str) -> set[tuple[str, str]]:
    try:
        return _operations(content, file, is_whole=is_document(file))
    except SpecError:
        return set()  # A broken copy can still be replaced, by its name.
