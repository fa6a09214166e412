"""What a download that gives up keeps, and how the next one goes on, by the flow itself."""

from __future__ import annotations

import json

import pytest

from contract_tests.support.transfers import (
    PLACE,
    RESET,
    TAG,
    VIDEO,
    Body,
    Stage,
    not_fetched,
    refused,
    rest,
    whole,
)
from kling_elements.downloads import transfer


def test_what_came_is_kept(stage: Stage) -> None:
    """When a download gives up, its beginning is told and kept, and the next one goes on from there."""
    stage.attempts = 1
    kept = f" 300 of 600 bytes are kept in {stage.target}.part, and the next try goes on from there."
    for cut, reason, status in (
        (RESET, "reset by peer", None),
        (None, "it ended after 300 of 600 bytes", 200),
    ):
        told = stage.run(whole(VIDEO[:300], cut=cut))
        assert told == not_fetched(reason, kept=kept, status=status)
        assert stage.kept() == ["out.mp4.part", "out.mp4.part.json"]
        assert json.loads((stage.target.parent / "out.mp4.part.json").read_bytes()) == {
            "kling_elements_part": 1,
            "task_id": "t-1",
            "resource": PLACE,
            "validator": TAG,
            "size": 600,
        }
        assert stage.run(rest(300)) == "done"
        assert (stage.asked, stage.kept()) == (["all", "bytes=300-"], ["out.mp4"])
        stage.target.unlink()
        stage.asked.clear()


def test_a_beginning_of_unknown_size_is_kept(stage: Stage) -> None:
    """So it is where the host has not said how much comes; what it says with the rest is noted."""
    stage.attempts, stage.url = 1, f"{PLACE}?token=exp=1795694400~a=?~hmac=ab"
    kept = f"bytes are kept in {stage.target}.part, and the next try goes on from there."
    told = stage.run(Body(200, {"etag": TAG}, (VIDEO[:300],), RESET))
    assert told == not_fetched("reset by peer", kept=f" 300 {kept}")
    told = stage.run(rest(300, VIDEO[300:400], cut=RESET))
    assert told == not_fetched("reset by peer", kept=f" 400 of 600 {kept}")
    assert stage.run(rest(400)) == "done"
    assert stage.asked == ["all", "bytes=300-", "bytes=400-"]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (refused(416), "its host has no such rest"),
        (Body(206, {"etag": '"v2"'}), "its host sent a part of something else"),
        (
            Body(206, {"etag": TAG, "content-range": "bytes 299-599/600"}),
            "its host sent another range than the one wanted",
        ),
    ],
)
def test_a_host_that_has_no_rest(stage: Stage, odd: Body, reason: str) -> None:
    """A host that refuses the rest is asked for the whole at once; the second time that is a failure."""
    cut = whole(VIDEO[:300], cut=RESET)
    assert stage.run(cut, odd, cut, odd) == not_fetched(reason, status=odd.status)
    assert (stage.asked, stage.slept) == (["all", "bytes=300-"] * 2, [1, 2])
    assert stage.kept() == []


@pytest.mark.parametrize("most", [600, 601])
def test_a_whole_part_is_not_asked_for(stage: Stage, most: int) -> None:
    """A part that has all its bytes, up to the very most that are allowed, only gets its name."""
    stage.attempts = 1
    (stage.target.parent / "out.mp4.part").write_bytes(VIDEO)
    note = {"kling_elements_part": 1, "task_id": "t-1", "resource": PLACE, "validator": TAG, "size": 600}
    (stage.target.parent / "out.mp4.part.json").write_text(json.dumps(note))
    stage.options = {"max_bytes": most}
    assert stage.run() == "done"
    assert (stage.asked, stage.kept()) == ([], ["out.mp4"])


def test_a_limit_is_met_exactly(stage: Stage) -> None:
    """A video of as many bytes as are allowed is taken."""
    stage.options = {"max_bytes": 600}
    assert stage.run(Body(200, {}, (VIDEO[:599], VIDEO[599:]))) == "done"


@pytest.mark.parametrize(("came", "slept"), [(50, [1] * 4), (49, [1, 2])])
def test_progress_begins_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, came: int, slept: list[float]
) -> None:
    """An attempt that brought enough is the first one again; one that brought a byte less is not."""
    monkeypatch.setattr(transfer, "DOWNLOAD_PROGRESS", 50)
    later = [rest(place, VIDEO[place : place + came], cut=RESET) for place in range(came, 4 * came, came)]
    steps = [whole(VIDEO[:came], cut=RESET), *later, rest(4 * came)]
    told = stage.run(*steps)
    assert stage.slept == slept
    assert (told == "done") == (len(stage.asked) == len(steps))


def test_damage_where_nothing_is_repeated(stage: Stage) -> None:
    """A damaged video is a failure at once for whoever asks for no second attempt."""
    stage.attempts = 1
    told = not_fetched("the MP4 is cut off or damaged (600 bytes)", status=200)
    assert stage.run(whole(VIDEO[:96] + b"\0" * 504)) == told
    assert (stage.slept, stage.kept()) == ([], [])
