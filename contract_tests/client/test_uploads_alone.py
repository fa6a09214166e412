"""Uploads by themselves, run step by step without a shell: what is put where and when, and what is said."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field

from contract_tests.support.answers import IMAGE, png
from contract_tests.support.clients import KEY, FakeTime
from contract_tests.support.driving import drive
from kling_elements import RetryPolicy, UploadError, ValidationError
from kling_elements.answers import Answer
from kling_elements.decisions import Fault
from kling_elements.defaults import UPLOAD_PUT_MARGIN, UPLOAD_REUSE_MARGIN, UPLOAD_TIMEOUT
from kling_elements.effects import Head, Send, Stream
from kling_elements.images import ImageFacts, LoadedImage, UrlSource
from kling_elements.models import find_model
from kling_elements.requests import Draft, draft_request
from kling_elements.sending import Sender
from kling_elements.settings import ApiKey, Settings
from kling_elements.uploads import Uploader, place_images

if TYPE_CHECKING:
    from pathlib import Path

    from kling_elements.effects import Flow

FAULT = Fault("the line was cut", was_sent=True)
NOTHING = "No task was created, and nothing is billed; repeat it"


def image(name: str, format_: str = "png") -> LoadedImage:
    """An image whose bytes are its name."""
    return LoadedImage(base64.b64encode(name.encode()).decode(), ImageFacts(format_), name)


A, B, C = image("a.png"), image("b.png"), image("c.jpg", "jpeg")


def head(status: int, **headers: str) -> Head:
    return Head(status, {name.replace("_", "-"): value for name, value in headers.items()}, "https://x")


@define
class Stage:
    """An uploader with a clock, a service and a store.

    Attributes:
        base_url: The service's origin.
        time: The clock.
        on_put: What the store answers next, in turn; then it takes everything.
        seconds: How long the next puts take, in turn; then none.
        ask_takes: How long each request for addresses takes.
        asked: The bodies of the requests for addresses.
        puts: What was put.
        files: What every address is, besides its number.
        extra: How many addresses more than asked for are given.
        uploader: The uploader.
    """

    base_url: str = "https://a.example"
    time: FakeTime = field(factory=FakeTime)
    on_put: list[Head | Fault] = field(factory=list)
    seconds: list[float] = field(factory=list)
    ask_takes: float = 0.0
    asked: list[Any] = field(factory=list)
    puts: list[Stream] = field(factory=list)
    files: dict[str, Any] = field(factory=dict)
    extra: int = 0
    uploader: Uploader = field(init=False)
    _count: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the uploader."""
        settings = Settings(self.base_url, "x-key", ApiKey(KEY), 30.0)
        policy = RetryPolicy(attempts=3)
        self.uploader = Uploader(
            Sender(settings, None, policy, self.time.clock, self.time.sleep, lambda: 0.5)
        )

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow to its end."""
        return drive(flow, self._answer)

    def upload(self, *images: LoadedImage) -> list[int]:
        """Upload images; the numbers of their addresses."""
        urls = self.run(self.uploader.upload(images))
        return [int(url.rpartition("/")[2]) for url in urls]

    @property
    def put_names(self) -> list[str]:
        """The names of the images that were put."""
        return [(put.content or b"").decode() for put in self.puts]

    def _answer(self, request: Send | Stream) -> object:
        if isinstance(request, Stream):
            self.puts.append(request)
            self.time.now += self.seconds.pop(0) if self.seconds else 0.0
            return self.on_put.pop(0) if self.on_put else head(200)
        self.time.now += self.ask_takes
        files = json.loads(request.request.content or b"")["files"]
        self.asked.append([file["content_type"] for file in files])
        body = {"files": [self._address() for _ in range(len(files) + self.extra)]}
        return Answer(200, {}, json.dumps(body).encode())

    def _address(self) -> dict[str, Any]:
        self._count += 1
        return {
            "upload_url": f"https://store.example/put/{self._count}",
            "headers": {"x-signed": str(self._count)},
            "asset_url": f"https://store.example/{self._count}",
            **self.files,
        }


def test_what_is_put() -> None:
    """The bytes, with the signed headers alone, patiently; the answer's body is not read."""
    stage = Stage()
    assert stage.upload(A, C, A) == [1, 2, 1]
    assert stage.asked == [["image/png", "image/jpeg"]]
    assert [(put.method, put.url, put.headers, put.content, put.timeout) for put in stage.puts] == [
        ("PUT", "https://store.example/put/1", {"x-signed": "1"}, b"a.png", UPLOAD_TIMEOUT),
        ("PUT", "https://store.example/put/2", {"x-signed": "2"}, b"c.jpg", UPLOAD_TIMEOUT),
    ]
    assert [put.open_sink(head(200)) for put in stage.puts] == [None, None]


@pytest.mark.parametrize(
    ("outcomes", "sleeps"),
    [
        ([FAULT, FAULT], [0.25, 0.5]),
        ([head(500, retry_after="7"), head(503)], [7.0, 0.5]),
        ([head(408), head(425, retry_after="0")], [0.25, 0.0]),
        ([head(429, x_ratelimit_reset="3")], [3.0]),
        ([head(503, x_ratelimit_reset="3")], [0.25]),
        ([head(299)], []),
    ],
    ids=["cut", "asked to wait", "early", "a limit", "no limit", "taken"],
)
def test_a_put_that_may_help_is_repeated(outcomes: list[Head | Fault], sleeps: list[float]) -> None:
    """After a pause as long as the store asks for, else one that grows; to the same address."""
    stage = Stage(on_put=list(outcomes))
    assert stage.upload(A) == [1]
    assert stage.time.sleeps == sleeps
    assert len(stage.asked) == 1


@pytest.mark.parametrize(
    ("outcomes", "addresses", "asks"),
    [
        ([head(403)], [3, 2], 2),
        ([head(403), head(403)], [3, 4], 2),
        ([head(200), head(410), head(401)], [1, 4], 3),
        ([head(404), FAULT], [3, 2], 2),
    ],
)
def test_a_refused_address_is_replaced(outcomes: list[Head | Fault], addresses: list[int], asks: int) -> None:
    """By a fresh one, and by another where an image was taken in between; what was put stays put."""
    stage = Stage(on_put=list(outcomes))
    assert stage.upload(A, B) == addresses
    assert len(stage.asked) == asks


@pytest.mark.parametrize(
    ("arranged", "sentence", "status"),
    [
        (
            {"on_put": [head(200), head(403), head(404), head(410)]},
            "b.png was not uploaded: its addresses were refused, a fresh one too (HTTP 410)",
            410,
        ),
        (
            {"files": {"expires_in": 20}, "ask_takes": 11},
            "a.png was not uploaded: its addresses were refused, a fresh one too (they had ended already)",
            None,
        ),
        ({"extra": 1}, "a.png was not uploaded: the service gave 3 addresses for 2 images", None),
        ({"extra": -1}, "a.png was not uploaded: the service gave 1 addresses for 2 images", None),
        ({"on_put": [head(200), head(499)]}, "b.png was not uploaded: HTTP 499", 499),
        ({"on_put": [head(300)]}, "a.png was not uploaded: HTTP 300", 300),
        ({"on_put": [FAULT] * 3}, "a.png was not uploaded: the line was cut", None),
        ({"on_put": [FAULT, FAULT, head(500)]}, "a.png was not uploaded: HTTP 500", 500),
        (
            {"files": {"upload_url": "http://store.example/"}},
            "a.png was not uploaded: the service gave an address that is no https URL",
            None,
        ),
        (
            {"base_url": "http://a.example", "files": {"asset_url": "ftp://store.example/1"}},
            "a.png was not uploaded: the service gave an address that is no https URL",
            None,
        ),
    ],
    ids=[
        "refused twice", "ended", "too many", "too few", "refused", "redirected", "cut", "broken",
        "http", "ftp",
    ],
)  # fmt: skip
def test_an_upload_that_fails_whole(arranged: dict[str, Any], sentence: str, status: int | None) -> None:
    """The image by its name, what happened last, the status if there was one, and that nothing was paid."""
    stage = Stage(**arranged)
    with pytest.raises(UploadError) as caught:
        stage.upload(A, B)
    assert (str(caught.value), caught.value.status_code) == (f"{sentence}. {NOTHING}", status)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080", "https://a.example"])
def test_https_is_always_good(base_url: str) -> None:
    """A mock on plain http may give such addresses, and any service those of https."""
    assert Stage(base_url).upload(A) == [1]
    stage = Stage(base_url, files={"upload_url": "http://127.0.0.1:8080/1"})
    if base_url.startswith("http:"):
        assert stage.upload(A) == [1]
    else:
        with pytest.raises(UploadError):
            stage.upload(A)
        assert stage.puts == []


@pytest.mark.parametrize(
    ("lives", "taken", "is_used"),
    [
        (120.0, 120.0 - UPLOAD_PUT_MARGIN, True),
        (120.0, 120.1 - UPLOAD_PUT_MARGIN, False),
        (12.0, 6.0, True),
        (12.0, 6.5, False),
        (None, 9999.0, True),
    ],
)
def test_an_address_that_ends_soon_is_not_put_to(lives: float | None, taken: float, is_used: bool) -> None:  # noqa: FBT001 - a case
    """Some seconds before its end, or half its life, from when it was asked for."""
    stage = Stage(files={"expires_in": lives}, seconds=[taken])
    assert stage.upload(A, B) == ([1, 2] if is_used else [1, 3])


@pytest.mark.parametrize(
    ("lives", "later", "is_used"),
    [
        (UPLOAD_REUSE_MARGIN + 100, 99.5, True),
        (UPLOAD_REUSE_MARGIN + 100, 100, False),
        (UPLOAD_REUSE_MARGIN + 1, 0, True),
        (UPLOAD_REUSE_MARGIN, 0, False),
        (None, 0, False),
    ],
)
def test_an_image_is_used_again_while_it_lives(lives: float | None, later: float, is_used: bool) -> None:  # noqa: FBT001 - a case
    """Until the margin before its end, counted from when its address was asked for."""
    stage = Stage(files={"asset_url_expires_in": lives})
    assert stage.upload(A) == [1]
    stage.time.now += later
    assert stage.upload(A) == ([1] if is_used else [2])


def test_what_was_put_last_is_remembered_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that was put anew is among the last ones."""
    monkeypatch.setattr("kling_elements.uploads.UPLOADS_KEPT", 2)
    stage = Stage(files={"asset_url_expires_in": UPLOAD_REUSE_MARGIN + 100})
    stage.upload(A)
    stage.time.now += 60
    stage.upload(B)
    stage.time.now += 60
    stage.upload(A)
    stage.upload(C)
    assert stage.put_names == ["a.png", "b.png", "a.png", "c.jpg"]
    stage.upload(A, C, B)
    assert stage.put_names[4:] == ["b.png"]


def a_draft(tmp_path: Path) -> tuple[Draft, str]:
    file = tmp_path / "one.png"
    file.write_bytes(png())
    return draft_request(find_model("std"), [str(file), IMAGE, png()], {"prompt": "x"}), str(file)


@pytest.mark.parametrize("way", ["upload", "function"])
def test_a_draft_with_addresses_whole(way: str, tmp_path: Path) -> None:
    """Local images become addresses and keep their names; all else stays as it was."""
    draft, name = a_draft(tmp_path)
    stage, urls = Stage(), iter(["https://store.example/1", "https://store.example/2"])
    store: Any = way if way == "upload" else lambda data, kind: next(urls)
    placed = stage.run(place_images(draft, store, stage.uploader))
    second = "https://store.example/1" if way == "upload" else "https://store.example/2"
    assert placed == Draft(
        draft.model,
        {"prompt": "x"},
        (
            UrlSource("https://store.example/1", name),
            draft.images[1],
            UrlSource(second, "the bytes object"),
        ),
    )
    assert stage.run(place_images(draft, "base64", stage.uploader)) is draft


A_NAME = "holds a user name or password: anybody who sees the request could read it; remove it"
NO_ADDRESS = "was stored, but the address that local_files gave"


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (None, "was stored, but local_files gave None in place of its address"),
        (5, "was stored, but local_files gave a value of type int in place of its address"),
        (
            "https://me@x:y/",
            f"{NO_ADDRESS} has a port that is no number from 0 to 65535; {NO_ADDRESS} {A_NAME}",
        ),
    ],
    ids=["None", "number", "odd address"],
)
def test_what_is_no_address_whole(result: Any, fault: str, tmp_path: Path) -> None:
    """The image by its place and its name, and every fault of what the caller's function gave."""
    draft, name = a_draft(tmp_path)
    with pytest.raises(ValidationError) as caught:
        Stage().run(place_images(draft, lambda data, kind: result, Stage().uploader))
    assert list(caught.value.problems) == [f"images[0]: {name} {fault}"]
