"""What a failed download tells, to the letter: what happened, what is kept, what is left of the hour."""

from __future__ import annotations

import errno
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kling_elements import DownloadError, Task
from kling_elements.downloads.error_messages import DownloadErrors
from kling_elements.downloads.part_file import PartFile
from kling_elements.downloads.ranges import PartNote

if TYPE_CHECKING:
    from collections.abc import Callable

EXPIRY = datetime(2026, 11, 26, 12, tzinfo=UTC)
URL = f"https://cdn.example/a.mp4?token=exp={int(EXPIRY.timestamp())}~hmac=ab"
GOOD = "Its URL is valid for another 30 min (until 2026-11-26 12:00:00 UTC)."
REPEAT = " Next: `kling-elements download t-1`"
KEPT = "are kept in out.mp4.part, and the next try goes on from there."
OUT = Path("out.mp4")


def telling(left: timedelta = timedelta(minutes=30), url: str = URL) -> DownloadErrors:
    return DownloadErrors(Task("t-1", "COMPLETED", (url,)), url, EXPIRY - left)


def part(size: int = 1100, *, validator: str | None = '"v1"', total: int | None = 3000) -> PartFile:
    note = PartNote("t-1", "https://cdn.example/a.mp4", validator, total)
    return PartFile(Path("out.mp4.part"), io.BytesIO(), Path("out.mp4.part.json"), size, note)


def told(error: DownloadError) -> tuple[str, object, object, object]:
    return str(error), error.task_id, error.status_code, error.expires_at


CASES: dict[str, tuple[Callable[[DownloadErrors], DownloadError], str, int | None]] = {
    "not fetched": (
        lambda telling: telling.not_fetched("no answer"),
        f"the video of task t-1 was not fetched: no answer. {GOOD}{REPEAT}",
        None,
    ),
    "refused": (
        lambda telling: telling.not_fetched("HTTP 403", 403),
        f"the video of task t-1 was not fetched: HTTP 403. {GOOD}{REPEAT}",
        403,
    ),
    "in vain": (
        lambda telling: telling.not_fetched("it is too large", 200, is_final=True),
        f"the video of task t-1 was not fetched: it is too large. {GOOD}",
        200,
    ),
    "a beginning of a known size": (
        lambda telling: telling.not_fetched("cut", None, part()),
        f"the video of task t-1 was not fetched: cut. 1,100 of 3,000 bytes {KEPT} {GOOD}{REPEAT}",
        None,
    ),
    "a beginning of an unknown size": (
        lambda telling: telling.not_fetched("cut", None, part(total=None)),
        f"the video of task t-1 was not fetched: cut. 1,100 bytes {KEPT} {GOOD}{REPEAT}",
        None,
    ),
    "a beginning of no use": (
        lambda telling: telling.not_fetched("cut", None, part(validator=None)),
        f"the video of task t-1 was not fetched: cut. {GOOD}{REPEAT}",
        None,
    ),
    "not stored": (
        lambda telling: telling.not_stored(OUT, OSError(errno.ENOSPC, "No space left on device")),
        f"the video of task t-1 was not stored as out.mp4: No space left on device. {GOOD}{REPEAT}",
        None,
    ),
    "not stored, with a beginning": (
        lambda telling: telling.not_stored(OUT, OSError(errno.EIO, "gone"), part()),
        f"the video of task t-1 was not stored as out.mp4: gone. 1,100 of 3,000 bytes {KEPT} {GOOD}{REPEAT}",
        None,
    ),
    "no path": (
        lambda telling: telling.not_stored(OUT, ValueError("embedded null byte")),
        f"the video of task t-1 was not stored as out.mp4: its name holds a null byte. {GOOD}{REPEAT}",
        None,
    ),
    "an error without words": (
        lambda telling: telling.not_stored(OUT, PermissionError()),
        f"the video of task t-1 was not stored as out.mp4: PermissionError. {GOOD}{REPEAT}",
        None,
    ),
    "a file that appeared": (
        lambda telling: telling.appeared(OUT),
        f"out.mp4 appeared while the video was fetched; it is left as it is. {GOOD}{REPEAT}",
        None,
    ),
    "a target that can't be written": (
        lambda telling: telling.refused(DownloadError("it is a folder")),
        "it is a folder",
        None,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_happened(case: tuple[Callable[[DownloadErrors], DownloadError], str, int | None]) -> None:
    """Each error says what happened, what is kept, until when the address is good, and what to type."""
    fail, sentence, status = case
    assert told(fail(telling())) == (sentence, "t-1", status, EXPIRY)


@pytest.mark.parametrize(
    ("left", "span"),
    [
        ({"seconds": 1}, "1 s"),
        ({"seconds": 119}, "119 s"),
        ({"seconds": 120}, "2 min"),
        ({"minutes": 119, "seconds": 59}, "119 min"),
        ({"hours": 2}, "2 h"),
        ({"hours": 47, "minutes": 59}, "47 h"),
        ({"days": 2}, "2 days"),
        ({"days": 30, "hours": 23}, "30 days"),
    ],
)
def test_how_long_it_is(left: dict[str, Any], span: str) -> None:
    """A time is told in the largest unit of which there are two, before the address's end and after it."""
    when = "2026-11-26 12:00:00 UTC"
    before = str(telling(timedelta(**left)).not_fetched("no"))
    assert before.endswith(f"no. Its URL is valid for another {span} (until {when}).{REPEAT}")
    after = str(telling(-timedelta(**left)).not_fetched("no"))
    assert after.endswith(f"no. Its URL expired at {when}, {span} ago: the video is gone.")


def test_an_address_ends_at_its_moment() -> None:
    """At the very moment of its end an address is good no more."""
    assert str(telling(timedelta(0)).not_fetched("no")).endswith(", 0 s ago: the video is gone.")


def test_an_address_that_tells_no_end() -> None:
    """Without an end, what is known of all addresses is told, and nothing of an end is in the error."""
    unknown = telling(url="https://cdn.example/a.mp4")
    sentence = "the video of task t-1 was not fetched: no. URLs of videos last an hour."
    assert told(unknown.not_fetched("no")) == (f"{sentence}{REPEAT}", "t-1", None, None)
    assert told(unknown.not_fetched("no", is_final=True)) == (sentence, "t-1", None, None)
