"""What a download can be asked for, where its video may go, and what its file is called."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kling_elements import ValidationError
from kling_elements.downloads.options import MAX_VIDEO_BYTES, Download, check_download
from kling_elements.downloads.target import Target
from kling_elements.errors import DownloadError
from kling_elements.files import file_name, is_newer

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("options", "download"),
    [
        ({}, Download(overwrite=False, max_bytes=MAX_VIDEO_BYTES, redirects="same-host")),
        ({"max_bytes": None}, Download(overwrite=False, max_bytes=MAX_VIDEO_BYTES, redirects="same-host")),
        ({"max_bytes": 1}, Download(overwrite=False, max_bytes=1, redirects="same-host")),
        (
            {"overwrite": True, "max_bytes": 10**12, "redirects": "any"},
            Download(overwrite=True, max_bytes=10**12, redirects="any"),
        ),
        (
            {"overwrite": False, "redirects": "any-host"},
            Download(overwrite=False, max_bytes=MAX_VIDEO_BYTES, redirects="any-host"),
        ),
    ],
)
def test_what_is_asked_for(options: Any, download: Download) -> None:
    """Each option is taken as it is given, and has its default where it is not."""
    assert check_download(options) == download


def test_every_fault_is_named() -> None:
    """All that can't be used is named at once, with what can."""
    options: Any = {"overwite": True, "max_bytes": 0, "redirects": "all"}
    with pytest.raises(ValidationError) as caught:
        check_download(options)
    assert list(caught.value.problems) == [
        "overwite is not an option of download (did you mean 'overwrite'?)",
        "max_bytes must be a number of bytes, 1 or more: got 0",
        "redirects must be 'same-host' or 'any-host' or 'any': got 'all'",
    ]


@pytest.mark.parametrize("wrong", [0, -1, True, False, 1.5, "1", [1]])
def test_what_is_no_number_of_bytes(wrong: object) -> None:
    """The largest video is a whole number of bytes; neither a truth value nor a text is one."""
    options: Any = {"max_bytes": wrong}
    with pytest.raises(ValidationError) as caught:
        check_download(options)
    assert list(caught.value.problems) == [f"max_bytes must be a number of bytes, 1 or more: got {wrong!r}"]


def test_a_target(tmp_path: Path) -> None:
    """A target is a file in a folder that exists; it may exist itself only if it may be replaced."""
    new, old = tmp_path / "new.mp4", tmp_path / "old.mp4"
    old.touch()
    assert Target.of(str(new), overwrite=False) == Target(new, overwrite=False)
    assert Target.of(old, overwrite=True) == Target(old, overwrite=True)
    refused = {
        tmp_path: f"{tmp_path} is a folder: name a file in it. Nothing was fetched",
        tmp_path / "no" / "a.mp4": f"there is no folder {tmp_path / 'no'} for a.mp4. Nothing was fetched",
        old: f"{old} exists and is left as it is: choose another name, or ask to overwrite it",
    }
    for path, sentence in refused.items():
        with pytest.raises(DownloadError) as caught:
            Target.of(path, overwrite=False)
        assert str(caught.value) == sentence


def _no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "no hard links here")


@pytest.mark.parametrize("is_taken_away", [False, True], ids=["the name is ours", "somebody removed it"])
def test_a_name_that_was_taken_is_given_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_taken_away: bool,  # noqa: FBT001 - a case of the table
) -> None:
    """If the part can't be renamed where no links are, no empty file stays, and the reason is the disk's."""
    target = Target(tmp_path / "out.mp4", overwrite=False)

    def full(part: Path, path: Path) -> None:
        assert path.read_bytes() == b""
        if is_taken_away:
            path.unlink()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", _no_links)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        target.publish(tmp_path / "part")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("task_id", "name"),
    [
        ("046b6c7f-0b8a-43b9", "046b6c7f-0b8a-43b9.mp4"),
        ("Az09_-", "Az09_-.mp4"),
        ("../a/b", "___a_b.mp4"),
        ("a.mp4", "a_mp4.mp4"),
        ("é٣X\0\ud800", "__X__.mp4"),
        ("x" * 100, "x" * 100 + ".mp4"),
        ("x" * 101, "x" * 100 + ".mp4"),
        ("", "task.mp4"),
    ],
)
def test_a_tasks_file_name(task_id: str, name: str) -> None:
    """A file is called like its task, with nothing in it that a file system or a shell could misread."""
    assert file_name(task_id) == name


@pytest.mark.parametrize(
    ("make", "is_one"),
    [
        (lambda path: path.touch(), True),
        (lambda path: path.mkdir(), False),
        (lambda path: None, False),
    ],
    ids=["a file", "a folder", "nothing"],
)
def test_a_newer_file(tmp_path: Path, make: Callable[[Path], None], is_one: bool) -> None:  # noqa: FBT001 - as above
    """A file that was made at a moment or after it is newer; an older one, and what is no file, is not."""
    path = tmp_path / "a.mp4"
    make(path)
    if path.exists():
        os.utime(path, (1000.0, 1000.0))
    assert [is_newer(path, moment) for moment in (999.0, 1000.0, 1000.5)] == [is_one, is_one, False]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_what_can_be_no_file_is_not_newer(tmp_path: Path, name: str) -> None:
    """A name that no system takes is no file, newer or not."""
    assert not is_newer(tmp_path / name, 0.0)
