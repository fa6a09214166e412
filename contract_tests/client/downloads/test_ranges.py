"""Rules: what a host's answer means for a file that is there already, and what a file is. Pure tables."""

import io
import struct
from typing import Any

from contract_tests.support.answers import mp4
from kling_elements.downloads import ranges
from kling_elements.downloads.mp4 import MAX_BOXES, Verdict, inspect_video
from kling_elements.external import ResponseHead

HAVE = 100
NOTE = ranges.PartNote("t", "https://cdn.example/a.mp4", '"v1"', 300)
UNSIZED = ranges.PartNote("t", "https://cdn.example/a.mp4", '"v1"')
FRESH = ranges.PartNote("t", "https://cdn.example/a.mp4")
RANGE = {"content-range": "bytes 100-299/300", "etag": '"v1"'}
DATES = {"date": "Wed, 21 Oct 2026 07:28:01 GMT", "last-modified": "Wed, 21 Oct 2026 07:28:00 GMT"}
AT_ONCE = {**DATES, "last-modified": DATES["date"]}


def plan(
    status: int,
    headers: dict[str, str],
    have: int = HAVE,
    note: ranges.PartNote | None = NOTE,
    most: int = 1000,
) -> Any:
    return ranges.plan_for(ResponseHead(status, headers, FRESH.resource), have, note, FRESH, most)


ETAG2 = {"content-length": "300", "etag": '"v2"'}
PLAIN = {"content-range": RANGE["content-range"]}
DATED = ranges.PartNote("t", FRESH.resource, DATES["last-modified"], 300)
OTHER_RANGES = ("bytes 99-299/300", "bytes 101-299/300", "bytes 100-298/300", "bytes 100-300/301",
                "bytes 100-299/301", "bytes 100-298/*", "BYTES 100-299/300", "")  # fmt: skip
WHOLE_RANGE = {"content-range": " bytes */100 "}
# A status, headers, what differs from a part of 100 bytes with a note, and the plan or its kind.
PLANS: list[tuple[int, dict[str, str], dict[str, Any], ranges.Plan | type]] = [
    # A 200 replaces what is there; its size and its validator are those of the bytes as they are sent.
    (200, ETAG2, {}, ranges.Replace(ranges.PartNote("t", FRESH.resource, '"v2"', 300))),
    (200, {"content-length": "1000"}, {}, ranges.Replace(ranges.PartNote("t", FRESH.resource, None, 1000))),
    (200, {"content-length": "+300"}, {}, ranges.Replace(FRESH)),
    (200, {**ETAG2, "content-encoding": "gzip"}, {}, ranges.Replace(FRESH)),
    # A 206 that begins where the file ends, of the same whole, is appended; a new size is noted.
    (206, RANGE, {}, ranges.Append(NOTE)),
    (206, RANGE, {"note": UNSIZED}, ranges.Append(NOTE)),
    (206, {"content-range": " bytes 100-299/* "}, {}, ranges.Append(NOTE)),
    (206, RANGE, {"most": 300}, ranges.Append(NOTE)),
    (206, {**PLAIN, "last-modified": DATES["last-modified"]}, {"note": DATED}, ranges.Append(DATED)),
    (206, {**PLAIN, "last-modified": DATES["date"]}, {"note": DATED}, ranges.Restart),
    # A part of another range, another whole, or in another coding is not.
    *((206, {**RANGE, "content-range": other}, {}, ranges.Restart) for other in OTHER_RANGES),
    (206, {**RANGE, "content-encoding": "gzip"}, {}, ranges.Restart),
    (206, {**RANGE, "etag": '"v2"'}, {}, ranges.Restart),
    # Some refusals pass. A part in place of the whole, and what is too large, is refused by its head.
    *((status, {}, {}, ranges.Expired(status)) for status in (401, 403, 404, 410)),
    *((status, {}, {}, ranges.Refuse(f"HTTP {status}", status)) for status in (400, 405, 499)),
    *(
        (status, {}, {}, ranges.Refuse(f"HTTP {status}", status, True))
        for status in (408, 425, 429, 500, 503)
    ),
    (206, RANGE, {"have": 0}, ranges.Refuse),
    (200, {"content-length": "300"}, {"most": 299}, ranges.Refuse),
    (206, RANGE, {"most": 299}, ranges.Refuse),
    # A 416 means that all is there only if the host vouches for that very size; else all starts again.
    (416, {}, {"have": 0}, ranges.Refuse("HTTP 416", 416)),
    (416, {**WHOLE_RANGE, "etag": '"v1"'}, {"note": UNSIZED}, ranges.Finished),
    (416, WHOLE_RANGE, {"note": UNSIZED}, ranges.Finished),
    (416, WHOLE_RANGE, {"note": ranges.PartNote("t", FRESH.resource, '"v1"', 100)}, ranges.Finished),
    (416, WHOLE_RANGE, {}, ranges.Restart),
    (416, {"content-range": "bytes */101"}, {"note": UNSIZED}, ranges.Restart),
    (416, {**WHOLE_RANGE, "etag": '"v2"'}, {"note": UNSIZED}, ranges.Restart),
    (416, {"content-range": "bytes 0-99/100"}, {"note": UNSIZED}, ranges.Restart),
    (416, WHOLE_RANGE, {"note": None}, ranges.Restart),
    (416, {}, {"note": UNSIZED}, ranges.Restart),
]


def test_plans() -> None:
    """What a host's answer means for the part that is there."""
    for status, headers, changes, expected in PLANS:
        found = plan(status, headers, **changes)
        assert (type(found) if isinstance(expected, type) else found) == expected, (status, headers)
        if expected is ranges.Refuse:
            is_too_large = "most" in changes
            assert (found.status, found.is_transient, found.is_too_large) == (status, False, is_too_large)


def test_what_is_asked_for_and_what_comes() -> None:
    """The rest is asked for if there is a validator, never compressed; a wrong number of bytes is a fault."""
    whole = {"Accept": "video/mp4, */*;q=0.5", "Accept-Encoding": "identity"}
    assert ranges.request_headers(HAVE, NOTE) == {**whole, "Range": "bytes=100-", "If-Range": '"v1"'}
    assert (
        ranges.request_headers(0, NOTE)
        == ranges.request_headers(HAVE, FRESH)
        == ranges.request_headers(HAVE, None)
        == whole
    )
    for have, note in ((300, NOTE), (301, UNSIZED), (1000, None)):
        assert ranges.size_fault(have, note, 1000) is None
    for have, note in ((299, NOTE), (301, NOTE), (1001, None), (1001, NOTE)):
        assert ranges.size_fault(have, note, 1000) is not None


ETAGS = {' "v1" ': '"v1"', '""': '""', '"!#~"': '"!#~"', 'W/"v1"': None, '"v 1"': None, "v1": None,
         f'"{"x" * 1022}"': f'"{"x" * 1022}"', f'"{"x" * 1023}"': None}  # fmt: skip


def test_what_can_vouch() -> None:
    """A strong entity tag, else a date a second before the answer's own; nothing of a compressed body."""
    assert {etag: ranges.validator_of({"etag": etag}) for etag in ETAGS} == ETAGS
    for headers, validator in (
        ({"etag": 'W/"v1"', **DATES}, DATES["last-modified"]),
        ({"etag": '"v1"', **DATES}, '"v1"'),
        (AT_ONCE, None),
        ({"last-modified": DATES["last-modified"]}, None),
        ({"date": DATES["date"]}, None),
        ({"etag": '"v1"', "content-encoding": "gzip"}, None),
    ):
        assert ranges.validator_of(headers) == validator


# What is changed in a written note, and makes it none of ours.
SPOILT = ((b": 1,", b": 2,"), (b"kling_elements_part", b"other_part"), (b'"t"', b"5"), (b"}", b""),
          (b'"size": 300', b'"size": "300"'), (b'"size": 300', b'"size": 300, "more": 1'),
          (b', "size": 300', b""), (b'"validator": ', b'"validator": 1, "x": '))  # fmt: skip


def test_a_note_is_read_back_or_is_none_of_ours() -> None:
    """A note survives being written; anything else is no note."""
    for note in (NOTE, FRESH):
        assert ranges.PartNote.from_json(note.to_json()) == note
    text = NOTE.to_json()
    assert all(old in text for old, _ in SPOILT)
    assert [ranges.PartNote.from_json(text.replace(old, new)) for old, new in SPOILT] == [None] * len(SPOILT)
    assert ranges.PartNote.from_json(b"[]") is None


# --- what a file is, by its first bytes and its boxes

WHOLE, UNUSUAL, DAMAGED, NO_VIDEO = Verdict


def box(kind: bytes, payload: bytes = b"", length: int | None = None) -> bytes:
    """A box, with its own length or any other."""
    return struct.pack(">I", 8 + len(payload) if length is None else length) + kind + payload


def large(kind: bytes, payload: bytes = b"") -> bytes:
    """A box with a 64-bit length."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


FTYP, MOOV, MDAT = box(b"ftyp", b"isom"), box(b"moov", b"\0" * 8), box(b"mdat", b"\1" * 8)


class Counted(io.BytesIO):
    """A file that counts how often it is read, and little at a time."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 <= size <= 512
        self.reads += 1
        return super().read(size)


PNG = b"\x89PNG\r\n\x1a\n"
# Files by what they are; of the first ones all is there, of the second more could follow.
FILES: list[tuple[Verdict, bool, list[bytes]]] = [
    (WHOLE, True, [mp4(), FTYP + MDAT + MOOV, MOOV + MDAT, box(b"wide") + MDAT + MOOV,
                   FTYP + large(b"mdat", b"\1" * 300) + MOOV, FTYP + MOOV + box(b"\xa9nam") + MDAT]),
    (WHOLE, False, [FTYP + MOOV, FTYP + MOOV + box(b"mdat", b"\1" * 9, length=0),
                    FTYP + MOOV + box(b"moof") + MDAT]),
    (UNUSUAL, False, [FTYP + MOOV + MDAT + b"\0" * 64, FTYP + MDAT + MOOV + b"ID3\4" + b"\0" * 50,
                      FTYP + MDAT + MOOV + box(b"free", b"", length=999), b"RIFF\0\0\0\0AVI ",
                      FTYP + MOOV + MDAT + box(b"free") * 2 * MAX_BOXES, b"\x1a\x45\xdf\xa3\0"]),
    (DAMAGED, False, [FTYP + box(b"free") * 2 * MAX_BOXES + MOOV + MDAT, FTYP + MDAT, FTYP + MOOV + MDAT[:-1],
                      FTYP + MDAT + MOOV[:-1], FTYP + MOOV + MDAT[:7], FTYP + MOOV + b"\0" * 64,
                      FTYP + box(b"mdat", b"\1" * 8, length=7) + MOOV, FTYP + large(b"mdat")[:12],
                      FTYP + box(b"mdat", struct.pack(">Q", 16), length=2) + MOOV, b"\0" * 999, PNG]),
    (NO_VIDEO, False, [b"<html>\xe9</html>", b'{"message": "no"}', b""]),
]  # fmt: skip


def test_each_file() -> None:
    """Only text is no video; what looks wrong is kept; and the boxes that are looked at are bounded."""
    for verdict, is_complete, files in FILES:
        for data in files:
            stream = Counted(data)
            found = inspect_video(stream, len(data))
            assert (found.verdict, found.is_complete) == (verdict, is_complete), data[:99]
            assert bool(found.text) == (verdict is not WHOLE)
            assert stream.reads <= MAX_BOXES + 1
