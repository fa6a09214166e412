"""Downloads: the whole video appears under its name, or nothing does."""

import asyncio
import contextlib
import errno
import io
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from contract_tests.support.answers import ID, RESULT, Pieces, mp4, reply
from contract_tests.support.clients import ASYNC, KEY, TRIO, Driver, FakeTime, Script, finished
from kling_elements import DownloadError, ResultMissing, Task, ValidationError
from kling_elements.api.io import run_sync
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.downloads.download import DownloadContext, download_video
from kling_elements.policy.retries import RetryPolicy
from kling_elements.types import TaskData, redact_url, url_expiry

Step = Callable[[httpx.Request], httpx.Response]

VIDEO = mp4()


def video(
    content: bytes = VIDEO, status: int = 200, *, cut: BaseException | None = None, **headers: str
) -> Step:
    sent = {"content-type": "video/mp4", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return reply(status, content=content, headers=sent, cut=cut)


@pytest.mark.parametrize("query", ["token=exp=4102444800~hmac=0a1b2c~acl=/*", "x=%7E~&y=a%20b+c&z=%E2"])
def test_a_video(any_driver: Driver, tmp_path: Path, query: str) -> None:
    """The video is stored byte for byte, and nothing else is left; its URL is sent as it is."""
    url = f"https://cdn.example/a%2Fb.mp4?{query}"
    client, task, server = finished(any_driver, video(content_length=str(len(VIDEO))), url=url)
    target = tmp_path / "out.mp4"
    assert client.download(task, target) == target
    assert target.read_bytes() == VIDEO
    assert list(tmp_path.iterdir()) == [target]
    assert server.requests[1].url.raw_path.decode() == url.removeprefix("https://cdn.example")
    assert KEY not in str(server.requests[1].headers.raw)


CUT_MP4 = VIDEO[:-10]
UNKNOWN = b"\x89PNG\r\n\x1a\n" + b"\0" * 99
MOVED = VIDEO[:24] + VIDEO[96:]
# What comes, the status that the error tells, and what is kept of it.
BAD: dict[str, tuple[Step | Exception, int | None, bytes]] = {
    "refused": (httpx.ConnectError("refused"), None, b""),
    "cut": (video(cut=httpx.ReadError("reset by peer"), content_length="5000"), None, VIDEO),
    "too short": (video(CUT_MP4, content_length="4096"), 200, CUT_MP4),
    "too long": (video(content_length="100"), 200, VIDEO),
    "cut without a length": (video(CUT_MP4), 200, CUT_MP4),
    "HTML": (video(b"<html>not yet</html>" * 9), 200, b""),
    "empty": (video(b""), 200, b""),
    "unknown": (video(UNKNOWN), 200, UNKNOWN),
    "without moov": (video(MOVED), 200, MOVED),
    "204": (video(b"", 204), 204, b""),
    "a part": (video(VIDEO, 206, content_range="bytes 1-4096/4097"), 206, b""),
    "parts": (video(VIDEO, 206, content_type="multipart/byteranges; boundary=x"), 206, b""),
    "403": (video(b"", 403), 403, b""),
    "damaged gzip": (video(b"\x1f\x8b" + VIDEO, content_encoding="gzip"), None, b""),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_what_is_no_whole_video(driver: Driver, tmp_path: Path, case: Any) -> None:
    """The target stays as it was; what may be a video is kept under a name that the error tells."""
    step, status, kept = case
    target, part = tmp_path / "out.mp4", tmp_path / "out.mp4.part"
    target.write_bytes(b"the old one")
    client, task, _ = finished(driver, step)
    with pytest.raises(DownloadError) as caught:
        client.download(task, target, overwrite=True)
    error = caught.value
    assert (error.task_id, error.status_code) == (ID, status)
    assert error.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    assert error.hint == f"kling-elements download {ID}"
    assert "0a1b2c" not in str(error)
    assert (part.read_bytes() if part.exists() else b"") == kept
    assert (str(part) in str(error)) == bool(kept)
    expected = {"out.mp4", "out.mp4.part", "out.mp4.part.json"} if kept else {"out.mp4"}
    assert {path.name for path in tmp_path.iterdir()} == expected
    assert target.read_bytes() == b"the old one"


ZEROS, TAG, WEBM = VIDEO + bytes(64), VIDEO + b"TAG" + b"My song".ljust(125), b"\x1a\x45\xdf\xa3" + bytes(99)
# What comes, the video in it, and whether a warning is logged.
GOOD: list[tuple[Step, bytes, bool]] = [
    *((video(unusual), unusual, True) for unusual in (ZEROS, TAG, WEBM)),
    (video(cut=httpx.RemoteProtocolError("incomplete chunked read")), VIDEO, True),  # no last chunk
    *((video(content_encoding=wrong), VIDEO, False) for wrong in ("gzip", "deflate", "aws-chunked")),
    (video(status=203), VIDEO, False),
    (video(status=206), VIDEO, False),
    (video(status=206, content_range="bytes 0-4095/4096"), VIDEO, False),
]


def test_an_unusual_video_is_stored(driver: Driver, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What players don't mind is stored byte for byte, and a warning is logged; so is a whole 203 or 206."""
    for step, data, warns in GOOD:
        caplog.clear()
        client, task, _ = finished(driver, step)
        target = client.download(task, tmp_path / "out.mp4", overwrite=True)
        assert (target.read_bytes(), list(tmp_path.iterdir())) == (data, [target])
        warnings = [record for record in caplog.records if record.levelname == "WARNING"]
        assert any(ID in record.message for record in warnings) is warns


def test_a_host_that_drips_is_given_up_on(tmp_path: Path) -> None:
    """A body that comes a few bytes a minute is an error after a bounded number of attempts."""
    time = FakeTime()

    class Drips(Pieces):
        def __iter__(self) -> Iterator[bytes]:
            for place in range(len(VIDEO)):
                time.sleep(30)
                yield VIDEO[place : place + 1]

    server = Script.of(lambda request: httpx.Response(200, headers={"etag": '"v"'}, stream=Drips()))
    # Not through a client: a transfer's speed is measured by the real clock.
    transport = SyncTransport(client=httpx.Client(transport=httpx.MockTransport(server)), sleep=time.sleep)
    context = DownloadContext(
        transport, RetryPolicy(), lambda: 0.5, lambda: datetime.now(UTC), clock=time.clock
    )
    with pytest.raises(DownloadError, match="too slow"):
        run_sync(download_video(TaskData(ID, "COMPLETED", (RESULT,)), tmp_path / "out.mp4", {}, context))
    assert len(server.requests) <= 5


def test_an_error_tells_when_the_url_expires(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error says when the URL expires or expired, in any time zone; where it is gone, no command helps."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        spans = {-30: "valid for another", 0.5: " s ago", 30: " min ago", 43200: "30 days ago"}
        for minutes, span in spans.items():
            expiry = datetime.now(UTC) - timedelta(minutes=minutes)
            url = f"https://cdn.example/a.mp4?token=exp={int(expiry.timestamp())}~hmac=ab"
            client, task, _ = finished(driver, video(b"", 403), url=url)
            assert task.expires_at == expiry.replace(microsecond=0)
            with pytest.raises(DownloadError) as caught:
                client.download(task, tmp_path / "out.mp4")
            assert span in str(caught.value)
            assert f"{expiry:%Y-%m-%d %H:%M:%S} UTC" in str(caught.value)
            assert (caught.value.hint is None) == (minutes > 0)
    finally:
        monkeypatch.undo()
        time.tzset()


EXPIRIES = {"x.mp4?token=exp=1900000000~hmac=0": 1900000000, "x.mp4?expires=1900000000&x=1": 1900000000,
            "x.mp4?a=b&exp=253402300799": 253402300799, "x.mp4?exp=253402300800": None,
            "exp=1900000000/x.mp4": None, "x.mp4?token=exp=tomorrow": None,
            "x.mp4?notexp=1900000000": None}  # fmt: skip
REDACTED = {RESULT: f"https://cdn.example/kling_{ID}.mp4?…", "http://[": "[not a URL]",
            "https://me:secret@a.example/x#y": "https://a.example/x",
            "https://a.example/\ud800": "https://a.example/\\ud800"}  # fmt: skip


def test_reading_a_url() -> None:
    """The expiry is read from the query alone; what is shown of a URL has no signature and no user."""
    for place, epoch in EXPIRIES.items():
        expected = None if epoch is None else datetime.fromtimestamp(epoch, UTC)
        assert url_expiry(f"https://a.example/{place}") == expected
    assert {url: redact_url(url) for url in REDACTED} == REDACTED


def test_a_redirect_is_followed(driver: Driver, tmp_path: Path) -> None:
    """One on the same host is followed, one to another host if asked for: the rules have their own tests."""
    far = "https://elsewhere.example/b.mp4"
    anywhere = {"redirects": "any-host"}
    for location, options, is_followed in (("b.mp4", {}, True), (far, anywhere, True), (far, {}, False)):
        moved = reply(302, content=b"", headers={"location": location})
        client, task, server = finished(driver, moved, video())
        with contextlib.nullcontext() if is_followed else pytest.raises(DownloadError):
            client.download(task, tmp_path / "out.mp4", overwrite=True, **options)
        asked = [str(request.url) for request in server.requests[2:]]
        assert asked == [str(httpx.URL(RESULT).join(location))] * is_followed
    assert (tmp_path / "out.mp4").read_bytes() == VIDEO


def test_what_cannot_be_fetched(driver: Driver, tmp_path: Path) -> None:
    """A URL that can't be requested is a DownloadError, none is ResultMissing, a wrong option is named."""
    client, task, server = finished(driver, video())
    for url in ("ftp://a.example/x", "http://[", "https://a.example/\ud800"):
        with pytest.raises(DownloadError):
            client.download(Task(ID, "COMPLETED", (url,)), tmp_path / "out.mp4")
    with pytest.raises(ResultMissing):
        client.download(Task(ID, "COMPLETED"), tmp_path / "out.mp4")
    wrong = {"max_bytes": (0, True), "redirects": ("all", None), "overwrite": (0, "no")}
    for name, value in ((name, value) for name, values in wrong.items() for value in values):
        with pytest.raises(ValidationError, match=name):
            client.download(task, tmp_path / "out.mp4", **{name: value})
    assert (len(server.requests), list(tmp_path.iterdir())) == (1, [])


def test_a_file_that_appears_meanwhile_is_left(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that somebody else makes during the download is not overwritten, on any file system."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    def racing(request: httpx.Request) -> httpx.Response:
        target.write_bytes(b"theirs")
        return video()(request)

    for has_links in (True, False):
        target = tmp_path / f"{has_links}.mp4"
        if not has_links:
            monkeypatch.setattr(os, "link", refuse)
        client, task, _ = finished(driver, racing, video())
        with pytest.raises(DownloadError):
            client.download(task, target)
        assert target.read_bytes() == b"theirs"
        assert (tmp_path / f"{has_links}.mp4.part").read_bytes() == VIDEO
        target.unlink()
        assert client.download(task, target).read_bytes() == VIDEO
    assert sorted(path.name for path in tmp_path.iterdir()) == ["False.mp4", "True.mp4"]
    client, task, server = finished(driver, video())
    for owner in (os, Path):  # a folder that takes no new file is an error before anything is fetched
        monkeypatch.setattr(owner, "open", refuse)
    with pytest.raises(DownloadError, match="not permitted"):
        client.download(task, tmp_path / "b.mp4")
    assert len(server.requests) == 1


FULL: Any = type("Full", (io.RawIOBase,), {"writable": lambda _: True, "write": lambda *_: None})()
LATER: Any = type("Later", (io.BytesIO,), {"write": lambda *_: asyncio.sleep(0)})()
BROKEN = video(cut=httpx.ReadError("reset by peer"), content_length="5000")
# What comes, the file that it is to be written to, and what is kept.
UNWRITTEN: tuple[tuple[list[Step], io.IOBase, bytes], ...] = (
    ([video(CUT_MP4)], io.BytesIO(), CUT_MP4),
    ([video(CUT_MP4), BROKEN], io.BytesIO(), VIDEO),
    ([BROKEN], io.BytesIO(), b""),
    ([video()], FULL, VIDEO),
    ([video()], LATER, VIDEO),
)


def test_what_is_not_written(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged video, or one that the open file doesn't take, is kept under a name that the error tells."""
    for number, (steps, file, kept) in enumerate(UNWRITTEN):
        (folder := tmp_path / str(number)).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        _, task, _ = finished(driver, *steps)
        with pytest.raises(DownloadError) as caught:
            driver.run(partial(task.write_to, file))
        found = [path for path in folder.rglob("*") if path.is_file()]
        assert [path.read_bytes() for path in found] == [kept] * bool(kept)
        assert all(str(path) in str(caught.value) for path in found)
        assert (str(folder) in str(caught.value)) == bool(kept)
    _, task, _ = finished(driver)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing"))
    with pytest.raises(DownloadError, match="temporary folder"):
        driver.run(task.read)


def test_a_cancelled_download(tmp_path: Path) -> None:
    """A download whose task group is cancelled leaves no target; what came is kept beside it."""
    pytest.importorskip("trio")

    class Stuck(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield VIDEO[:100]
            scopes[-1].cancel()
            await anyio.sleep_forever()

    async def fetch(task: Any) -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await task.download(tmp_path / "out.mp4")

    scopes: list[anyio.CancelScope] = []
    for driver in (ASYNC, TRIO):
        _, task, _ = finished(driver, lambda request: httpx.Response(200, stream=Stuck()))
        anyio.run(fetch, task, backend=driver.backend or "")
        assert scopes[-1].cancelled_caught
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4.part", "out.mp4.part.json"]


def test_a_video_without_end(driver: Driver, tmp_path: Path) -> None:
    """A body beyond the limit is given up on, not stored, and not asked for again."""
    for endless in (video(etag='"x"'), video(etag='"x"', content_length=str(len(VIDEO)))):
        client, task, server = finished(driver, endless)
        with pytest.raises(DownloadError, match="1,000"):
            client.download(task, tmp_path / "out.mp4", max_bytes=1000)
        assert (len(server.requests), list(tmp_path.iterdir())) == (2, [])
    assert client.download(task, tmp_path / "out.mp4", max_bytes=len(VIDEO)).read_bytes() == VIDEO
