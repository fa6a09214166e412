"""Results: real videos of what was sent, behind signed addresses that expire."""

import io
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from contract_tests.mock.api import CREATE, Api, encoded, image
from contract_tests.support.answers import mp4
from kling_elements_mock.tasks import results
from kling_elements_mock.tasks.video import frame_size


def address(api: Api, **body: Any) -> str:
    task_id = api.created("instant", **body)
    url: str = api.status(task_id)["generated"][0]
    return url


@pytest.fixture
def no_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each task the least that is an MP4: to draw a film takes a third of a second."""
    monkeypatch.setattr(results, "draw", lambda _: mp4())


def frames(data: bytes, moments: list[float]) -> list[Image.Image]:
    with av.open(io.BytesIO(data), "r") as container:
        shown = [(frame.time or 0.0, _picture(frame)) for frame in container.decode(video=0)]
    return [min(shown, key=lambda pair: abs(pair[0] - moment))[1] for moment in moments]


def _picture(frame: av.VideoFrame) -> Image.Image:
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves it bare
    return picture


def middle(picture: Image.Image) -> tuple[int, ...]:
    pixel = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(pixel, tuple)
    return tuple(int(level) for level in pixel)


def near(pixel: tuple[int, ...], color: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 24 for a, b in zip(pixel, color, strict=True))


@pytest.mark.parametrize(
    ("body", "seconds", "shape"),
    [
        ({"duration": "10", "aspect_ratio": "social_story_9_16"}, 10, (9, 16)),
        ({"aspect_ratio": "widescreen_16_9"}, 5, (16, 9)),
    ],
)
def test_the_video_is_as_asked(api: Api, body: dict[str, str], seconds: int, shape: tuple[int, int]) -> None:
    """The result is a playable H.264 MP4 of exactly the asked length and shape, with its index in front."""
    data = api.call("GET", address(api, **body), headers={}).content
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.width * shape[1] == stream.height * shape[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == seconds
        assert container.duration == seconds * 1_000_000
        assert sum(1 for _ in container.decode(video=0)) == stream.frames
    assert data.index(b"moov") < data.index(b"mdat")
    assert len(data) < 1_000_000


def test_each_image_is_seen_in_its_share(api: Api) -> None:
    """Every image that was sent fills the middle of its share of the video, in order."""
    sent = [(220, 30, 30), (30, 200, 60), (40, 60, 220)]
    images = [encoded(image((600, 400), color)) for color in sent]
    images[1] = "data:image/png;base64," + images[1]
    data = api.call("GET", address(api, images=images, duration="5"), headers={}).content
    seen = [middle(frame) for frame in frames(data, [0.8, 2.5, 4.2])]
    assert all(near(pixel, color) for pixel, color in zip(seen, sent, strict=True)), seen


@pytest.mark.parametrize("shape", [(16, 9), (9, 16), (1, 1), (4, 3), (21, 9), (2, 3)])
def test_frames_are_even_and_in_shape(shape: tuple[int, int]) -> None:
    """A frame has even sides, as the encoder needs, in exactly the asked shape."""
    width, height = frame_size(shape)
    assert width % 2 == height % 2 == 0
    assert width * shape[1] == height * shape[0]


RED = (220, 30, 30)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "no image",
        "bm8gaW1hZ2U=",
        "data:image/png;base64,",
        "folder/a.png",
        encoded(image()[:300]),
        "\u00e9",
    ],
)
def test_what_is_no_image_makes_the_task_fail(api: Api, text: str) -> None:
    """A string that is neither a URL nor an image is accepted, and the task ends as FAILED."""
    assert api.status(api.created("instant", images=[text]))["status"] == "FAILED"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (image((299, 400)), "299x400"),
        (image((800, 301)), "aspect ratio"),
        (image(kind="GIF"), "Invalid image format"),
        (image(kind="WEBP"), "Invalid image format"),
        (image() + b"\0" * 10_000_000, "bytes"),
    ],
)
def test_images_outside_the_documented_limits_are_refused(api: Api, data: bytes, reason: str) -> None:
    """An image that breaks the document's limits is a 400 that names it, and nothing is created."""
    answer = api.create(images=[encoded(image()), encoded(data)])
    assert answer.status_code == 400
    assert answer.json()["invalid_params"][0]["field"] == "images[1]"
    assert reason in answer.json()["invalid_params"][0]["reason"]
    assert api.mock.tasks == ()


@pytest.mark.usefixtures("no_film")
def test_only_the_loopback_is_fetched() -> None:
    """An image's URL is fetched on this machine's loopback, and nowhere else."""
    fetched = []

    def fetch(url: str, most: int) -> bytes:
        fetched.append((url, most))
        return image((400, 400), RED)

    api = Api(fetch=fetch)
    local = ["http://127.0.0.1:9/a.png", "http://localhost:9/b.png", "http://[::1]:9/c.png"]
    far = [
        "https://example.com/a.png",
        "http://127.0.0.1.example.com/b.png",
        "http://10.0.0.1/c.png",
        "http://user@far/d",
    ]
    api.created(images=local)
    api.created(images=far)
    assert [url for url, _ in fetched] == local
    assert {most for _, most in fetched} == {10_000_000}


def test_a_loopback_image_is_fetched(tmp_path: Path) -> None:
    """An image on this machine is fetched without following a redirect; what can't be had is a 400."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved.png":
                self.send_response(302)
                self.send_header("location", "/good.png")
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    (tmp_path / "good.png").write_bytes(image((400, 400), RED))
    (tmp_path / "large.png").write_bytes(image() + bytes(10_000_000))
    api = Api()
    with HTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as files:
        thread = threading.Thread(target=files.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{files.server_port}/"
        codes = [
            api.create(images=[url + name]).status_code
            for name in ("good.png", "large.png", "moved.png", "none.png")
        ]
        files.shutdown()
        thread.join()
    assert codes == [200, 400, 400, 400]
    assert api.mock.tasks[0].pictures[0].png is not None
    assert api.create(images=[url + "good.png"]).status_code == 400


@pytest.mark.usefixtures("no_film")
def test_an_address_expires_an_hour_after_completion(api: Api) -> None:
    """The result can be fetched for 3600 s after completion, by anybody with the address, and not later."""
    url = address(api)
    api.clock.advance(3599)
    assert api.call("GET", url, headers={}).status_code == 200
    api.clock.advance(2)
    assert api.call("GET", url, headers={}).status_code == 403
    expired = api.status(api.created("instant, expire"))["generated"][0]
    assert api.call("GET", expired, headers={}).status_code == 403


@pytest.mark.usefixtures("no_film")
def test_only_signed_addresses_are_served(api: Api) -> None:
    """A changed or missing token is 403, another path 404; after a reset the task is 404."""
    url = address(api)
    path, query = url.split("?")
    other = address(api)
    for bad in (
        "",
        "?" + query[:-1],
        "?" + query.replace("exp=1", "exp=2"),
        "?" + other.split("?")[1],
        "?token=",
    ):
        assert api.call("GET", path + bad, headers={}).status_code == 403, bad
    assert api.call("GET", "/results/x", headers={}).status_code == 404
    assert api.call("POST", url, headers={}).status_code == 405
    api.mock.reset()
    assert api.call("GET", url, headers={}).status_code == 404


@pytest.mark.usefixtures("no_film")
def test_an_address_lies_where_create_was_called(api: Api) -> None:
    """The result's origin is the one that the client used, and its token is not re-encoded."""
    url = address(api)
    assert url.startswith("http://mock.test:8080/results/kling_")
    assert ".mp4?token=exp=" in url
    assert "~hmac=" in url
    odd = api.call(
        "POST",
        CREATE,
        json={"images": ["https://example.com/"]},
        headers={"x-freepik-api-key": "k", "host": "a b"},
    )
    assert odd.status_code == 200
    assert " " not in api.mock.tasks[-1].origin


@pytest.mark.usefixtures("no_film")
def test_ranges(api: Api) -> None:
    """Parts, validators and HEAD work as RFC 9110 has them, so that a download can be resumed."""
    url = address(api)
    whole = api.call("GET", url, headers={})
    size, etag = len(whole.content), whole.headers["etag"]

    def part(**headers: str) -> tuple[int, bytes, str | None]:
        answer = api.call(
            "GET", url, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        return answer.status_code, answer.content, answer.headers.get("content-range")

    assert part(range="bytes=0-9") == (206, whole.content[:10], f"bytes 0-9/{size}")
    assert part(range="bytes=100-") == (206, whole.content[100:], f"bytes 100-{size - 1}/{size}")
    assert part(range="bytes=-5") == (206, whole.content[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert part(range=f"bytes=0-{size + 99}")[:2] == (206, whole.content)
    assert part(range=f"bytes={size}-")[::2] == (416, f"bytes */{size}")
    assert part(range="bytes=5-1")[0] == part(range="items=0-1")[0] == part(range="bytes=0-1,5-6")[0] == 200
    assert part(range="bytes=100-", if_range=etag)[0] == 206
    assert part(range="bytes=100-", if_range='"other"')[:2] == (200, whole.content)
    assert part(if_none_match=etag)[:2] == (304, b"")
    head = api.call("HEAD", url, headers={})
    assert (head.content, head.headers["content-length"]) == (b"", str(size))
