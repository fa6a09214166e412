"""Local images that are uploaded: without the key, once, and before anything is paid for."""

from __future__ import annotations

import io
import json
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import define, field
from PIL import Image

from contract_tests.support.answers import ID, IMAGE, failing, png, reply, shown
from contract_tests.support.contract import place
from kling_elements import errors
from kling_elements.operations.uploads import UPLOAD_REUSE_MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.support.clients import Driver, FakeTime

QUERY = "?signature=s3cret%2Fx~y="
ASSETS = "https://assets.example/get/"
_, UPLOAD_PATH = place("requestUploadUrls")
UPLOAD: dict[str, Any] = {"local_files": "upload"}


def jpeg() -> bytes:
    Image.new("RGB", (400, 600), (20, 90, 200)).save(buffer := io.BytesIO(), "JPEG")
    return buffer.getvalue()


@define
class Service:
    """The service and its store.

    Attributes:
        asset_seconds: For how long assets are.
        on_put: What the store answers next, in turn; then it takes everything.
        on_ask: What the upload operation answers next, in turn; then addresses.
        asks: The content types of each request for addresses.
        puts: What was put to the store.
        creates: The bodies of the creates.
    """

    asset_seconds: Any = 86_400
    on_put: list[Any] = field(factory=list)
    on_ask: list[Any] = field(factory=list)
    asks: list[list[str]] = field(factory=list)
    puts: list[httpx.Request] = field(factory=list)
    creates: list[dict[str, Any]] = field(factory=list)
    count: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
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
    file.write_bytes(jpeg())
    client = any_driver.open(service)
    assert client.create([png(), IMAGE, file], **UPLOAD, prompt="x").id == ID
    assert service.asks == [["image/png", "image/jpeg"]]  # by the bytes, not by the name
    one, two = (f"{ASSETS}{number}{QUERY}" for number in (1, 2))
    assert service.creates == [{"images": [one, IMAGE, two], "prompt": "x"}]
    assert [request.content for request in service.puts] == [png(), jpeg()]
    for number, (request, content_type) in enumerate(zip(service.puts, service.asks[0], strict=True), 1):
        assert (request.method, str(request.url)) == ("PUT", f"https://store.example/put/{number}{QUERY}")
        ours = {"user-agent", "connection", "accept-encoding"}
        assert {name: value for name, value in request.headers.items() if name not in ours} == {
            "host": "store.example",
            "content-length": str(len(request.content)),
            "content-type": content_type,
            "x-store-signed": "yes",
        }
    assert client.upload(file) == two
    client.create([IMAGE], **UPLOAD)
    for bad in (b"x", png(20, 20), "missing.png", IMAGE):
        with pytest.raises(errors.ValidationError):
            client.upload(bad)
    assert len(service.asks) == 1, "a URL needs no address, what is put is put, and what is bad is refused"


def test_what_is_there_is_used_again(driver: Driver, time: FakeTime) -> None:
    """The same bytes are put once, within one request and between requests, while their URL lives."""
    service = Service()
    client = driver.open(service, clock=time.clock, sleep=time.sleep)
    client.create([png(), jpeg(), png()], **UPLOAD)
    assert service.asks == [["image/png", "image/jpeg"]]
    time.now += 86_400 - UPLOAD_REUSE_MARGIN - 1
    client.create([jpeg()], **UPLOAD)
    assert client.upload(png()) == service.creates[0]["images"][0]
    assert len(service.puts) == 2
    time.now += 2
    client.create([png()], **UPLOAD)
    assert len(service.puts) == 3
    assert service.creates[2]["images"] != service.creates[0]["images"][:1]
    for seconds in (0, UPLOAD_REUSE_MARGIN, None, "86400", True):  # how long it lives is not known
        client = driver.open(Service(asset_seconds=seconds))
        assert client.upload(png()) != client.upload(png())


def test_images_that_begin_alike_are_two(driver: Driver) -> None:
    """Two images that differ in their last row alone are uploaded both."""
    noise = Random(1).randbytes(400 * 400 * 3)  # noqa: S311 - any noise will do: it can't be compressed
    images = []
    for last in (b"\0", b"\xff"):
        Image.frombytes("RGB", (400, 400), noise[:-1200] + last * 1200).save(buffer := io.BytesIO(), "PNG")
        images.append(buffer.getvalue())
    assert images[0][:400_000] == images[1][:400_000]
    service = Service()
    driver.open(service).create(images, **UPLOAD)
    assert [put.content for put in service.puts] == images
    assert len(set(service.creates[0]["images"])) == 2


# --- the store's bad days


@pytest.mark.parametrize(
    "step",
    [httpx.ConnectError("refused"), httpx.WriteTimeout("x"), failing(503), failing(429)],
    ids=["refused", "timed out", "503", "429"],
)
def test_a_put_is_repeated(driver: Driver, step: object) -> None:
    """What passes is repeated, to the same URL; only then is the create sent."""
    service = Service(on_put=[step, step])
    driver.open(service, sleep=lambda _: None).create([png()], **UPLOAD)
    assert [request.url.path for request in service.puts] == ["/put/1"] * 3
    assert len(service.creates) == 1


def test_an_address_that_has_ended_is_replaced(driver: Driver, time: FakeTime) -> None:
    """One that is refused, or that has ended meanwhile, is asked for again; what was put stays put."""
    for status in (401, 410):
        service = Service(on_put=[None, failing(status)])
        driver.open(service).create([png(), jpeg()], **UPLOAD)
        assert service.asks == [["image/png", "image/jpeg"], ["image/jpeg"]]
        assert [request.url.path for request in service.puts] == ["/put/1", "/put/2", "/put/3"]
        assert service.creates[0]["images"][1].startswith(f"{ASSETS}3")

    def slow(request: httpx.Request) -> httpx.Response:
        time.now += 115
        return httpx.Response(200)

    service = Service(on_put=[slow] * 4)
    client = driver.open(service, clock=time.clock, sleep=time.sleep)
    client.create([png(), jpeg(), png(400), png(500)], **UPLOAD)
    assert [len(files) for files in service.asks] == [4, 3, 2, 1]
    assert len(service.puts) == 4


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


@pytest.mark.parametrize(("on_ask", "on_put", "kind", "status"), FAILURES.values(), ids=FAILURES)
def test_a_failed_upload_creates_nothing(
    driver: Driver, on_ask: list[Any], on_put: list[Any], kind: type[errors.KlingError], status: int | None
) -> None:
    """An image that can't be put is an error that says that no task was created; no create was sent."""
    service = Service(on_ask=list(on_ask), on_put=list(on_put))
    with pytest.raises(kind) as caught:
        driver.open(service, sleep=lambda _: None).create([png()], **UPLOAD)
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
        any_driver.open(service).create([png(), IMAGE, jpeg()], local_files=kind)
        assert stored == [(png(), "image/png"), (jpeg(), "image/jpeg")]
        one, two = (f"https://mine.example/{number}?sig=a%2Fb" for number in (1, 2))
        assert service.creates[-1]["images"] == [one, IMAGE, two]
    for kind in later if any_driver.backend is None else []:
        with pytest.raises(errors.ValidationError, match="use AsyncKlingElements"):
            any_driver.open(service).create([png()], local_files=kind)
    assert service.asks == []


@pytest.mark.parametrize(
    "result",
    [None, b"https://x.example/", "s3://bucket/x.png", "/tmp/x.png", "https://x.example/a b", KeyError("b")],  # noqa: S108
)
def test_what_a_function_gives_is_checked(driver: Driver, result: Any) -> None:
    """What is no URL of the web is not sent; what it raises is raised, with a note that nothing was paid."""
    service = Service()

    def store(data: bytes, content_type: str) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    error = KeyError if isinstance(result, Exception) else errors.ValidationError
    with pytest.raises(error) as caught:
        driver.open(service).create([IMAGE, png()], local_files=store)
    if error is KeyError:
        assert any("No task was created" in note for note in caught.value.__notes__)
    else:
        assert "images[1]" in str(caught.value)
    assert (service.asks, service.creates) == ([], [])
