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
from contract_tests.support.clients import SYNC, FakeTime
from contract_tests.support.contract import document
from contract_tests.support.judge import place_of, request_faults
from kling_elements import (
    ConnectionFailed,
    KlingError,
    PermissionDeniedError,
    QuotaExceededError,
    ResponseFormatError,
    UploadError,
    ValidationError,
)
from kling_elements.operations.uploads import UPLOAD_REUSE_MARGIN
from kling_elements_mock import INSTANT, MockSettings, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.support.clients import Driver

STORE = "https://store.example/put/"
ASSETS = "https://assets.example/get/"
UPLOAD_PATH = next(
    path
    for path, item in document()["paths"].items()
    if item.get("post", {}).get("operationId") == "requestUploadUrls"
)


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (400, 600), (20, 90, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


UPLOAD: dict[str, Any] = {"local_files": "upload"}


@define
class Service:
    """The service and its store.

    Attributes:
        put_seconds: For how long addresses are good.
        asset_seconds: For how long assets are.
        on_put: What the store answers next, in turn; then it takes everything.
        on_ask: What the upload operation answers next, in turn; then addresses.
        asked: What was asked of the service.
        puts: What was put to the store.
    """

    put_seconds: float = 120
    asset_seconds: float = 86_400
    on_put: list[Any] = field(factory=list)
    on_ask: list[Any] = field(factory=list)
    asked: list[httpx.Request] = field(factory=list)
    puts: list[httpx.Request] = field(factory=list)
    count: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.example":
            self.puts.append(request)
            return self._next(self.on_put, request) or httpx.Response(200)
        self.asked.append(request)
        if request.url.path != UPLOAD_PATH:
            return shown()(request)
        return self._next(self.on_ask, request) or reply(body={"files": self.addresses(request)})(request)

    def addresses(self, request: httpx.Request) -> list[dict[str, Any]]:
        """Addresses for the files of a request."""
        return [self.address(file["content_type"]) for file in json.loads(request.content)["files"]]

    def address(self, content_type: str = "image/png", **more: Any) -> dict[str, Any]:
        """One URL."""
        self.count += 1
        return {
            "file_id": str(self.count),
            "upload_url": f"{STORE}{self.count}?signature=s3cret%2Fx~y=",
            "headers": {"content-type": content_type, "x-store-signed": "yes"},
            "expires_in": self.put_seconds,
            "asset_url": f"{ASSETS}{self.count}?signature=s3cret%2Fx~y=",
            "asset_url_expires_in": self.asset_seconds,
            **more,
        }

    def _next(self, steps: list[Any], request: httpx.Request) -> httpx.Response | None:
        step: Any = steps.pop(0) if steps else None
        if step is None:
            return None
        if isinstance(step, Exception):
            raise step
        answer: httpx.Response = step(request)
        return answer

    @property
    def creates(self) -> list[dict[str, Any]]:
        """The bodies of the creates."""
        return [json.loads(request.content) for request in self.asked if request.url.path != UPLOAD_PATH]

    @property
    def asks(self) -> list[list[str]]:
        """The content types of each request for URLs."""
        return [
            [file["content_type"] for file in json.loads(request.content)["files"]]
            for request in self.asked
            if request.url.path == UPLOAD_PATH
        ]


def test_local_images_are_put_and_their_addresses_sent(driver: Driver, tmp_path: Path) -> None:
    """Each local image goes to the store with exactly the signed headers; create gets URLs, in order."""
    service = Service()
    file = tmp_path / "misnamed.png"
    file.write_bytes(jpeg())
    task = driver.open(service).create([png(), IMAGE, file], **UPLOAD, prompt="x")
    assert task.id == ID
    assert service.asks == [["image/png", "image/jpeg"]]  # by the bytes, not by the name
    one, two = (f"{ASSETS}{number}?signature=s3cret%2Fx~y=" for number in (1, 2))
    assert service.creates == [{"images": [one, IMAGE, two], "prompt": "x"}]
    assert [request.content for request in service.puts] == [png(), jpeg()]
    for number, (request, content_type) in enumerate(zip(service.puts, service.asks[0], strict=True), 1):
        assert (request.method, str(request.url)) == ("PUT", f"{STORE}{number}?signature=s3cret%2Fx~y=")
        ours = {"user-agent", "connection", "accept-encoding"}
        assert {name: value for name, value in request.headers.items() if name not in ours} == {
            "host": "store.example",
            "content-length": str(len(request.content)),
            "content-type": content_type,
            "x-store-signed": "yes",
        }
    [ask, _] = service.asked
    place = place_of(ask)
    assert place is not None
    assert (place.operation_id, request_faults(ask)) == ("requestUploadUrls", [])


def test_base64_is_the_default(driver: Driver) -> None:
    """Nothing is uploaded unless that is asked for, and nothing where there are only URLs."""
    service = Service()
    client = driver.open(service)
    for images, options in (([png()], {}), ([png()], {"local_files": "base64"}), ([IMAGE], UPLOAD)):
        client.create(images, **options)
    assert (service.asks, service.puts, len(service.creates)) == ([], [], 3)


def test_what_is_there_is_used_again(driver: Driver) -> None:
    """The same bytes are put once, within one request and between requests, while their URL lives."""
    time = FakeTime()
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


def test_images_that_begin_alike_are_two(driver: Driver) -> None:
    """Two images that differ in their last row alone are uploaded both."""
    noise = Random(1).randbytes(400 * 400 * 3)  # noqa: S311 - any noise will do: it can't be compressed
    images = []
    for last in (b"\0", b"\xff"):
        Image.frombytes("RGB", (400, 400), noise[:-1200] + last * 1200).save(buffer := io.BytesIO(), "PNG")
        images.append(buffer.getvalue())
    assert images[0][:400_000] == images[1][:400_000]
    service = Service()
    driver.open(service).create(images, local_files="upload")
    assert [put.content for put in service.puts] == images
    assert len(set(service.creates[0]["images"])) == 2


def test_addresses_that_die_soon_are_not_kept(driver: Driver) -> None:
    """A URL that does not say how long it lives, or lives shorter than the margin, is used once."""
    for seconds in (0, UPLOAD_REUSE_MARGIN, None, "86400", True):
        service = Service(asset_seconds=seconds)  # type: ignore[arg-type]
        client = driver.open(service)
        assert client.upload(png()) != client.upload(png())


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


@pytest.mark.parametrize("status", [401, 410])
def test_a_refused_address_is_asked_for_anew(driver: Driver, status: int) -> None:
    """A URL that ended is replaced; what was put already stays put."""
    service = Service(on_put=[None, failing(status)])
    driver.open(service).create([png(), jpeg()], **UPLOAD)
    assert service.asks == [["image/png", "image/jpeg"], ["image/jpeg"]]
    assert [request.url.path for request in service.puts] == ["/put/1", "/put/2", "/put/3"]
    assert service.creates[0]["images"][1].startswith(f"{ASSETS}3")


def test_an_address_that_has_ended_is_not_tried(driver: Driver) -> None:
    """Where putting the first images took long, the next one asks for a URL that is still good."""
    time = FakeTime()

    def slow(request: httpx.Request) -> httpx.Response:
        time.now += 115
        return httpx.Response(200)

    service = Service(on_put=[slow, slow, slow, slow])
    client = driver.open(service, clock=time.clock, sleep=time.sleep)
    client.create([png(), jpeg(), png(400), png(500)], **UPLOAD)
    assert [len(files) for files in service.asks] == [4, 3, 2, 1]
    assert len(service.puts) == 4


def answers(**more: Any) -> Callable[[Service], None]:
    """The service gives one URL with other values."""
    return lambda service: service.on_ask.append(reply(body={"files": [service.address(**more)]}))


MOVED = reply(307, content=b"", headers={"location": "https://elsewhere.example/"})
FAILURES: dict[str, tuple[Callable[[Service], None], int | None]] = {
    "refused twice": (lambda service: service.on_put.extend([failing(403)] * 2), 403),
    "ended at once": (lambda service: setattr(service, "put_seconds", -1), None),
    "400": (lambda service: service.on_put.append(failing(400)), 400),
    "redirect": (lambda service: service.on_put.append(MOVED), 307),
    "down": (lambda service: service.on_put.extend([failing(500)] * 3), 500),
    "unreachable": (lambda service: service.on_put.extend([httpx.ConnectError("no route")] * 3), None),
    "too many": (lambda service: service.on_ask.append(reply(body={"files": [service.address()] * 2})), None),
    "plain http": (answers(upload_url="http://store.example/x"), None),
    "no URL": (answers(asset_url="ftp://x/y"), None),
}


@pytest.mark.parametrize(("arrange", "status"), FAILURES.values(), ids=FAILURES)
def test_a_failed_upload_creates_nothing(
    driver: Driver, arrange: Callable[[Service], None], status: int | None
) -> None:
    """An image that can't be put is an UploadError; no create was sent, and the error says so."""
    service = Service()
    arrange(service)
    with pytest.raises(UploadError, match="No task was created") as caught:
        driver.open(service, sleep=lambda _: None).create([png()], **UPLOAD)
    assert "s3cret" not in f"{caught.value} {caught.value!r}"
    assert caught.value.status_code == status
    assert service.creates == []
    assert not any(request.url.host == "elsewhere.example" for request in service.puts)


ASKS: dict[str, tuple[list[Any], type[KlingError]]] = {
    "unreachable": ([httpx.ConnectError("no")] * 3, ConnectionFailed),
    "403": ([failing(403)], PermissionDeniedError),
    "quota": ([failing(429, "usage limit of your plan")], QuotaExceededError),
    "HTML": ([reply(content=b"<html>")] * 3, ResponseFormatError),
}


@pytest.mark.parametrize(("steps", "kind"), ASKS.values(), ids=ASKS)
def test_no_addresses_no_task(driver: Driver, steps: list[Any], kind: type[KlingError]) -> None:
    """Where the service gives no URLs, that is its own error; nothing was put, no create was sent."""
    service = Service(on_ask=list(steps))
    with pytest.raises(kind) as caught:
        driver.open(service, sleep=lambda _: None).create([png()], **UPLOAD)
    assert any("No task was created" in note for note in caught.value.__notes__)
    assert service.on_ask == []  # asking for URLs costs nothing, and is retried
    assert (service.puts, service.creates) == ([], [])


def test_bad_images_are_refused_first(driver: Driver) -> None:
    """An image that the service would refuse is not uploaded, and what is no image is not either."""
    service = Service()
    client = driver.open(service)
    for bad in (b"x", png(20, 20), "missing.png"):
        with pytest.raises(ValidationError):
            client.create([png(), bad], **UPLOAD)
        with pytest.raises(ValidationError):
            client.upload(bad)
    with pytest.raises(ValidationError, match="is a URL"):
        client.upload(IMAGE)
    assert service.asked == []


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

    kinds: list[Any] = [store, partial(store)]
    if any_driver.backend:
        kinds += [store_later, lambda *image: store_later(*image)]  # noqa: PLW0108 - looks synchronous
    for kind in kinds:
        stored.clear()
        any_driver.open(service).create([png(), IMAGE, jpeg()], local_files=kind)
        assert stored == [(png(), "image/png"), (jpeg(), "image/jpeg")]
        assert service.creates[-1]["images"] == [
            "https://mine.example/1?sig=a%2Fb",
            IMAGE,
            "https://mine.example/2?sig=a%2Fb",
        ]
    assert service.asks == []


def test_a_functions_errors_are_the_callers(driver: Driver) -> None:
    """What a function raises comes out as it is, with a note that nothing was paid for."""
    service = Service()

    def store(data: bytes, content_type: str) -> str:
        raise KeyError("bucket")

    with pytest.raises(KeyError, match="bucket") as caught:
        driver.open(service).create([png()], local_files=store)
    assert any("No task was created" in note for note in caught.value.__notes__)
    assert service.asked == []


@pytest.mark.parametrize(
    "result",
    [None, b"https://x.example/", "s3://bucket/x.png", "/tmp/x.png", "https://x.example/a b"],  # noqa: S108
)
def test_a_function_s_urls_are_checked(driver: Driver, result: Any) -> None:
    """What is no URL of the web is not sent to the service."""
    service = Service()
    with pytest.raises(ValidationError, match=r"images\[1\]"):
        driver.open(service).create([IMAGE, png()], local_files=lambda data, kind: result)
    assert service.asked == []


def test_an_asynchronous_function_needs_the_asynchronous_client() -> None:
    """The synchronous client says so, and leaves no coroutine behind."""

    async def store(data: bytes, content_type: str) -> str:
        return "https://x.example/"

    service = Service()
    for kind in (store, lambda *image: store(*image)):  # noqa: PLW0108 - looks synchronous
        with pytest.raises(ValidationError, match="use AsyncKlingElements"):
            SYNC.open(service).create([png()], local_files=kind)
    assert service.asked == []


# --- against the mock


def test_the_whole_way(driver: Driver) -> None:
    """Over a socket: uploaded, created with the URLs, and the mock's task has these very images."""
    with serve(MockSettings(pace=INSTANT)) as served:
        client = driver.open(base_url=served.url)
        client.create([png(), jpeg()], **UPLOAD)
        [made] = served.mock.tasks
        assert all(picture.png is not None for picture in made.pictures)
        assert [upload.data for upload in served.mock.uploads.all()] == [png(), jpeg()]
        assert len(served.mock.upload_requests) == 2
        for request in served.mock.upload_requests:
            assert (request.method, request.status) == ("PUT", 200)
            assert not {"x-freepik-api-key", "x-magnific-api-key", "authorization"} & set(request.headers)
