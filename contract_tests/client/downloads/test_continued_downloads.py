"""Downloads that break off: they go on where they were, or start anew, and never mix two videos."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import define, field

from contract_tests.support.answers import ID, RESULT, Pieces, failing, mp4, reply, shown
from contract_tests.support.clients import SYNC, Script
from contract_tests.support.loopback import serving
from kling_elements import DownloadError, Task, ValidationError
from kling_elements.downloads import part_file as parts
from kling_elements.downloads.part_file import PartFile
from kling_elements.downloads.ranges import PartNote
from kling_elements.policy.retries import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.support.clients import Driver, Opened
    from contract_tests.support.loopback import Asked

VIDEO = mp4(600)
ETAG = '"v1"'
RESET = httpx.ReadError("reset by peer")


@define
class Host:
    """A result's host that honours ranges.

    Attributes:
        data: The video.
        headers: Sent with it; the validators.
        cuts: How many bytes of each next body come before the connection breaks; whole ones follow.
        asked: The requests.
    """

    data: bytes = VIDEO
    headers: dict[str, str] = field(factory=lambda: {"etag": ETAG})
    cuts: list[int | None] = field(factory=list)
    asked: list[httpx.Request] = field(factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        cut = self.cuts.pop(0) if self.cuts else None
        wanted = request.headers.get("range", "")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        current = self.headers.get("etag") or self.headers.get("last-modified")
        if not wanted or request.headers["if-range"] != current:
            return self.body(200, self.data, cut)
        if start >= len(self.data):
            return self.body(416, b"", None, **{"content-range": f"bytes */{len(self.data)}"})
        total = len(self.data)
        return self.body(
            206, self.data[start:], cut, **{"content-range": f"bytes {start}-{total - 1}/{total}"}
        )

    def body(self, status: int, data: bytes, cut: int | None, **headers: str) -> httpx.Response:
        """An answer, whose body may break off."""
        sent = {**self.headers, **headers, "content-length": str(len(data))}
        stream = Pieces(data) if cut is None else Pieces(data[:cut], error=RESET)
        return httpx.Response(status, headers=sent, stream=stream)

    @property
    def ranges(self) -> list[str | None]:
        """The ranges that were asked for."""
        return [request.headers.get("range") for request in self.asked]


def opened(driver: Driver, *steps: Any, **options: Any) -> tuple[Opened, Task]:
    """A client with a finished task, whose further requests are answered by the steps."""
    client = driver.open(
        Script.of(shown("COMPLETED", (RESULT,)), *steps), **{"sleep": lambda _: None, **options}
    )
    return client, client.get(ID)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ONCE = RetryPolicy(attempts=1)


def test_a_break_at_every_byte_between_two_calls(tmp_path: Path) -> None:
    """The same between two calls, the first of which has given up."""
    data = mp4(112)
    for place in range(1, len(data)):
        host = Host(data, cuts=[place])
        client, task = opened(SYNC, host, retries=ONCE)
        target = tmp_path / "out.mp4"
        with pytest.raises(DownloadError, match=f"{place} of {len(data)} bytes are kept in"):
            client.download(task, target)
        assert names(tmp_path) == ["out.mp4.part", "out.mp4.part.json"]
        assert client.download(task, target).read_bytes() == data
        assert host.ranges == [None, f"bytes={place}-"]
        assert names(tmp_path) == ["out.mp4"]
        target.unlink()


def test_another_video_is_not_appended(driver: Driver, tmp_path: Path) -> None:
    """Where the host has another version meanwhile, all of it is fetched."""
    other = mp4(700)
    host = Host(cuts=[300])
    client, task = opened(driver, host, retries=ONCE)
    with pytest.raises(DownloadError):
        client.download(task, tmp_path / "out.mp4")
    host.data, host.headers = other, {"etag": '"v2"'}
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == other
    assert host.asked[1].headers["if-range"] == ETAG
    assert names(tmp_path) == ["out.mp4"]


def fixed(status: int, content: bytes = b"", **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply(status, content=content, headers={"content-type": "video/mp4", **sent})


def test_a_whole_part_only_wants_its_name(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came whole before a process was killed is not fetched again."""
    host = Host()
    client, task = opened(driver, host)
    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "inspect", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            client.download(task, tmp_path / "out.mp4")
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert len(host.asked) == 1


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_whole_part_of_unknown_size(driver: Driver, tmp_path: Path) -> None:
    """Of a fragmented video more could follow: a host that says that nothing is left is believed."""
    video = VIDEO + struct.pack(">I", 8) + b"moof"

    def chunked(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"etag": ETAG}, stream=Pieces(video, error=RESET))

    host = Host(video)
    client, task = opened(driver, chunked, host)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == video
    assert host.ranges == [f"bytes={len(video)}-"]


def test_what_is_fetched_again_is_no_progress(driver: Driver, tmp_path: Path) -> None:
    """A host without ranges that breaks off here and there is given up on after a few attempts."""
    large = mp4(20 << 20)
    host = Host(large, headers={}, cuts=[1 << 20, 3 << 20, 1 << 20, 5 << 20] * 9)
    client, task = opened(driver, host)
    with pytest.raises(DownloadError):
        client.download(task, tmp_path / "out.mp4")
    assert len(host.asked) <= 5


def test_attempts_are_bounded(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However steady its progress, a download ends."""
    monkeypatch.setattr("kling_elements.downloads.download.DOWNLOAD_PROGRESS", 1)
    monkeypatch.setattr("kling_elements.downloads.download.MAX_ATTEMPTS", 7)
    host = Host(cuts=[1] * 99)
    client, task = opened(driver, host)
    with pytest.raises(DownloadError, match="7 times"):
        client.download(task, tmp_path / "out.mp4")
    assert len(host.asked) == 7


def test_what_cant_be_continued_is_kept_all_the_same(driver: Driver, tmp_path: Path) -> None:
    """A beginning without a validator is kept, not promised to be continued, and replaced next time."""
    host = Host(headers={}, cuts=[300])
    client, task = opened(driver, host, retries=ONCE)
    with pytest.raises(DownloadError) as caught:
        client.download(task, tmp_path / "out.mp4")
    assert f"300 of 600 bytes are kept in {tmp_path / 'out.mp4.part'}" in str(caught.value)
    assert "continues from there" not in str(caught.value)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert host.ranges == [None, None]
    assert names(tmp_path) == ["out.mp4"]


def test_compressed_anyway(driver: Driver, tmp_path: Path) -> None:
    """A host that compresses without being asked is understood, and never asked for a range of it."""
    packed = gzip.compress(VIDEO)
    headers = {"etag": ETAG, "content-encoding": "gzip", "content-length": str(len(packed))}

    def cut(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=Pieces(packed[:20], error=RESET))

    def whole(request: httpx.Request) -> httpx.Response:
        assert "range" not in request.headers
        return httpx.Response(200, headers=headers, stream=Pieces(packed))

    client, task = opened(driver, cut, whole)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO


# --- retries


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_faults_that_pass_are_repeated(driver: Driver, tmp_path: Path, status: int) -> None:
    """A host's passing faults are repeated, after the pause that it asks for."""
    sleeps: list[float] = []
    client, task = opened(driver, fixed(status, retry_after="7"), Host(), sleep=sleeps.append)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert sleeps == [7.0]


@pytest.mark.parametrize("status", [204, 304, 400, 405, 451])
def test_other_refusals_are_not_repeated(driver: Driver, tmp_path: Path, status: int) -> None:
    """What will not change is not asked for again."""
    host = Host()
    client, task = opened(driver, fixed(status), host)
    with pytest.raises(DownloadError, match=f"HTTP {status}"):
        client.download(task, tmp_path / "out.mp4")
    assert host.asked == []


def test_an_hours_hint_is_not_slept(driver: Driver, tmp_path: Path) -> None:
    """A host that asks for a longer pause than is reasonable is an error at once."""
    sleeps: list[float] = []
    client, task = opened(driver, fixed(503, retry_after="3600"), Host(), sleep=sleeps.append)
    with pytest.raises(DownloadError, match="HTTP 503"):
        client.download(task, tmp_path / "out.mp4")
    assert sleeps == []


def test_progress_is_not_failure(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that breaks often is ridden out as long as something comes; one that gives nothing is not."""
    monkeypatch.setattr("kling_elements.downloads.download.DOWNLOAD_PROGRESS", 50)
    client, task = opened(driver, Host(cuts=[50] * 11))
    assert client.download(task, tmp_path / "a.mp4").read_bytes() == VIDEO
    host = Host(cuts=[49] * 11)
    client, task = opened(driver, host)
    with pytest.raises(DownloadError):
        client.download(task, tmp_path / "b.mp4")
    assert len(host.asked) == 3


def test_damage_is_fetched_anew_once(driver: Driver, tmp_path: Path) -> None:
    """A damaged video is fetched once more, from its beginning, and then given up on."""
    bad = VIDEO[:96] + b"\0" * 504  # a hole, as a file system may leave it
    host = Host(bad)
    good = Host()
    client, task = opened(driver, host, good)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert good.ranges == [None]
    client, task = opened(driver, host)
    with pytest.raises(DownloadError, match="cut off or damaged"):
        client.download(task, tmp_path / "bad.mp4")
    assert len(host.asked) == 3
    assert names(tmp_path) == ["bad.mp4.part", "bad.mp4.part.json", "out.mp4"]
    host.data = VIDEO
    assert client.download(task, tmp_path / "bad.mp4").read_bytes() == VIDEO
    assert names(tmp_path) == ["bad.mp4", "out.mp4"]


# --- one fresh address

FRESH = RESULT.replace("0a1b2c", "ffff")


def test_a_refused_address_is_asked_for_anew(driver: Driver, tmp_path: Path) -> None:
    """At 403 the task is asked for once, and its new address is good for what is there already."""
    host = Host(cuts=[300])
    for status in (401, 403, 404, 410):
        host.cuts = [300]
        host.asked = []
        client, task = opened(driver, host, fixed(status), shown("COMPLETED", (FRESH,)), host)
        assert client.download(task, tmp_path / f"{status}.mp4").read_bytes() == VIDEO
        assert [str(request.url) for request in host.asked] == [RESULT, FRESH]
        assert host.ranges == [None, "bytes=300-"]


def test_a_fresh_address_elsewhere_starts_anew(driver: Driver, tmp_path: Path) -> None:
    """What is there is of no use for another address."""
    host = Host(cuts=[300])
    elsewhere = shown("COMPLETED", ("https://cdn2.example/other.mp4?x=1",))
    client, task = opened(driver, host, fixed(403), elsewhere, host)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert host.ranges == [None, None]


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (
            [shown("COMPLETED", (FRESH,)), fixed(403)],
            "HTTP 403, the URL is refused, and so is the fresh one",
        ),
        ([shown("COMPLETED", (RESULT,))], "and the service has no other"),
        ([shown("COMPLETED", ())], "and the service has no other"),
        ([failing(404, "Task not found")], "there is no fresh one: HTTP 404: Task not found"),
        ([failing(401, "Invalid API key")], "there is no fresh one: HTTP 401"),
    ],
    ids=["403 twice", "the same", "none", "404", "401"],
)
def test_one_fresh_address_and_no_more(
    driver: Driver, tmp_path: Path, steps: list[Any], sentence: str
) -> None:
    """The task is asked for once; where that does not help, the error says so, and tells of the hour."""
    server = Script.of(
        shown("COMPLETED", (RESULT,)), fixed(403), *steps, AssertionError("asked once too often")
    )
    client = driver.open(server, sleep=lambda _: None)
    with pytest.raises(DownloadError) as caught:
        client.download(client.get(ID), tmp_path / "out.mp4")
    assert sentence in str(caught.value)
    assert "Its URL is valid for another" in str(caught.value)
    assert caught.value.status_code == 403
    assert "hmac" not in str(caught.value)
    assert len(server.requests) == 2 + len(steps)


def test_a_task_without_a_client_has_no_fresh_address(tmp_path: Path) -> None:
    """A task out of a webhook or a pickle can't be asked for; the error says what can."""
    with serving(lambda asked: (403, {}, b"")) as host:
        task = Task(ID, "COMPLETED", (f"{host.url}/x.mp4?exp=1700000000",))
        with pytest.raises(DownloadError, match="belongs to no client") as caught:
            task.download(tmp_path / "out.mp4")
        assert "the video is gone" in str(caught.value)
        assert len(host.asked) == 1


# --- the part file


def test_a_part_of_another_task_is_not_continued(driver: Driver, tmp_path: Path) -> None:
    """What an earlier task left for the same file is not mixed with this one's video."""
    host = Host(cuts=[300])
    client, task = opened(driver, host, retries=ONCE)
    with pytest.raises(DownloadError):
        client.download(task, tmp_path / "out.mp4")
    other = Task("another", "COMPLETED", (RESULT,), downloader=task._downloader)
    assert client.download(other, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert host.ranges == [None, None]


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
        client, task = opened(driver, Host(cuts=[100]))
        assert client.download(task, tmp_path / f"{name}.mp4").read_bytes() == VIDEO
        (tmp_path / f"{name}.mp4").unlink()
    assert names(tmp_path) == before
    assert precious.read_bytes() == b"precious"
    assert (tmp_path / "a.mp4.part").read_bytes() == b"a browser's"
    assert (tmp_path / "d.mp4.part.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    "note", [b"", b"[]", b"{}", b"\xff", b'{"kling_elements_part": 1, "task_id": 5}', b"[" * 9999]
)
def test_a_damaged_note(driver: Driver, tmp_path: Path, note: bytes) -> None:
    """A part whose note can't be read is nobody's: it is left, and the video comes all the same."""
    (tmp_path / "out.mp4.part").write_bytes(VIDEO[:300])
    (tmp_path / "out.mp4.part.json").write_bytes(note)
    host = Host()
    client, task = opened(driver, host)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert host.ranges == [None]


def test_notes_hold_no_signature(driver: Driver, tmp_path: Path) -> None:
    """What is written beside a part could be read by anybody: it has no signature in it."""
    client, task = opened(driver, Host(cuts=[300]), retries=ONCE)
    with pytest.raises(DownloadError):
        client.download(task, tmp_path / "out.mp4")
    text = (tmp_path / "out.mp4.part.json").read_bytes()
    assert b"0a1b2c" not in text
    assert json.loads(text)["task_id"] == ID
    assert PartNote.from_json(text) == PartNote(ID, RESULT.partition("?")[0], ETAG, len(VIDEO))


def test_a_kill_between_the_steps_of_publishing(driver: Driver, tmp_path: Path) -> None:
    """A part that has its final name already is not written to."""
    client, task = opened(driver, Host(cuts=[300]), retries=ONCE)
    with pytest.raises(DownloadError):
        client.download(task, tmp_path / "out.mp4")
    (tmp_path / "out.mp4.part").write_bytes(VIDEO)
    os.link(tmp_path / "out.mp4.part", tmp_path / "out.mp4")
    kept = (tmp_path / "out.mp4").open("rb")
    new = mp4(900)
    with kept:
        client, task = opened(driver, Host(new))
        assert client.download(task, tmp_path / "out.mp4", overwrite=True).read_bytes() == new
        assert kept.read() == VIDEO
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_two_at_once(driver: Driver, tmp_path: Path, overwrite: bool) -> None:  # noqa: FBT001 - a case of the table
    """A second download of the same target, in the midst of the first, has bytes of its own."""
    target = tmp_path / "out.mp4"
    done: list[bytes] = []

    def second() -> None:
        server = Script.of(shown("COMPLETED", (RESULT,)), Host(cuts=[100]))
        client = SYNC.open(server, sleep=lambda _: None)
        done.append(client.download(client.get(ID), target, overwrite=overwrite).read_bytes())

    class Halves(Pieces):
        def __iter__(self) -> Any:
            yield VIDEO[:300]
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()
            yield VIDEO[300:]

    def first(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"etag": ETAG}, stream=Halves())

    client, task = opened(driver, first)
    if overwrite:
        assert client.download(task, target, overwrite=True).read_bytes() == VIDEO
    else:
        with pytest.raises(DownloadError, match="appeared while"):
            client.download(task, target)
        assert target.read_bytes() == VIDEO
    assert done == [VIDEO]
    assert [name for name in names(tmp_path) if not name.startswith("out.mp4.part")] == ["out.mp4"]


def test_without_locks(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without file locks a download goes on within its call, and leaves nothing behind."""
    monkeypatch.setattr(parts, "fcntl", None)
    host = Host(cuts=[300])
    client, task = opened(driver, host)
    assert client.download(task, tmp_path / "a.mp4").read_bytes() == VIDEO
    assert host.ranges == [None, "bytes=300-"]
    client, task = opened(driver, Host(cuts=[300]), retries=ONCE)
    with pytest.raises(DownloadError):
        client.download(task, tmp_path / "b.mp4")
    assert names(tmp_path) == ["a.mp4"]


def test_ctrl_c_keeps_what_came(driver: Driver, tmp_path: Path) -> None:
    """Ctrl-C leaves no half-written target; what came is kept beside it, and continued."""

    def interrupted(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, headers={"etag": ETAG}, stream=Pieces(VIDEO[:300], error=KeyboardInterrupt())
        )

    host = Host()
    client, task = opened(driver, interrupted, host)
    with pytest.raises(KeyboardInterrupt):
        client.download(task, tmp_path / "out.mp4")
    assert names(tmp_path) == ["out.mp4.part", "out.mp4.part.json"]
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert host.ranges == ["bytes=300-"]


def test_a_killed_process(tmp_path: Path) -> None:
    """After `kill -9` in the midst of a download the next process goes on from there."""

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        total = len(VIDEO)
        if wanted := asked.headers.get("range"):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            return 206, {"etag": ETAG, "content-range": f"bytes {start}-{total - 1}/{total}"}, VIDEO[start:]
        return 200, {"etag": ETAG, "content-length": str(total)}, VIDEO[:300]

    with serving(answer) as host:
        code = (
            "import sys; from kling_elements import Task; import kling_elements.downloads.part_file as p\n"
            "write = p.PartFile.write\n"
            "def told(self, chunk):\n"
            "    write(self, chunk)\n"
            "    print('wrote', flush=True); sys.stdin.read()\n"
            "p.PartFile.write = told\n"
            f"Task({ID!r}, 'COMPLETED', ({host.url + '/x.mp4'!r},)).download({str(tmp_path / 'out.mp4')!r})"
        )
        with subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"wrote\n"
            assert names(tmp_path) == ["out.mp4.part", "out.mp4.part.json"]
            process.send_signal(signal.SIGKILL)
            process.wait()
        task = Task(ID, "COMPLETED", (f"{host.url}/x.mp4",))
        assert task.download(tmp_path / "out.mp4").read_bytes() == VIDEO
        assert [asked.headers.get("range") for asked in host.asked] == [None, "bytes=300-"]
    assert names(tmp_path) == ["out.mp4"]


# --- the disk


def test_a_full_disk_keeps_what_is_there(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full, what came is kept and said to be; with room again, the rest is fetched."""
    write = PartFile.write

    def full(part: PartFile, chunk: bytes) -> None:
        write(part, chunk[:200])
        raise OSError(errno.ENOSPC, "No space left on device")

    host = Host()
    client, task = opened(driver, host)
    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "write", full)
        with pytest.raises(DownloadError, match="No space left on device") as caught:
            client.download(task, tmp_path / "out.mp4")
    assert f"200 of 600 bytes are kept in {tmp_path / 'out.mp4.part'}" in str(caught.value)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert host.ranges == [None, "bytes=200-"]


def test_names_up_to_the_longest(driver: Driver, tmp_path: Path) -> None:
    """A name that leaves no room for a part's is fine; one that is too long is told before the fetch."""
    host = Host(cuts=[100])
    client, task = opened(driver, host)
    for length in (245, 250, 255):
        path = tmp_path / ("x" * length)
        assert client.download(task, path).read_bytes() == VIDEO
        assert names(tmp_path) == ["x" * length]
        path.unlink()
    asked = len(host.asked)
    with pytest.raises(DownloadError, match="File name too long"):
        client.download(task, tmp_path / ("x" * 256))
    assert len(host.asked) == asked


# --- options


def test_redirects_can_be_asked_for(driver: Driver, tmp_path: Path) -> None:
    """Other hosts, and plain http, are followed if that is asked for, and not otherwise."""
    moves = {
        "https://elsewhere.example/b.mp4": {"any-host", "any"},
        "http://cdn.example/b.mp4": {"any"},
        "https://cdn.example/b.mp4": {"same-host", "any-host", "any"},
    }
    for number, (location, allowing) in enumerate(moves.items()):
        for redirects in ("same-host", "any-host", "any"):
            host = Host()
            moved = reply(302, content=b"", headers={"location": location})
            client, task = opened(driver, moved, host)
            target = tmp_path / f"{number}-{redirects}.mp4"
            if redirects in allowing:
                assert client.download(task, target, redirects=redirects).read_bytes() == VIDEO
                assert "x-freepik-api-key" not in host.asked[0].headers
            else:
                with pytest.raises(DownloadError, match="is not followed"):
                    client.download(task, target, redirects=redirects)
                assert host.asked == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_bytes": 0}, "max_bytes must be a number of bytes, 1 or more: got 0"),
        ({"max_bytes": True}, "max_bytes must be"),
        ({"max_bytes": "1"}, "max_bytes must be"),
        ({"redirects": "all"}, "redirects must be 'same-host' or 'any-host' or 'any': got 'all'"),
        ({"redirects": None}, "redirects must be"),
        ({"overwite": True}, "overwite is not an option of download (did you mean 'overwrite'?)"),
    ],
)
def test_options_are_checked(driver: Driver, tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    """An option that makes no sense is refused before anything is fetched."""
    host = Host()
    client, task = opened(driver, host)
    with pytest.raises(ValidationError) as caught:
        client.download(task, tmp_path / "out.mp4", **options)
    assert sentence in str(caught.value)
    assert host.asked == []
