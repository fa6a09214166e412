"""What a host's answer means for the beginning of a file that is there already: a pure table."""

from __future__ import annotations

import pytest

from kling_elements.downloads.ranges import (
    Append,
    Expired,
    Finished,
    PartNote,
    Plan,
    Refuse,
    Replace,
    Restart,
    plan_for,
    request_headers,
    size_fault,
    validator_of,
)
from kling_elements.types import ResponseHead

HAVE = 100
NOTE = PartNote("t", "https://cdn.example/a.mp4", '"v1"', 300)
UNSIZED = PartNote("t", "https://cdn.example/a.mp4", '"v1"')
FRESH = PartNote("t", "https://cdn.example/a.mp4")
RANGE = {"content-range": "bytes 100-299/300", "etag": '"v1"'}
DATES = {"date": "Wed, 21 Oct 2026 07:28:01 GMT", "last-modified": "Wed, 21 Oct 2026 07:28:00 GMT"}
AT_ONCE = {**DATES, "last-modified": DATES["date"]}


def plan(
    status: int, headers: dict[str, str], have: int = HAVE, note: PartNote | None = NOTE, most: int = 1000
) -> Plan:
    return plan_for(ResponseHead(status, headers, FRESH.resource), have, note, FRESH, most)


@pytest.mark.parametrize(
    ("status", "headers", "note"),
    [
        (200, {"content-length": "300", "etag": '"v2"'}, PartNote("t", FRESH.resource, '"v2"', 300)),
        (200, {"content-length": "1000"}, PartNote("t", FRESH.resource, None, 1000)),
        (200, {"content-length": "+300"}, FRESH),
        (200, {"content-length": "300", "content-encoding": "gzip", "etag": '"v2"'}, FRESH),
        (200, {}, FRESH),
    ],
)
def test_a_whole_body_is_taken(status: int, headers: dict[str, str], note: PartNote) -> None:
    """A 200 replaces what is there; its size and its validator are those of the bytes as they are sent."""
    assert plan(status, headers) == Replace(note)


def test_a_part_that_fits_is_appended() -> None:
    """A 206 that begins where the file ends, of the same whole, is appended; a new size is noted."""
    assert plan(206, RANGE) == Append(NOTE)
    assert plan(206, RANGE, note=UNSIZED) == Append(NOTE)
    assert plan(206, {"content-range": " bytes 100-299/* "}, note=NOTE) == Append(NOTE)
    assert plan(206, RANGE, most=300) == Append(NOTE)
    dated = PartNote("t", FRESH.resource, DATES["last-modified"], 300)
    plain = {"content-range": RANGE["content-range"]}
    assert plan(206, {**plain, "last-modified": DATES["last-modified"]}, note=dated) == Append(dated)
    assert isinstance(plan(206, {**plain, "last-modified": AT_ONCE["date"]}, note=dated), Restart)


@pytest.mark.parametrize(
    "changes",
    [
        {"content-range": "bytes 99-299/300"},
        {"content-range": "bytes 101-299/300"},
        {"content-range": "bytes 100-298/300"},
        {"content-range": "bytes 100-300/301"},
        {"content-range": "bytes 100-299/301"},
        {"content-range": "bytes 100-298/*"},
        {"content-range": "BYTES 100-299/300"},
        {"content-range": ""},
        {"content-encoding": "gzip"},
        {"etag": '"v2"'},
    ],
)
def test_a_part_of_something_else_starts_again(changes: dict[str, str]) -> None:
    """A part of another range, another whole, or in another coding is not appended."""
    assert isinstance(plan(206, {**RANGE, **changes}), Restart)


def test_a_part_that_nobody_asked_for_is_refused() -> None:
    """A part in place of the whole is no video, and will be none later."""
    for have, note in ((0, NOTE), (HAVE, None)):
        found = plan(206, RANGE, have=have, note=note)
        assert isinstance(found, Refuse)
        assert (found.status, found.is_transient) == (206, False)


@pytest.mark.parametrize(("status", "headers"), [(200, {"content-length": "300"}), (206, RANGE)])
def test_too_large_a_video_is_refused_at_its_head(status: int, headers: dict[str, str]) -> None:
    """A video over the limit is refused before its body comes."""
    found = plan(status, headers, most=299)
    assert isinstance(found, Refuse)
    assert (found.status, found.is_too_large) == (status, True)


@pytest.mark.parametrize(
    ("headers", "note", "is_finished"),
    [
        ({"content-range": "bytes */100", "etag": '"v1"'}, UNSIZED, True),
        ({"content-range": " bytes */100 "}, UNSIZED, True),
        ({"content-range": "bytes */100"}, PartNote("t", FRESH.resource, '"v1"', 100), True),
        ({"content-range": "bytes */100"}, NOTE, False),
        ({"content-range": "bytes */101"}, UNSIZED, False),
        ({"content-range": "bytes */100", "etag": '"v2"'}, UNSIZED, False),
        ({"content-range": "bytes 0-99/100"}, UNSIZED, False),
        ({"content-range": "bytes */100"}, FRESH, False),
        ({"content-range": "bytes */100"}, None, False),
        ({}, UNSIZED, False),
    ],
)
def test_a_refused_range(headers: dict[str, str], note: PartNote | None, is_finished: bool) -> None:  # noqa: FBT001
    """A 416 means that all is there only if the host vouches for that very size; else all starts again."""
    assert type(plan(416, headers, note=note)) is (Finished if is_finished else Restart)


def test_other_refusals() -> None:
    """Some refusals pass, some don't; some say that the URL is refused, not that the video is gone."""
    for status in (401, 403, 404, 410):
        assert plan(status, {}) == Expired(status)
    for status in (400, 405, 408, 425, 429, 499, 500, 503):
        is_transient = status not in {400, 405, 499}
        assert plan(status, {}) == Refuse(f"HTTP {status}", status, is_transient)
    assert plan(416, {}, have=0) == Refuse("HTTP 416", 416)


def test_what_is_asked_for() -> None:
    """The rest is asked for if there is a beginning and a validator, else the whole; never compressed."""
    whole = {"Accept": "video/mp4, */*;q=0.5", "Accept-Encoding": "identity"}
    assert request_headers(HAVE, NOTE) == {**whole, "Range": "bytes=100-", "If-Range": '"v1"'}
    assert request_headers(0, NOTE) == request_headers(HAVE, FRESH) == request_headers(HAVE, None) == whole


@pytest.mark.parametrize(
    ("have", "note", "is_fault"),
    [
        (300, NOTE, False),
        (299, NOTE, True),
        (301, NOTE, True),
        (301, UNSIZED, False),
        (1000, None, False),
        (1001, None, True),
        (1001, NOTE, True),
    ],
)
def test_the_number_of_bytes(have: int, note: PartNote | None, is_fault: bool) -> None:  # noqa: FBT001
    """A body that is shorter or longer than announced, or over the limit, is a fault."""
    assert (size_fault(have, note, 1000) is not None) is is_fault


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": ' "v1" '}, '"v1"'),
        ({"etag": '""'}, '""'),
        ({"etag": '"!#~"'}, '"!#~"'),
        ({"etag": 'W/"v1"'}, None),
        ({"etag": '"v 1"'}, None),
        ({"etag": "v1"}, None),
        ({"etag": f'"{"x" * 1022}"'}, f'"{"x" * 1022}"'),
        ({"etag": f'"{"x" * 1023}"'}, None),
        ({"etag": 'W/"v1"', **DATES}, DATES["last-modified"]),
        ({"etag": '"v1"', **DATES}, '"v1"'),
        (DATES, DATES["last-modified"]),
        (AT_ONCE, None),
        ({"last-modified": DATES["last-modified"]}, None),
        ({"date": DATES["date"]}, None),
        ({"etag": '"v1"', "content-encoding": "gzip"}, None),
    ],
)
def test_what_can_vouch(headers: dict[str, str], validator: str | None) -> None:
    """A strong entity tag, else a date a second before the answer's own; nothing of a compressed body."""
    assert validator_of(headers) == validator


def test_a_note_is_read_back_or_is_none_of_ours() -> None:
    """A note survives being written; anything else is no note."""
    for note in (NOTE, FRESH):
        assert PartNote.from_json(note.to_json()) == note
    text = NOTE.to_json()
    for old, new in (
        (b": 1,", b": 2,"),
        (b"kling_elements_part", b"other_part"),
        (b'"t"', b"5"),
        (b'"size": 300', b'"size": "300"'),
        (b'"size": 300', b'"size": 300, "more": 1'),
        (b', "size": 300', b""),
        (b'"validator": ', b'"validator": 1, "x": '),
        (b"}", b""),
    ):
        assert old in text
        assert PartNote.from_json(text.replace(old, new)) is None
    assert PartNote.from_json(b"[]") is None
