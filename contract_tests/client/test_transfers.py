"""The flow of a download by itself: what is asked for, slept, and told in the end."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from contract_tests.support.transfers import (
    AGAIN,
    FRESH,
    GOOD,
    RESET,
    TAG,
    URL,
    VIDEO,
    Body,
    Stage,
    Step,
    not_fetched,
    refused,
    rest,
    task,
    whole,
)
from kling_elements.decisions import Fault
from kling_elements.downloads.part import Part
from kling_elements.errors import NotFoundError

if TYPE_CHECKING:
    from kling_elements.downloads.mp4 import Verdict


DONE: dict[str, tuple[list[Step], list[str], list[float]]] = {
    "at once": ([whole()], ["all"], []),
    "in pieces": ([whole(VIDEO[:7], b"", VIDEO[7:])], ["all"], []),
    "after faults": ([Fault("refused", was_sent=False), refused(503), whole()], ["all"] * 3, [1, 2]),
    "after a hint": ([refused(503, retry_after="7"), whole()], ["all"] * 2, [7]),
    "after the window": ([refused(429, x_ratelimit_reset="9"), whole()], ["all"] * 2, [9]),
    "no window is told of other faults": (
        [refused(503, x_ratelimit_reset="9"), whole()],
        ["all"] * 2,
        [1],
    ),
    "cut twice": (
        [whole(VIDEO[:300], cut=RESET), rest(300, VIDEO[300:400], cut=RESET), rest(400)],
        ["all", "bytes=300-", "bytes=400-"],
        [1, 2],
    ),
    "ended too soon": (
        [whole(VIDEO[:300]), rest(300, VIDEO[300:400]), rest(400)],
        ["all", "bytes=300-", "bytes=400-"],
        [1, 2],
    ),
    "more came than was announced": ([whole(VIDEO + b"x"), whole()], ["all"] * 2, [1]),
    "no such rest": (
        [whole(VIDEO[:300], cut=RESET), refused(416), whole()],
        ["all", "bytes=300-", "all"],
        [1],
    ),
    "no such rest again": (
        [
            whole(VIDEO[:300], cut=RESET),
            refused(416),
            whole(VIDEO[:200], cut=RESET),
            refused(416),
            whole(),
        ],
        ["all", "bytes=300-", "all", "bytes=200-", "all"],
        [1, 2, 4],
    ),
    "a fresh address": (
        [whole(VIDEO[:300], cut=RESET), refused(403), task(FRESH), rest(300)],
        ["all", "bytes=300-", "t-1", "bytes=300-"],
        [1],
    ),
    "a fresh address elsewhere": (
        [whole(VIDEO[:300], cut=RESET), refused(403), task("https://b.example/b.mp4"), whole()],
        ["all", "bytes=300-", "t-1", "all"],
        [1],
    ),
    "damaged": ([whole(VIDEO[:96] + b"\0" * 504), whole()], ["all"] * 2, [1]),
    "a redirect with a body": (
        [whole(VIDEO[:300], cut=RESET), refused(302, location="/a.mp4"), rest(300)],
        ["all", "bytes=300-", "bytes=300-"],
        [1],
    ),
}


@pytest.mark.parametrize("case", DONE.values(), ids=DONE)
def test_ways_to_a_video(stage: Stage, case: tuple[list[Step], list[str], list[float]]) -> None:
    """However it comes, the file is the video; nothing is asked for twice, and nothing else stays."""
    steps, asked, slept = case
    stage.attempts = 4
    assert stage.run(*steps) == "done"
    assert (stage.asked, stage.slept, stage.kept()) == (asked, slept, ["out.mp4"])
    assert {stream.timeout for stream in stage.streams} == {60.0}


FAILED: dict[str, tuple[list[Step], str, list[float]]] = {
    "no answer": ([RESET] * 3, not_fetched("reset by peer"), [1, 2]),
    "faults that don't pass": ([refused(503)] * 3, not_fetched("HTTP 503", status=503), [1, 2]),
    "a hint that is too long": (
        [refused(429, retry_after="61")],
        not_fetched("HTTP 429", status=429),
        [],
    ),
    "refused": ([refused(400)], not_fetched("HTTP 400", status=400), []),
    "not followed": (
        [refused(302, location="https://b.example/b.mp4")],
        not_fetched("a redirect to https://b.example/b.mp4 is not followed", GOOD),
        [],
    ),
    "too large by its head": (
        [Body(200, {"content-length": "601"})],
        not_fetched("it is larger than the 600 bytes that are allowed (it has 601)", GOOD, status=200),
        [],
    ),
    "too large in the end": (
        [Body(200, {"etag": TAG}, (VIDEO, b"x"))],
        not_fetched("it is larger than the 600 bytes that are allowed", GOOD, status=200),
        [],
    ),
    "always more than was announced": (
        [whole(VIDEO, content_length="599")] * 3,
        not_fetched("600 bytes came instead of 599", status=200),
        [1, 2],
    ),
    "no video": (
        [Body(200, {}, (b"<html>",))],
        not_fetched("what came (6 bytes) is no MP4", status=200),
        [],
    ),
    "damaged twice": (
        [whole(VIDEO[:96] + b"\0" * 504)] * 2,
        not_fetched("the MP4 is cut off or damaged (600 bytes)", status=200),
        [1],
    ),
    "a fresh address is refused too": (
        [refused(403), task(FRESH), refused(410)],
        not_fetched("HTTP 410, the address is refused, and so is the fresh one", status=410),
        [],
    ),
    "no other address": (
        [refused(403), task(URL)],
        not_fetched("HTTP 403, the address is refused, and the service has no other", status=403),
        [],
    ),
    "no address at all": (
        [refused(404), task()],
        not_fetched("HTTP 404, the address is refused, and the service has no other", status=404),
        [],
    ),
    "the task is gone": (
        [refused(401), NotFoundError("gone", status_code=404, message="gone")],
        not_fetched(
            "HTTP 401, the address is refused, and the task could not be asked for a fresh one: gone",
            status=401,
        ),
        [],
    ),
}


@pytest.mark.parametrize("case", FAILED.values(), ids=FAILED)
def test_ways_to_none(stage: Stage, case: tuple[list[Step], str, list[float]]) -> None:
    """What can't be had is told to the letter, after the pauses that are due, and nothing stays."""
    steps, told, slept = case
    stage.options = {"max_bytes": 600}
    assert (stage.run(*steps), stage.slept) == (told, slept)
    assert (len(stage.asked), stage.kept()) == (len(steps), [])
    assert stage.told
    assert (stage.told.task_id, stage.told.expires_at) == ("t-1", datetime(2026, 11, 26, 12, tzinfo=UTC))


def test_a_task_of_no_client(stage: Stage) -> None:
    """Where there is nobody to ask for a fresh address, that is told."""
    stage.has_client = False
    reason = (
        "HTTP 403, the address is refused, and the task belongs to no client that could ask for a fresh one"
    )
    assert stage.run(refused(403)) == not_fetched(reason, status=403)


def test_a_target_that_cant_be_written(stage: Stage) -> None:
    """A file that is there already is told, and nothing is asked for."""
    stage.target.write_bytes(b"mine")
    told = f"{stage.target} exists and is left as it is: choose another name, or ask to overwrite it (None)"
    assert (stage.run(), stage.asked, stage.target.read_bytes()) == (told, [], b"mine")


def test_no_path(stage: Stage) -> None:
    """A path that no system takes is told with its reason, and nothing is asked for."""
    stage.target = stage.target.with_name("a\0b.mp4")
    told = f"the video of task t-1 was not stored as {stage.target}: "
    assert stage.run().startswith(told)
    assert stage.run().endswith(f"{AGAIN} (None)")
    assert stage.asked == []


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("place", ["begin", "write", "inspect"])
def test_a_full_disk(stage: Stage, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """A disk that refuses is told with the file, its reason, and what is kept: only what is of use."""
    monkeypatch.setattr(Part, place, full)
    is_kept = place == "inspect"
    kept = f" 600 of 600 bytes are kept in {stage.target}.part, and the next try goes on from there."
    assert stage.run(whole()) == (
        f"the video of task t-1 was not stored as {stage.target}: No space left on device."
        f"{kept if is_kept else ''} {AGAIN} (None)"
    )
    assert stage.kept() == (["out.mp4.part", "out.mp4.part.json"] if is_kept else [])


def test_a_file_that_appears(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody made meanwhile is told, and left."""
    inspect = Part.inspect

    def racing(part: Part) -> Verdict:
        stage.target.write_bytes(b"theirs")
        return inspect(part)

    monkeypatch.setattr(Part, "inspect", racing)
    assert stage.run(whole()) == (
        f"{stage.target} appeared while the video was fetched; it is left as it is. {AGAIN} (None)"
    )
    assert stage.target.read_bytes() == b"theirs"
