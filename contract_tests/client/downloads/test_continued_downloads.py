"""Downloads that break off: they continue where they were, or start again, and never mix two videos."""

import contextlib
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define, evolve, field

from contract_tests.support.answers import ID, RESULT, Pieces, failing, mp4, reply, shown
from contract_tests.support.clients import SYNC, Driver, Opened, Script, finished
from kling_elements import DownloadError, Task
from kling_elements.downloads import part_file as parts
from kling_elements.downloads.part_file import PartFile
from kling_elements.policy.retries import RetryPolicy

VIDEO = mp4(600)
HOLE = VIDEO[:96] + b"\0" * 504  # as a file system may leave it
ETAG = '"v1"'
RESET = httpx.ReadError("reset by peer")


@define
class Host:
    """A result's host that honours ranges; so many bytes of each next body come before it breaks off."""

    data: bytes = VIDEO
    headers: dict[str, str] = field(factory=lambda: {"etag": ETAG})
    cuts: list[int] = field(factory=list)
    ranges: list[str | None] = field(factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        wanted, total = request.headers.get("range"), len(self.data)
        self.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        status, sent = 200, {**self.headers}
        if wanted and request.headers["if-range"] == self.headers.get("etag"):
            status = 416 if start >= total else 206
            sent["content-range"] = (
                f"bytes */{total}" if start >= total else f"bytes {start}-{total - 1}/{total}"
            )
        body = b"" if status == 416 else self.data[start if status == 206 else 0 :]
        sent["content-length"] = str(len(body))
        cut = self.cuts.pop(0) if self.cuts else None
        stream = Pieces(body) if cut is None else Pieces(body[:cut], error=RESET)
        return httpx.Response(status, headers=sent, stream=stream)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ONCE = RetryPolicy(attempts=1)


def test_a_break_anywhere_between_two_calls(tmp_path: Path) -> None:
    """Wherever a call breaks off, the next one continues there."""
    data, target = mp4(112), tmp_path / "out.mp4"
    for place in range(1, len(data), 5):
        host = Host(data, cuts=[place])
        client, task, error = fails(SYNC, target, host)
        assert f"{place} of {len(data)} bytes" in str(error)
        assert b"0a1b2c" not in (tmp_path / "out.mp4.part.json").read_bytes(), "anybody could read it"
        assert names(tmp_path) == ["out.mp4.part", "out.mp4.part.json"]
        assert client.download(task, target).read_bytes() == data
        assert host.ranges == [None, f"bytes={place}-"]
        assert names(tmp_path) == ["out.mp4"]
        target.unlink()


def fails(driver: Driver, target: Path, *steps: Any, **options: Any) -> tuple[Opened, Task, DownloadError]:
    """A download that breaks off at its first attempt; the client, the task, and the error."""
    client, task, _ = finished(driver, *steps, retries=ONCE, **options)
    with pytest.raises(DownloadError) as caught:
        client.download(task, target)
    return client, task, caught.value


def test_another_task_is_not_appended(driver: Driver, tmp_path: Path) -> None:
    """What came of one task's video is not continued with another's."""
    host = Host(cuts=[300])
    server = Script.of(shown("COMPLETED", (RESULT,)), host, shown("COMPLETED", (RESULT,), task_id="b"), host)
    client = driver.open(server, retries=ONCE)
    for task_id in (ID, "b"):
        task = client.get(task_id)
        with contextlib.suppress(DownloadError):
            client.download(task, tmp_path / "b.mp4")
    assert (tmp_path / "b.mp4").read_bytes() == VIDEO
    assert (host.ranges, names(tmp_path)) == ([None, None], ["b.mp4"])


def test_ctrl_c_keeps_what_came(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves no target; what came is kept beside it, and continued, or only renamed if it is whole."""
    write = PartFile.write

    def interrupt(part: PartFile, chunk: bytes = b"") -> None:
        if chunk:
            write(part, chunk[:300])
        raise KeyboardInterrupt

    for where, ranges in (("inspect", [None]), ("write", [None, "bytes=300-"])):
        target, host = tmp_path / where, Host()
        client, task, _ = finished(driver, host)
        with monkeypatch.context() as patch:
            patch.setattr(PartFile, where, interrupt)
            with pytest.raises(KeyboardInterrupt):
                client.download(task, target)
        assert not target.exists()
        assert client.download(task, target).read_bytes() == VIDEO
        assert host.ranges == ranges
    assert names(tmp_path) == ["inspect", "write"]


BREAKING: list[tuple[Host, int, bool]] = [
    (Host(cuts=[50] * 11), 12, True),
    (Host(cuts=[49] * 11), 3, False),  # too little each time
    (Host(mp4(6000), cuts=[50] * 99), 20, False),
    (Host(headers={}, cuts=[50, 150, 50, 250] * 9), 3, False),  # what is fetched again is no progress
]


def test_progress_is_not_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that breaks often is used as long as new bytes come, within bounds; then the download ends."""
    monkeypatch.setattr("kling_elements.downloads.download.DOWNLOAD_PROGRESS", 50)
    monkeypatch.setattr("kling_elements.downloads.download.MAX_ATTEMPTS", 20)
    for host, attempts, is_stored in BREAKING:
        host = evolve(host, cuts=list(host.cuts), ranges=[])  # noqa: PLW2901 - tests share the table
        client, task, _ = finished(SYNC, host)
        with contextlib.nullcontext() if is_stored else pytest.raises(DownloadError):
            assert client.download(task, tmp_path / f"{attempts}.mp4").read_bytes() == VIDEO
        assert len(host.ranges) == attempts


# --- retries


def test_a_passing_fault_is_retried(driver: Driver, tmp_path: Path) -> None:
    """A host's passing fault is retried after the pause that it asks for; no other, nor after an hour."""
    for status, hint, slept in ((429, "7", [7.0]), (503, "3600", []), (405, "1", [])):
        sleeps: list[float] = []
        step = failing(status, retry_after=hint)
        client, task, _ = finished(driver, step, Host(), sleep=sleeps.append)
        with contextlib.nullcontext() if slept else pytest.raises(DownloadError):
            client.download(task, tmp_path / f"{status}.mp4")
        assert sleeps == slept
    assert (tmp_path / "429.mp4").read_bytes() == VIDEO


def test_damage_is_fetched_again_once(driver: Driver, tmp_path: Path) -> None:
    """A damaged video is fetched once more, from its beginning; then it is an error."""
    host, good = Host(HOLE), Host()
    client, task, _ = finished(driver, host, good)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert good.ranges == [None]
    client, task, _ = finished(driver, host)
    with pytest.raises(DownloadError, match="cut off or damaged"):
        client.download(task, tmp_path / "bad.mp4")
    assert len(host.ranges) == 3


def newer(*cuts: int, data: bytes = mp4(700)) -> Host:
    return Host(data, {"etag": '"v2"'}, list(cuts))


# What comes in place of the first 300 bytes of a video, and what is kept; None if it is stored.
LATER: dict[str, tuple[Callable[[], Any], bytes | None]] = {
    "text": (lambda: reply(content=b"<html>sign in</html>" * 99), VIDEO[:300]),
    "text, cut off": (lambda: reply(content=b"<html>sign in</html>" * 99, cut=RESET), VIDEO[:300]),
    "nothing": (lambda: reply(content=b""), VIDEO[:300]),
    "too much": (lambda: lambda _: httpx.Response(200, stream=Pieces(mp4(9000))), VIDEO[:300]),
    "less": (lambda: newer(299), VIDEO[:300]),
    "more": (lambda: newer(310), mp4(700)[:310]),
    "more, damaged": (lambda: newer(data=HOLE), HOLE),
    "another video": (newer, None),
    "a shorter one": (lambda: newer(data=mp4(200)), None),
}


@pytest.mark.parametrize("attempts", [1, 2])
def test_nothing_is_lost_to_something_worse(driver: Driver, tmp_path: Path, attempts: int) -> None:
    """What came of a video stays until a whole one, or no less of one, is there: now or in a later call."""
    for name, (step, kept) in LATER.items():
        target, part, then = tmp_path / name, tmp_path / f"{name}.part", step()
        first = Host(cuts=[300]) if attempts == 1 else Host(VIDEO[:300])
        client, task, _ = finished(driver, first, then, retries=RetryPolicy(attempts=attempts))
        fetch = partial(client.download, task, target, max_bytes=8000)
        if attempts == 1:
            with pytest.raises(DownloadError):
                fetch()
        if kept:
            with pytest.raises(DownloadError, match=re.escape(f"kept in {part}.")):
                fetch()
            assert part.read_bytes() == kept
        if isinstance(then, Host):
            then.data = mp4(700) if kept else then.data
            assert fetch().read_bytes() == then.data
            assert ("bytes=310-" in then.ranges) == (name == "more")
            assert not part.exists()


# --- one fresh URL

FRESH = RESULT.replace("0a1b2c", "ffff")


NO_HELP: tuple[list[Any], ...] = (
    [shown("COMPLETED", (FRESH,)), failing(403)], [shown("COMPLETED", (RESULT,))], [shown("COMPLETED", ())],
    [failing(404, "Task not found")], [failing(401, "Invalid API key")])  # fmt: skip


def test_one_fresh_url_and_no_more(driver: Driver, tmp_path: Path) -> None:
    """The task is asked for once, and its new URL is good for what is there; else the refusal is raised."""
    for status in (401, 403, 404, 410):
        host = Host(cuts=[300])
        client, task, server = finished(driver, host, failing(status), shown("COMPLETED", (FRESH,)), host)
        assert client.download(task, tmp_path / f"{status}.mp4").read_bytes() == VIDEO
        assert [str(request.url) for request in server.requests[2:]][::2] == [RESULT, FRESH]
        assert host.ranges == [None, "bytes=300-"]
    for steps in NO_HELP:
        client, task, server = finished(driver, failing(403), *steps, AssertionError("asked once too often"))
        with pytest.raises(DownloadError) as caught:
            client.download(task, tmp_path / "out.mp4")
        assert (caught.value.status_code, "hmac" in str(caught.value)) == (403, False)
        assert len(server.requests) == 2 + len(steps)


# --- the part file


def test_somebody_elses_part_is_left(driver: Driver, tmp_path: Path) -> None:
    """Files that only bear the name of a part, links and folders included, are not touched."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / "a.mp4.part").write_bytes(b"a browser's")
    (tmp_path / "b.mp4.part").symlink_to(precious)
    (tmp_path / "c.mp4.part").mkdir()
    (tmp_path / "d.mp4.part.json").write_bytes(b"{}")
    os.link(precious, tmp_path / "e.mp4.part")
    os.mkfifo(tmp_path / "f.mp4.part")
    before = names(tmp_path)
    for name in "abcdef":
        client, task, _ = finished(driver, Host(cuts=[100]))
        assert client.download(task, tmp_path / f"{name}.mp4").read_bytes() == VIDEO
        (tmp_path / f"{name}.mp4").unlink()
    assert names(tmp_path) == before
    assert precious.read_bytes() == b"precious"
    assert (tmp_path / "a.mp4.part").read_bytes() == b"a browser's"
    assert (tmp_path / "d.mp4.part.json").read_bytes() == b"{}"


def test_a_second_download_of_a_target(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in the midst of the first has bytes of its own; it leaves nothing behind, as without file locks."""
    target = tmp_path / "out.mp4"

    class Halves(Pieces):
        def __iter__(self) -> Any:
            yield VIDEO[:300]
            client, task, _ = finished(SYNC, Host(cuts=[100]))
            assert client.download(task, target, overwrite=True).read_bytes() == VIDEO
            yield VIDEO[300:]

    client, task, _ = finished(driver, lambda _: httpx.Response(200, headers={"etag": ETAG}, stream=Halves()))
    assert client.download(task, target, overwrite=True).read_bytes() == VIDEO
    assert names(tmp_path) == ["out.mp4"]
    monkeypatch.setattr(parts, "fcntl", None)
    host = Host(cuts=[300])
    client, task, _ = finished(driver, host)
    assert client.download(task, tmp_path / "a.mp4").read_bytes() == VIDEO
    assert host.ranges == [None, "bytes=300-"]
    fails(driver, tmp_path / "b.mp4", Host(cuts=[300]))
    assert names(tmp_path) == ["a.mp4", "out.mp4"]


def test_names_up_to_the_longest(driver: Driver, tmp_path: Path) -> None:
    """A name that leaves no room for a part's is fine; one that is too long is refused before the fetch."""
    client, task, server = finished(driver, Host(cuts=[100]))
    for length in (245, 250, 255):
        path = tmp_path / ("x" * length)
        assert client.download(task, path).read_bytes() == VIDEO
        assert names(tmp_path) == [path.name]
        path.unlink()
    asked = len(server.requests)
    with pytest.raises(DownloadError, match="File name too long"):
        client.download(task, tmp_path / ("x" * 256))
    assert len(server.requests) == asked
