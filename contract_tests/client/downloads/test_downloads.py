"""Downloads: the whole video appears under its name, or nothing does."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from contract_tests.support.answers import ID, RESULT, Pieces, mp4, reply, shown
from contract_tests.support.clients import KEY, FakeTime, Script
from contract_tests.support.loopback import serving
from kling_elements import AsyncKlingElements, AsyncTask, DownloadError, KlingElements, ResultMissing, Task
from kling_elements.api.io import run_sync
from kling_elements.api.transports import SyncTransport
from kling_elements.downloads.download import DownloadContext, download
from kling_elements.policy.retries import RetryPolicy
from kling_elements.types import TaskData, redact_url, url_expiry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from contract_tests.support.clients import Driver, Opened

VIDEO = mp4()


def video(
    content: bytes = VIDEO, status: int = 200, *, cut: BaseException | None = None, **headers: str
) -> Callable[[httpx.Request], httpx.Response]:
    half = len(content) // 2

    def step(request: httpx.Request) -> httpx.Response:
        sent = {
            "content-type": "video/mp4",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return httpx.Response(status, headers=sent, stream=Pieces(content[:half], content[half:], error=cut))

    return step


def with_result(
    driver: Driver,
    *steps: Callable[[httpx.Request], httpx.Response] | Exception,
    url: str = RESULT,
    **options: Any,
) -> tuple[Opened, Task, Script]:
    """A client with a finished task, and the script that its result's host follows."""
    server = Script.of(shown("COMPLETED", (url,)), *steps)
    client = driver.open(server, **{"sleep": lambda _: None, **options})
    return client, client.get(ID), server


def test_a_video(any_driver: Driver, tmp_path: Path) -> None:
    """The video is stored byte for byte, and nothing else is left beside it."""
    client, task, server = with_result(any_driver, video(content_length=str(len(VIDEO))))
    target = tmp_path / "out.mp4"
    assert client.download(task, target) == target
    assert target.read_bytes() == VIDEO
    assert list(tmp_path.iterdir()) == [target]
    assert str(server.requests[1].url) == RESULT


def test_no_key_and_no_cookies_go_to_the_result(driver: Driver, tmp_path: Path) -> None:
    """The result's host gets no key, and no headers, cookies and credentials of the caller's client."""
    client, task, server = with_result(driver, video())
    assert client.client is not None
    http = client.client._transport._clients.given
    assert http is not None
    http.headers["x-mine"] = "secret"
    http.cookies.set("session", "secret")
    http.auth = ("me", "secret")
    client.download(task, tmp_path / "out.mp4")
    sent = server.requests[1].headers
    assert not {"cookie", "authorization", "x-mine"} & set(sent)
    assert all(KEY not in value and "secret" not in value for value in sent.values())


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/a.mp4?token=exp=1900000000~hmac=ab~acl=/*",
        "https://cdn.example/a%2Fb.mp4?x=%7E~&y=a%20b+c&z=%E2%82%AC",
        "https://cdn.example/a.mp4?sig=a/b==&q",
    ],
)
def test_addresses_are_sent_as_they_are(driver: Driver, tmp_path: Path, url: str) -> None:
    """The query of a signed address is not encoded anew."""
    client, task, server = with_result(driver, video(), url=url)
    client.download(task, tmp_path / "out.mp4")
    assert server.requests[1].url.raw_path.decode() == url.removeprefix("https://cdn.example")


CUT_MP4 = VIDEO[:-10]
UNKNOWN = b"\x89PNG\r\n\x1a\n" + b"\0" * 99
MOVED = VIDEO[:24] + VIDEO[96:]
BAD: dict[str, tuple[Callable[[httpx.Request], httpx.Response] | Exception, str, bytes]] = {
    "refused": (httpx.ConnectError("refused"), "refused", b""),
    "timed out": (httpx.ReadTimeout("x"), "timed out", b""),
    "cut": (video(cut=httpx.ReadError("reset by peer"), content_length="5000"), "reset by peer", VIDEO),
    "too short": (video(CUT_MP4, content_length="4096"), "it ended after 4,086 of 4,096 bytes", CUT_MP4),
    "too long": (video(content_length="100"), "4,096 bytes came instead of 100", VIDEO),
    "cut without a length": (video(CUT_MP4), "is cut off in its mdat box (4,086 bytes)", CUT_MP4),
    "HTML": (video(b"<html>not yet</html>" * 9), "text came in its place", b""),
    "JSON": (video(b'{"message":"no"}'), "text came in its place", b""),
    "empty": (video(b""), "is empty", b""),
    "unknown": (video(UNKNOWN), "is no MP4", UNKNOWN),
    "without moov": (video(MOVED), "it has no moov box", MOVED),
    "204": (video(b"", 204), "HTTP 204", b""),
    "a part": (video(VIDEO, 206, content_range="bytes 1-4096/4097"), "HTTP 206: a part came", b""),
    "parts": (video(VIDEO, 206, content_type="multipart/byteranges; boundary=x"), "a part came", b""),
    "403": (video(b"", 403), "HTTP 403, the URL is refused", b""),
    "500": (video(b"", 500), "HTTP 500", b""),
    "599": (video(b"", 599), "HTTP 599", b""),
    "gzip that is none": (video(content_encoding="gzip"), "rror", b""),
}


@pytest.mark.parametrize(("step", "sentence", "kept"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "overwrite"])
def test_what_is_no_whole_video(  # noqa: PLR0913, PLR0917 - a table
    driver: Driver,
    tmp_path: Path,
    step: Callable[[httpx.Request], httpx.Response] | Exception,
    sentence: str,
    kept: bytes,
    is_there: bool,  # noqa: FBT001 - a case of the table
) -> None:
    """The target stays as it was; what may be a video is kept under a name that the error tells."""
    target, part = tmp_path / "out.mp4", tmp_path / "out.mp4.part"
    if is_there:
        target.write_bytes(b"the old one")
    client, task, _ = with_result(driver, step)
    with pytest.raises(DownloadError) as caught:
        client.download(task, target, overwrite=is_there)
    error = caught.value
    assert sentence in str(error)
    assert (error.task_id, error.expires_at) == (ID, datetime(2100, 1, 1, tzinfo=UTC))
    assert f"kling-elements download {ID}" in str(error)
    assert "0a1b2c" not in str(error)
    assert (part.read_bytes() if part.exists() else b"") == kept
    assert (str(part) in str(error)) == bool(kept)
    expected = {"out.mp4"} if is_there else set()
    expected |= {"out.mp4.part", "out.mp4.part.json"} if kept else set()
    assert {path.name for path in tmp_path.iterdir()} == expected
    assert not is_there or target.read_bytes() == b"the old one"


GOOD = {
    "zeros at its end": VIDEO + bytes(64),
    "a newline at its end": VIDEO + b"\n",
    "a tag at its end": VIDEO + b"TAG" + b"My song".ljust(125),
    "WebM": b"\x1a\x45\xdf\xa3" + bytes(99),
    "no last chunk": VIDEO,
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_an_unusual_video_is_stored_with_a_warning(
    driver: Driver, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    """What players don't mind is stored byte for byte, and a warning is logged."""
    cut = httpx.RemoteProtocolError("incomplete chunked read") if content is VIDEO else None
    client, task, _ = with_result(driver, video(content, cut=cut))
    target = client.download(task, tmp_path / "out.mp4")
    assert target.read_bytes() == content
    assert list(tmp_path.iterdir()) == [target]
    assert [record.levelname for record in caplog.records if ID in record.message][-1] == "WARNING"


@pytest.mark.parametrize(
    "step",
    [video(status=203), video(status=206), video(status=206, content_range="bytes 0-4095/4096")],
    ids=["203", "206", "206 with its range"],
)
def test_a_whole_video_under_another_status(
    driver: Driver, tmp_path: Path, step: Callable[[httpx.Request], httpx.Response]
) -> None:
    """A 203, and a 206 with the whole, are as good as a 200."""
    client, task, _ = with_result(driver, step)
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO


def test_a_damaged_video_outlives_a_url_that_is_used_up(driver: Driver, tmp_path: Path) -> None:
    """What looks damaged stays until something else comes, though the host never answers again."""
    client, task, _ = with_result(driver, video(CUT_MP4), video(b"", 500))
    for _ in range(2):
        with pytest.raises(DownloadError, match="HTTP 500"):
            client.download(task, tmp_path / "out.mp4")
        assert (tmp_path / "out.mp4.part").read_bytes() == CUT_MP4


def test_a_host_that_drips_is_given_up_on(driver: Driver, tmp_path: Path) -> None:
    """A body that comes a few bytes a minute is an error after a bounded number of attempts."""
    time = FakeTime()

    class Drips(Pieces):
        def __iter__(self) -> Iterator[bytes]:
            for place in range(len(VIDEO)):
                time.sleep(30)
                yield VIDEO[place : place + 1]

    server = Script.of(lambda request: httpx.Response(200, headers={"etag": '"v"'}, stream=Drips()))
    context = DownloadContext(
        SyncTransport(client=httpx.Client(transport=httpx.MockTransport(server)), sleep=time.sleep),
        RetryPolicy(),
        lambda: 0.5,
        lambda: datetime.now(UTC),
        clock=time.clock,
    )
    with pytest.raises(DownloadError, match="too slow"):
        run_sync(download(TaskData(ID, "COMPLETED", (RESULT,)), tmp_path / "out.mp4", {}, context))
    assert len(server.requests) <= 5


def test_the_status_of_a_refusal_is_told(driver: Driver, tmp_path: Path) -> None:
    """The error has the status that the result's host answered, and none if it did not."""
    for step, status in ((video(b"", 403), 403), (httpx.ConnectError("x"), None), (video(b"x"), 200)):
        client, task, _ = with_result(driver, step)
        with pytest.raises(DownloadError) as caught:
            client.download(task, tmp_path / "out.mp4")
        assert caught.value.status_code == status


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(minutes=-30), "Its URL is valid for another "),
        (timedelta(seconds=30), " s ago: the video is gone"),
        (timedelta(minutes=30), " min ago: the video is gone"),
        (timedelta(hours=5), "5 h ago: the video is gone"),
        (timedelta(days=30), "30 days ago: the video is gone"),
    ],
)
def test_expiry_is_told(driver: Driver, tmp_path: Path, age: timedelta, told: str) -> None:
    """A refusal tells how long ago the address expired, or how long it is good."""
    expiry = datetime.now(UTC) - age
    url = f"https://cdn.example/a.mp4?token=exp={int(expiry.timestamp())}~hmac=ab"
    client, task, _ = with_result(driver, video(b"", 403), url=url)
    assert task.expires_at == expiry.replace(microsecond=0)
    with pytest.raises(DownloadError) as caught:
        client.download(task, tmp_path / "out.mp4")
    assert told in str(caught.value)
    assert f"{expiry:%Y-%m-%d %H:%M:%S} UTC" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "epoch"),
    [
        ("https://a.example/x.mp4?token=exp=1900000000~hmac=0", 1900000000),
        ("https://a.example/x.mp4?expires=1900000000&x=1", 1900000000),
        ("https://a.example/x.mp4?a=b&exp=1900000000", 1900000000),
        ("https://a.example/x.mp4?exp=1900000000&a=?b", 1900000000),
        ("https://a.example/x.mp4?exp=253402300799", 253402300799),
        ("https://a.example/x.mp4?exp=253402300800", None),
        ("https://a.example/exp=1900000000/x.mp4", None),
        ("https://a.example/a=exp=1900000000", None),
        ("https://a.example/x.mp4?token=exp=tomorrow", None),
        ("https://a.example/x.mp4?token=exp=999999999999", None),
        ("https://a.example/x.mp4?notexp=1900000000", None),
        ("https://a.example/x.mp4", None),
    ],
)
def test_reading_the_expiry(url: str, epoch: int | None) -> None:
    """The expiry is read from the query, and from nowhere else; nonsense is none."""
    assert url_expiry(url) == (None if epoch is None else datetime.fromtimestamp(epoch, UTC))


def test_no_result(driver: Driver, tmp_path: Path) -> None:
    """A task without an address is ResultMissing."""
    client = driver.open(Script.of(shown("COMPLETED")))
    with pytest.raises(ResultMissing):
        client.download(client.get(ID), tmp_path / "out.mp4")


def redirect(location: str, status: int = 302) -> Callable[[httpx.Request], httpx.Response]:
    return reply(status, content=b"", headers={"location": location})


@pytest.mark.parametrize("location", ["https://cdn.example/b.mp4", "/b.mp4", "b.mp4"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_on_the_host_are_followed(
    driver: Driver, tmp_path: Path, location: str, status: int
) -> None:
    """A redirect that stays on the host is followed, without a key."""
    client, task, server = with_result(driver, redirect(location, status), video())
    client.download(task, tmp_path / "out.mp4")
    assert str(server.requests[2].url) == "https://cdn.example/b.mp4"
    assert KEY not in str(server.requests[2].headers.raw)


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/b.mp4",
        "http://cdn.example/a.mp4",
        "https://cdn.example:8443/a",
        "file:///etc/passwd",
        "",
        "http://[",
    ],
)
def test_other_redirects_are_refused(driver: Driver, tmp_path: Path, location: str) -> None:
    """A redirect to another host, another port, or down to http is refused, and nothing is sent there."""
    client, task, server = with_result(driver, redirect(location), video())
    with pytest.raises(DownloadError, match="is not followed"):
        client.download(task, tmp_path / "out.mp4")
    assert len(server.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_endless_redirects(driver: Driver, tmp_path: Path) -> None:
    """Redirects in a circle end."""
    client, task, server = with_result(driver, redirect("/again"))
    with pytest.raises(DownloadError, match="too many redirects"):
        client.download(task, tmp_path / "out.mp4")
    assert len(server.requests) == 7


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "file:///etc/passwd",
        "x.mp4",
        "https://",
        "http://[",
        "https://a.example/\ud800",
        "https://a.example:99999/x",
        "https://a.example:0/x",
    ],
)
def test_urls_that_cant_be_used(driver: Driver, tmp_path: Path, url: str) -> None:
    """A URL that can't be requested is a DownloadError."""
    task = Task(ID, "COMPLETED", (url,))
    with pytest.raises(DownloadError):
        driver.open(Script.of(video())).download(task, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_overwriting(driver: Driver, tmp_path: Path) -> None:
    """An existing file is replaced if that is asked for."""
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    client, task, _ = with_result(driver, video())
    client.download(task, target, overwrite=True)
    assert target.read_bytes() == VIDEO
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("has_links", [True, False], ids=["hard links", "no hard links"])
def test_a_file_that_appears_meanwhile_is_left(
    driver: Driver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_links: bool,  # noqa: FBT001 - a case of the table
) -> None:
    """A file that somebody else makes during the download is not overwritten, on any file system."""
    if not has_links:
        monkeypatch.setattr(os, "link", _no_links)
    target = tmp_path / "out.mp4"

    def racing(request: httpx.Request) -> httpx.Response:
        target.write_bytes(b"theirs")
        return video()(request)

    client, task, _ = with_result(driver, racing)
    with pytest.raises(DownloadError, match="appeared while") as caught:
        client.download(task, target)
    assert caught.value.task_id == ID
    assert target.read_bytes() == b"theirs"
    assert (tmp_path / "out.mp4.part").read_bytes() == VIDEO


def _no_links(source: object, target: object) -> None:
    raise OSError(errno.EPERM, "no hard links here")


def test_without_hard_links(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without hard links the video is stored all the same."""
    monkeypatch.setattr(os, "link", _no_links)
    client, task, _ = with_result(driver, video())
    assert client.download(task, tmp_path / "out.mp4").read_bytes() == VIDEO
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cant_be_written(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that refuses a new file is a DownloadError, before anything is fetched."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    client, task, server = with_result(driver, video())
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DownloadError, match="Permission denied"):
        client.download(task, tmp_path / "out.mp4")
    assert len(server.requests) == 1


def test_a_cancelled_download(any_driver: Driver, tmp_path: Path) -> None:
    """A download whose task group is cancelled leaves no target; what came is kept beside it."""
    if any_driver.backend is None:
        pytest.skip("the synchronous client can't be cancelled")
    scopes: list[anyio.CancelScope] = []

    class Stuck(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield VIDEO[:100]
            scopes[0].cancel()
            await anyio.sleep_forever()

    _, task, _ = with_result(any_driver, lambda request: httpx.Response(200, stream=Stuck()))
    assert isinstance(task, AsyncTask)

    async def fetch() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await task.download(tmp_path / "out.mp4")

    anyio.run(fetch, backend=any_driver.backend)
    assert scopes[0].cancelled_caught
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4.part", "out.mp4.part.json"]


def test_a_task_outlives_its_client(driver: Driver, tmp_path: Path) -> None:
    """A task can be downloaded after its client was closed: it needs no key."""
    with serving(lambda asked: (200, {"content-type": "video/mp4"}, VIDEO)) as host:
        body = json.dumps({"data": {"task_id": ID, "status": "COMPLETED", "generated": [f"{host.url}/x"]}})
        with serving(lambda asked: (200, {}, body.encode())) as api:
            if driver.backend is None:
                with KlingElements(KEY, api.url) as client:
                    task = client.get(ID)
                    task.download(tmp_path / "out.mp4")
                task.download(tmp_path / "later.mp4")
            else:
                anyio.run(_download_twice, api.url, tmp_path)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [VIDEO, VIDEO]
        assert KEY not in str(host.asked)


async def _download_twice(url: str, folder: Path) -> None:
    async with AsyncKlingElements(KEY, url) as client:
        task = await client.get(ID)
        await task.download(folder / "out.mp4")
    await task.download(folder / "later.mp4")


@pytest.mark.parametrize("is_told", [False, True], ids=["without a length", "with a length"])
def test_a_video_without_end(driver: Driver, tmp_path: Path, is_told: bool) -> None:  # noqa: FBT001 - a case
    """A body beyond the limit is given up on, not stored, and not asked for again."""
    step = video(etag='"x"', content_length=str(len(VIDEO))) if is_told else video(etag='"x"')
    client, task, server = with_result(driver, step)
    with pytest.raises(DownloadError, match=r"larger than the 1,000 bytes") as caught:
        client.download(task, tmp_path / "out.mp4", max_bytes=1000)
    assert "repeat" not in str(caught.value)
    assert len(server.requests) == 2
    assert list(tmp_path.iterdir()) == []
    assert client.download(task, tmp_path / "out.mp4", max_bytes=len(VIDEO)).read_bytes() == VIDEO


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (RESULT, f"https://cdn.example/kling_{ID}.mp4?…"),
        ("https://me:secret@a.example/x#y", "https://a.example/x"),
        ("http://[", "[not a URL]"),
        ("https://a.example/\ud800", "https://a.example/\\ud800"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    """What is shown of an address has no signature, no user, and can be printed anywhere."""
    assert redact_url(url) == shown
