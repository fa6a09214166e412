"""Ask for the whole of a file or for its rest, and plan by the head of the response (RFC 9110). Pure.

The rest of a file is only taken if the host vouches that it belongs to what is there: by the same strong
validator, the same size, and a range that begins where the file ends.
"""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from attrs import asdict, evolve, frozen

from kling_elements.types import redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.external import ResponseHead

_WHOLE = frozenset({HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION})
EXPIRED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""What a host answers when a URL has expired."""
_TRANSIENT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_MAX_VALIDATOR = 1024  # characters
_FORMAT = 1


@frozen
class PartNote:
    """What a part file is the beginning of.

    Attributes:
        task_id: The task whose video it is.
        resource: The URL without its query, which holds the signature.
        validator: A strong entity tag or a date by which the host vouches for the rest; None if it can't.
        size: The size of the whole in bytes, if the host said it.
    """

    task_id: str
    resource: str
    validator: str | None = None
    size: int | None = None

    def to_json(self) -> bytes:
        """Return the note as it is written beside the part."""
        return json.dumps({"kling_elements_part": _FORMAT, **asdict(self)}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> PartNote | None:
        """Read a note; None if it is not one of ours."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or found.pop("kling_elements_part", None) != _FORMAT:
            return None
        match found:
            case {"task_id": str(), "resource": str(), "validator": str() | None, "size": int() | None} if (
                len(found) == 4  # noqa: PLR2004 - the names above
            ):
                return cls(**found)
        return None

    def is_of(self, task_id: str, url: str) -> bool:
        """Whether it is about this task's video at this URL, whatever its signature."""
        return (self.task_id, self.resource) == (task_id, redact_url(url.partition("?")[0]))


@frozen
class Replace:
    """The body is the whole, of which this is the note: what is there is replaced."""

    note: PartNote


@frozen
class Append:
    """The body is the rest of what is there; the note is of the two together."""

    note: PartNote


@frozen
class Finished:
    """What is there is the whole already."""


@frozen
class Restart:
    """What is there can't be continued: the host has something else, or sent another range than asked for."""

    reason: str


@frozen
class Expired:
    """The URL is refused."""

    status: int


@frozen
class Refuse:
    """No video comes: it may come later, or it is refused for its size, whoever asks."""

    reason: str
    status: int
    is_transient: bool = False
    is_too_large: bool = False


Plan: TypeAlias = Replace | Append | Finished | Restart | Expired | Refuse


def request_headers(have: int, note: PartNote | None) -> dict[str, str]:
    """Return the headers that ask for the whole, or for the rest of it if there is a beginning."""
    # Compressed, a range would be one of the compressed bytes.
    headers = {"Accept": "video/mp4, */*;q=0.5", "Accept-Encoding": "identity"}
    if have and note and note.validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": note.validator}
    return headers


def plan_for(head: ResponseHead, have: int, note: PartNote | None, fresh: PartNote, max_bytes: int) -> Plan:
    """Plan what to do with a response, by its head.

    Args:
        head: The head.
        have: Bytes that are there.
        note: What they are the beginning of.
        fresh: What a whole body would be, without validator and size.
        max_bytes: The most that is taken.
    """
    status = head.status
    if status in _WHOLE:
        return _plan_whole(head, fresh, max_bytes)
    if status == HTTPStatus.PARTIAL_CONTENT:
        return _plan_part(head, have, note, fresh, max_bytes)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
        is_whole = _is_whole(head.headers, have, note)
        return Finished() if is_whole else Restart("its host has no such rest")
    if status in EXPIRED:
        return Expired(status)
    is_transient = status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return Refuse(f"HTTP {status}", status, is_transient)


def _plan_whole(head: ResponseHead, fresh: PartNote, max_bytes: int, size: int | None = None) -> Plan:
    size = _length(head.headers) if size is None else size
    if size is not None and size > max_bytes:
        return Refuse(_too_large(max_bytes, size), head.status, is_too_large=True)
    return Replace(PartNote(fresh.task_id, fresh.resource, validator_of(head.headers), size))


def _is_whole(headers: Mapping[str, str], have: int, note: PartNote | None) -> bool:
    """Whether a range was refused because there is nothing left to send."""
    total = re.fullmatch(r"bytes \*/([0-9]{1,18})", headers.get("content-range", "").strip())
    return (
        total is not None
        and int(total[1]) == have
        and note is not None
        and note.size in {None, have}
        and _vouches(headers, note)
    )


def _plan_part(head: ResponseHead, have: int, note: PartNote | None, fresh: PartNote, max_bytes: int) -> Plan:
    headers = head.headers
    given = headers.get("content-range", "").strip()
    found = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", given)
    start, last = (int(found[1]), int(found[2])) if found else (0, -1)
    total = last + 1 if found is None or found[3] == "*" else int(found[3])
    is_coded = "content-encoding" in headers
    if found and start == 0 and last + 1 == total and not is_coded:
        return _plan_whole(head, fresh, max_bytes, total)
    if not have or note is None:
        is_part = given or headers.get("content-type", "").startswith("multipart/")
        part = Refuse(f"HTTP {head.status}: a part came, and the whole was asked for", head.status)
        return part if is_part else _plan_whole(head, fresh, max_bytes)  # a host that mistakes the status
    if found is None or is_coded or not _vouches(headers, note):
        return Restart("its host sent a part of something else")
    if start != have or last + 1 != total or note.size not in {None, total}:
        return Restart("its host sent another range than the one wanted")
    too_large = Refuse(_too_large(max_bytes, total), head.status, is_too_large=True)
    return too_large if total > max_bytes else Append(evolve(note, size=total))


def size_fault(have: int, note: PartNote | None, max_bytes: int) -> str | None:
    """Say what is wrong with the number of bytes that came, once the body ended; None if nothing is."""
    if have > max_bytes:
        return _too_large(max_bytes)
    if note is None or note.size is None or note.size == have:
        return None
    if have < note.size:
        return f"it ended after {have:,} of {note.size:,} bytes"
    return f"{have:,} bytes came instead of {note.size:,}"


def validator_of(headers: Mapping[str, str]) -> str | None:
    """Return what `If-Range` can hold: a strong entity tag, else a date as good as one (RFC 9110, 13.1.5)."""
    if "content-encoding" in headers:
        return None  # the part is decoded, a range would not be
    tag = headers.get("etag", "").strip()
    if re.fullmatch(r'"[\x21\x23-\x7e]*"', tag) and len(tag) <= _MAX_VALIDATOR:
        return tag
    modified = headers.get("last-modified", "").strip()
    try:
        age = parsedate_to_datetime(headers.get("date", "")) - parsedate_to_datetime(modified)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date within the same second could stand for two versions.
    return modified if age.total_seconds() >= 1 else None


def _vouches(headers: Mapping[str, str], note: PartNote) -> bool:
    """Whether a response's own validator, if it has one, is the note's."""
    if note.validator is None:
        return False
    name = "etag" if note.validator.startswith('"') else "last-modified"
    return headers.get(name, note.validator).strip() == note.validator


def _length(headers: Mapping[str, str]) -> int | None:
    declared = headers.get("content-length", "")
    is_size = re.fullmatch(r"[0-9]{1,18}", declared) is not None and "content-encoding" not in headers
    return int(declared) if is_size else None


def _too_large(max_bytes: int, size: int | None = None) -> str:
    said = f" (it has {size:,})" if size else ""
    return f"it is larger than the {max_bytes:,} bytes that are allowed{said}"
