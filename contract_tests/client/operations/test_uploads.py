"""Images before anything is paid for: local ones are uploaded without the key, once; URLs are looked at."""

import gzip
import json
import re
import time as machine_time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define, field

from contract_tests.support.answers import ID, IMAGE, Pieces, failing, png, reply, shown
from contract_tests.support.clients import KEY, Driver, FakeTime
from contract_tests.support.contract import place, request_schema
from contract_tests.support.pictures import encoded, picture
from kling_elements import errors
from kling_elements.operations.image_urls import URL_CHECK_BYTES
from kling_elements.operations.uploads import UPLOAD_REUSE_MARGIN

Answer = tuple[int, dict[str, str], bytes]

QUERY = "?signature=s3cret%2Fx~y="
ASSETS = "https://assets.example/get/"
_, UPLOAD_PATH = place("requestUploadUrls")
UPLOAD: dict[str, Any] = {"local_files": "upload"}
PNG, JPEG = png(), encoded(picture(), "JPEG")


@define
class Service:
    """The service, its store, and a host of images; what they answer next, in turn, and what they got."""

    asset_seconds: Any = 86_400
    on_put: list[Any] = field(factory=list)
    on_ask: list[Any] = field(factory=list)
    host: Callable[[httpx.Request], Answer] = lambda _: (404, {}, b"")
    asks: list[list[str]] = field(factory=list)
    puts: list[httpx.Request] = field(factory=list)
    creates: list[dict[str, Any]] = field(factory=list)
    fetched: list[httpx.Request] = field(factory=list)
    count: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.fetched.append(request)
            status, headers, body = self.host(request)
            sent = {"content-length": str(len(body)), **headers}
            return httpx.Response(status, headers=sent, stream=Pieces(body))
        if request.url.host == "store.example":
            self.puts.append(request)
            return self._next(self.on_put, request) or httpx.Response(200)
        asked = json.loads(request.content)
        if request.url.path != UPLOAD_PATH:
            self.creates.append(asked)
            return shown()(request)
        self.asks.append([file["content_type"] for file in asked["files"]])
        given = self._next(self.on_ask, request)
        return given or reply(body={"files": [self.address(kind) for kind in self.asks[-1]]})(request)

    def address(self, content_type: str = "image/png") -> dict[str, Any]:
        """One address."""
        self.count += 1
        return {
            "file_id": str(self.count),
            "upload_url": f"https://store.example/put/{self.count}{QUERY}",
            "headers": {"content-type": content_type, "x-store-signed": "yes"},
            "expires_in": 120,
            "asset_url": f"{ASSETS}{self.count}{QUERY}",
            "asset_url_expires_in": self.asset_seconds,
        }

    def _next(self, steps: list[Any], request: httpx.Request) -> Any:
        step = steps.pop(0) if steps else None
        if isinstance(step, Exception):
            raise step
        return step and step(request)


def addresses(*changes: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    """A step of the upload operation that gives addresses with other values."""
    return reply(body={"files": [{**Service().address(), **change} for change in changes]})


def test_local_images_are_put_and_their_addresses_sent(any_driver: Driver, tmp_path: Path) -> None:
    """Each local image goes to the store with exactly the signed headers; create gets URLs, in order."""
    service = Service()
    file = tmp_path / "misnamed.png"
    file.write_bytes(JPEG)
    client = any_driver.open(service)
    assert client.create([PNG, IMAGE, file], **UPLOAD, prompt="x").id == ID
    assert service.asks == [["image/png", "image/jpeg"]]  # by the bytes, not by the name
    one, two = (f"{ASSETS}{number}{QUERY}" for number in (1, 2))
    assert service.creates == [{"images": [one, IMAGE, two], "prompt": "x"}]
    assert [request.content for request in service.puts] == [PNG, JPEG]
    for number, (request, content_type) in enumerate(zip(service.puts, service.asks[0], strict=True), 1):
        assert (request.method, str(request.url)) == ("PUT", f"https://store.example/put/{number}{QUERY}")
        ours = {"user-agent", "connection", "accept-encoding", "host", "content-length"}
        assert {name: value for name, value in request.headers.items() if name not in ours} == {
            "content-type": content_type,
            "x-store-signed": "yes",
        }
    assert client.upload(file) == two
    client.create([IMAGE], **UPLOAD)
    for bad in (b"x", png(20, 20), "missing.png", IMAGE):
        with pytest.raises(errors.ValidationError):
            client.upload(bad)
    assert len(service.asks) == 1, "a URL needs no address, what is put is put, and what is bad is refused"


def test_what_is_there_is_used_again(driver: Driver, time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes are put once, within one request and between requests, while their URL lives.

    Either clock may say that it has ended: the client's, or that of the machine.
    """
    service, real = Service(), machine_time.time
    client = driver.open(service, clock=time.clock, sleep=time.sleep)
    alike = [encoded(picture()) + last for last in (b"\0", b"\1")]  # they differ in their last byte alone
    client.create([PNG, *alike, PNG], **UPLOAD)
    assert [put.content for put in service.puts] == [PNG, *alike]
    assert len(set(service.creates[0]["images"])) == 3
    time.now += 86_400 - UPLOAD_REUSE_MARGIN - 1
    client.create([alike[1]], **UPLOAD)
    assert client.upload(PNG) == service.creates[0]["images"][0]
    assert len(service.puts) == 3
    time.now += 2
    client.create([PNG], **UPLOAD)
    assert len(service.puts) == 4
    assert service.creates[2]["images"] != service.creates[0]["images"][:1]
    monkeypatch.setattr("time.time", lambda: real() + 86_400 - UPLOAD_REUSE_MARGIN + 1)  # asleep, say
    assert client.upload(PNG) not in service.creates[2]["images"]
    for seconds in (0, UPLOAD_REUSE_MARGIN, None, "86400", True):  # how long it lives is not known
        client = driver.open(Service(asset_seconds=seconds))
        assert client.upload(PNG) != client.upload(PNG)


def test_a_put_is_repeated(driver: Driver) -> None:
    """What passes is repeated, to the same URL; only then is the create sent."""
    for step in (httpx.ConnectError("refused"), httpx.WriteTimeout("x"), failing(503), failing(429)):
        service = Service(on_put=[step, step])
        driver.open(service, sleep=lambda _: None).create([PNG], **UPLOAD)
        assert [request.url.path for request in service.puts] == ["/put/1"] * 3
        assert len(service.creates) == 1


def test_an_address_that_has_ended_is_replaced(driver: Driver, time: FakeTime) -> None:
    """One that is refused, or that has ended meanwhile, is asked for again; what was put stays put."""
    for status in (401, 410):
        service = Service(on_put=[None, failing(status)])
        driver.open(service).create([PNG, JPEG], **UPLOAD)
        assert service.asks == [["image/png", "image/jpeg"], ["image/jpeg"]]
        assert [request.url.path for request in service.puts] == ["/put/1", "/put/2", "/put/3"]
        assert service.creates[0]["images"][1].startswith(f"{ASSETS}3")

    def slow(request: httpx.Request) -> httpx.Response:
        time.now += 115
        return httpx.Response(200)

    service = Service(on_put=[slow] * 3)
    client = driver.open(service, clock=time.clock, sleep=time.sleep)
    client.create([PNG, JPEG, png(400)], **UPLOAD)
    assert [len(files) for files in service.asks] == [3, 2, 1]
    assert len(service.puts) == 3


MOVED = reply(307, content=b"", headers={"location": "https://elsewhere.example/"})
REFUSED = httpx.ConnectError("no route")
# What the service answers, what its store answers, and the error with its status.
FAILURES: dict[str, tuple[list[Any], list[Any], type[errors.KlingError], int | None]] = {
    "no service": ([REFUSED] * 3, [], errors.ConnectionFailed, None),
    "not allowed": ([failing(403)], [], errors.PermissionDeniedError, 403),
    "quota": ([failing(429, "usage limit of your plan")], [], errors.QuotaExceededError, 429),
    "HTML": ([reply(content=b"<html>")] * 3, [], errors.ResponseFormatError, 200),
    "too many": ([addresses({}, {})], [], errors.UploadError, None),
    "plain http": ([addresses({"upload_url": "http://store.example/x"})], [], errors.UploadError, None),
    "no URL": ([addresses({"asset_url": "ftp://x/y"})], [], errors.UploadError, None),
    "ended at once": ([addresses({"expires_in": -1})] * 2, [], errors.UploadError, None),
    "refused twice": ([], [failing(403)] * 2, errors.UploadError, 403),
    "400": ([], [failing(400)], errors.UploadError, 400),
    "redirect": ([], [MOVED], errors.UploadError, 307),
    "down": ([], [failing(500)] * 3, errors.UploadError, 500),
    "unreachable": ([], [REFUSED] * 3, errors.UploadError, None),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failed_upload_creates_nothing(driver: Driver, failure: Any) -> None:
    """An image that can't be put is an error that says that no task was created; no create was sent."""
    on_ask, on_put, kind, status = failure
    service = Service(on_ask=list(on_ask), on_put=list(on_put))
    with pytest.raises(kind) as caught:
        driver.open(service, sleep=lambda _: None).create([PNG], **UPLOAD)
    assert "No task was created" in f"{caught.value} {getattr(caught.value, '__notes__', '')}"
    assert "s3cret" not in f"{caught.value} {caught.value!r}"
    assert getattr(caught.value, "status_code", None) == status
    assert (service.on_ask, service.on_put, service.creates) == ([], [], [])
    assert all(request.url.host == "store.example" for request in service.puts)


# --- a store of the caller's


def test_a_function_stores_the_images(any_driver: Driver) -> None:
    """A function gets bytes and media type of each local image, and its URLs are sent."""
    service = Service()
    stored: list[tuple[bytes, str]] = []

    def store(data: bytes, content_type: str) -> str:
        stored.append((data, content_type))
        return f"https://mine.example/{len(stored)}?sig=a%2Fb"

    async def store_later(data: bytes, content_type: str) -> str:
        return store(data, content_type)

    later: list[Any] = [store_later, lambda *image: store_later(*image)]  # noqa: PLW0108 - looks synchronous
    for kind in [store, partial(store), *(later if any_driver.backend else [])]:
        stored.clear()
        any_driver.open(service).create([PNG, IMAGE, JPEG], local_files=kind)
        assert stored == [(PNG, "image/png"), (JPEG, "image/jpeg")]
        one, two = (f"https://mine.example/{number}?sig=a%2Fb" for number in (1, 2))
        assert service.creates[-1]["images"] == [one, IMAGE, two]
    for kind in later if any_driver.backend is None else []:
        with pytest.raises(errors.ValidationError, match="use AsyncKlingElements"):
            any_driver.open(service).create([PNG], local_files=kind)
    assert service.asks == []


NO_URLS: tuple[Any, ...] = (
    None,
    b"https://x.example/",
    "s3://bucket/x.png",
    "x.png",
    "https://x.example/a b",
    "https://x.example/\ud800",
)


def test_what_a_function_gives_is_checked(driver: Driver) -> None:
    """What is no URL of the web is not sent; what it raises is raised, with a note that nothing was paid."""
    service = Service()
    client = driver.open(service)
    for result in NO_URLS:
        with pytest.raises(errors.ValidationError, match=r"images\[1\]"):
            client.create([IMAGE, PNG], local_files=lambda *_: result)  # noqa: B023
    with pytest.raises(ZeroDivisionError) as caught:
        client.create([PNG], local_files=lambda *_: 1 // 0)
    assert "No task was created" in caught.value.__notes__[0]
    assert (service.asks, service.creates) == ([], [])


# --- `check_images=True`: images behind URLs

LIMITS = request_schema()["properties"]["images"]["items"]["x-image-constraints"]
MOST = LIMITS["maxBytes"]
HOST = "https://pictures.example"


def whole(request: httpx.Request) -> Answer:
    """A host that knows no ranges; what follows the end of a PNG is not looked at."""
    is_large = request.url.path == "/large.png"
    return 200, {"content-type": "image/png"}, PNG.ljust(1_000_000 if is_large else 0, b"\0")


def ranged(request: httpx.Request) -> Answer:
    """A host that answers with the range that it is asked for."""
    *_, data = whole(request)
    part = data[:URL_CHECK_BYTES]
    return 206, {"content-range": f"bytes 0-{len(part) - 1}/{len(data)}"}, part


def coded(request: httpx.Request) -> Answer:
    """A host behind a proxy that compresses, though that makes it larger."""
    *_, data = whole(request)
    return 203, {"content-encoding": "gzip"}, gzip.compress(data, 0)


def coded_range(request: httpx.Request) -> Answer:
    """A host whose ranges are of the compressed bytes."""
    *_, data = coded(request)
    part = data[: URL_CHECK_BYTES if len(data) > URL_CHECK_BYTES else -20]
    return 206, {"content-encoding": "gzip", "content-range": f"bytes 0-{len(part) - 1}/{len(data)}"}, part


def test_good_images(driver: Driver) -> None:
    """A good image passes, from hosts with and without ranges, and only its first kilobytes are asked for."""
    for host in (whole, ranged, coded, coded_range):
        service = Service(host=host)
        images = [f"{HOST}/a.png", PNG, f"{HOST}/large.png"]
        driver.open(service).create(images, check_images=True)
        for fetched in service.fetched:
            assert fetched.headers["range"] == f"bytes=0-{URL_CHECK_BYTES - 1}"
            assert fetched.headers["accept-encoding"] == "identity"
            assert KEY not in str(fetched.headers.raw)
        driver.open(service).create(images)  # none is fetched without the option
        assert ([request.url.path for request in service.fetched], len(service.creates)) == (
            ["/a.png", "/large.png"],
            2,
        )


MOVED_AGAIN = (302, {"location": "/again"}, b"")
UNFIT: dict[str, tuple[Answer, str]] = {
    "missing": ((404, {}, b"<html>not here</html>"), "can't be fetched"),
    "html": ((200, {"content-type": "image/png"}, b"<html>log in</html>" * 20), "HTML"),
    "small": ((206, {"content-range": f"bytes 0-9/{'9' * 5000}"}, png(299, 400)), f"{LIMITS['minWidth']}"),
    "heavy": ((206, {"content-range": f"bytes 0-99/{MOST}"}, PNG), f"{MOST:,}"),
    "heavy whole": ((200, {}, PNG.ljust(MOST, b"\0")), f"{MOST:,}"),
    "cut off": ((200, {"content-length": "9999"}, PNG), "can't be fetched whole"),
    "empty": ((200, {}, b""), "empty"),
    "a circle": (MOVED_AGAIN, "too many redirects"),
}


@pytest.mark.parametrize(("answer", "words"), UNFIT.values(), ids=UNFIT)
def test_images_that_cannot_be_used(driver: Driver, answer: Answer, words: str) -> None:
    """Each image that is missing or breaks a limit is named before anything is sent to the service.

    A redirect to another host is followed, as the vendor's server would.
    """
    elsewhere = (302, {"location": "https://elsewhere.example/"}, b"")
    service = Service(host=lambda request: elsewhere if request.url.path == "/moved.png" else answer)
    with pytest.raises(errors.ValidationError) as caught:
        driver.open(service).create([f"{HOST}/a.png", PNG, f"{HOST}/moved.png"], check_images=True)
    first, third = caught.value.problems
    assert re.match(rf"images\[0\]: .*/a\.png.*{words}", first)
    assert re.match(rf"images\[2\]: .*/moved\.png.*{words}", third)
    assert service.creates == []
    assert service.fetched[-1].url.host == "elsewhere.example"
