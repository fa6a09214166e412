"""Where a video may go: regular files only, replaced with the mode of the old one."""

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract_tests.support.answers import ID, mp4, reply
from contract_tests.support.clients import Driver, finished
from kling_elements import DownloadError
from kling_elements.downloads.target import Target, target_problem
from kling_elements.files import file_name, is_newer

VIDEO = mp4()
fetched = reply(content=VIDEO, headers={"content-type": "video/mp4"})


def download(driver: Driver, target: Any, **options: Any) -> Path:
    """Download a video of a finished task."""
    client, task, _ = finished(driver, fetched)
    return client.download(task, target, **options)


def identity(path: Path) -> tuple[int, int]:
    """Return what stays of a file that is neither replaced nor changed in its mode."""
    status = path.lstat()
    return status.st_mode, status.st_ino


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def _link_to_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


SPECIAL: tuple[Callable[[Path], object], ...] = (
    os.mkfifo,
    _socket,
    Path.mkdir,
    _link_to_pipe,
    lambda path: path.symlink_to(os.devnull),
    lambda path: path.symlink_to(path.name),  # to itself
    lambda path: path.symlink_to("/dev/stdout"),
    lambda path: path.symlink_to("nowhere/out.mp4"),
)


def test_only_a_regular_file_is_replaced(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything else is refused before anything is fetched, and is left as it was."""
    monkeypatch.chdir(tmp_path)
    for number, make in enumerate(SPECIAL):
        taken = tmp_path / str(number)
        make(taken)
        before = identity(taken)
        with pytest.raises(DownloadError) as caught:
            download(driver, taken, overwrite=True)
        assert caught.value.task_id == ID
        assert identity(taken) == before, "it was opened, or replaced"


def test_what_cant_be_a_new_file(tmp_path: Path) -> None:
    """A file that exists, a link to nothing, a name for a folder or for nothing: each is refused.

    A file that this program's output goes to is not replaced under it.
    """
    (tmp_path / "old").touch()
    (tmp_path / "link").symlink_to("nothing")
    for name in ("old", "link", "new/", "no/a.mp4", "null\0", "x" * 300):
        assert target_problem(f"{tmp_path}/{name}")
    assert target_problem(f"{tmp_path}/new") is None
    assert target_problem(tmp_path / "old", overwrite=True) is None
    saved = os.dup(1)
    try:
        with (tmp_path / "old").open("wb") as file:
            os.dup2(file.fileno(), 1)
        assert target_problem(tmp_path / "old", overwrite=True)
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def test_the_new_file_is_as_private_as_the_old(driver: Driver, tmp_path: Path) -> None:
    """A file that is replaced keeps its mode, behind a link too, and the link stays."""
    target, link = tmp_path / "out.mp4", tmp_path / "link.mp4"
    target.write_bytes(b"old")
    link.symlink_to("out.mp4")
    for mode in (0o600, 0o444, 0o604):
        target.chmod(mode)
        assert download(driver, link, overwrite=True) == link
        assert link.is_symlink()
        assert target.read_bytes() == VIDEO
        assert stat.S_IMODE(target.stat().st_mode) == mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.mp4", "out.mp4"]


def test_another_group_gets_no_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the old file's group can't be kept, no other group may read the new one."""
    target, new = tmp_path / "out.mp4", tmp_path / "new"
    target.touch()
    target.chmod(0o640)
    with new.open("wb") as file:
        actual = os.fstat(file.fileno())
        other = os.stat_result([*actual[:5], actual.st_gid + 1, *actual[6:]])
        monkeypatch.setattr(os, "fchown", _refuse)
        monkeypatch.setattr(os, "fstat", lambda _: other)
        Target.of(target, overwrite=True).protect(file.fileno())
    assert stat.S_IMODE(new.stat().st_mode) == 0o600


def _refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "not permitted")


def test_a_name_that_was_taken_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the part can't be renamed where no links are, no empty file stays, and the reason is the disk's."""
    monkeypatch.setattr(os, "link", _refuse)
    for is_taken_away in (False, True):

        def full(part: Path, path: Path, is_taken_away: bool = is_taken_away) -> None:  # noqa: FBT001
            assert path.read_bytes() == b""
            if is_taken_away:
                path.unlink()
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left on device"):
            Target.of(tmp_path / "out.mp4", overwrite=False).publish(tmp_path / "part")
        assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_flush(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has nothing to flush is no fault; a disk that fails is, and what came is kept."""
    for name in ("EINVAL", "ENOSYS", "EOPNOTSUPP", "EIO", "ENOSPC", "EDQUOT"):

        def fail(descriptor: int, name: str = name) -> None:
            raise OSError(getattr(errno, name), name)

        monkeypatch.setattr(os, "fsync", fail)
        target = tmp_path / name
        if name in {"EINVAL", "ENOSYS", "EOPNOTSUPP"}:
            assert download(driver, target).read_bytes() == VIDEO
        else:
            with pytest.raises(DownloadError):
                download(driver, target)
            assert target.with_name(f"{name}.part").read_bytes() == VIDEO
            assert not target.exists()


NAMES = {"046b6c7f-0b8a": "046b6c7f-0b8a", "Az09_-": "Az09_-", "../a/b.": "___a_b_", "é٣X\0\ud800": "__X__",
         "x" * 101: "x" * 100, "": "task"}  # fmt: skip


def test_files_of_tasks(tmp_path: Path) -> None:
    """A file is called like its task, in plain letters; one made at a moment or after it is newer."""
    assert {task_id: file_name(task_id) for task_id in NAMES} == {k: f"{v}.mp4" for k, v in NAMES.items()}
    path = tmp_path / "a.mp4"
    path.touch()
    os.utime(path, (1000.0, 1000.0))
    assert [is_newer(path, moment) for moment in (999.0, 1000.0, 1000.5)] == [True, True, False]
    for name in ("", "nothing", "a\0b", "x" * 300):  # a folder, nothing, and what no system takes
        assert not is_newer(tmp_path / name, 0.0)
