"""Results: real videos of what was sent, behind signed addresses that expire."""

from typing import Any

import pytest

from contract_tests.mock.api import CREATE, Api, encoded, image
from contract_tests.support.answers import mp4
from contract_tests.support.loopback import Answer, Asked, serving
from kling_elements_mock.tasks import results
from kling_elements_mock.tasks.video import frame_size


def address(api: Api, **body: Any) -> str:
    url: str = api.status(api.created("instant", **body))["generated"][0]
    return url


@pytest.fixture
def no_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each task the least that is an MP4: to draw a film takes a third of a second."""
    monkeypatch.setattr(results, "draw", lambda _: mp4())


def test_frames_are_even_and_in_shape() -> None:
    """A frame has even sides, as the encoder needs, in exactly the asked shape."""
    for shape in ((16, 9), (9, 16), (1, 1), (4, 3), (21, 9), (2, 3)):
        width, height = frame_size(shape)
        assert width % 2 == height % 2 == 0
        assert width * shape[1] == height * shape[0]


NO_IMAGES = ("", "0", "no image", "bm8gaW1hZ2U=", "data:image/png;base64,", "folder/a.png", "\u00e9")


def test_what_is_no_image_makes_the_task_fail(api: Api) -> None:
    """A string that is neither a URL nor an image is accepted, and the task ends as FAILED."""
    for text in (*NO_IMAGES, encoded(image()[:300])):
        assert api.status(api.created("instant", images=[text]))["status"] == "FAILED", text


def test_images_outside_the_documented_limits_are_refused(api: Api) -> None:
    """An image that breaks the document's limits is a 400 that names it, and nothing is created."""
    for data, reason in (
        (image((299, 400)), "299x400"),
        (image((800, 301)), "aspect ratio"),
        (image(kind="GIF"), "Invalid image format"),
        (image() + bytes(10_000_000), "bytes"),
    ):
        answer = api.create(images=[encoded(image()), encoded(data)])
        assert answer.status_code == 400
        [named] = answer.json()["invalid_params"]
        assert named["field"] == "images[1]"
        assert reason in named["reason"]
    assert api.mock.tasks == ()


def test_only_the_loopback_is_fetched() -> None:
    """An image's URL is fetched on this machine's loopback, and nowhere else."""
    fetched = []

    def fetch(url: str, most: int) -> bytes:
        fetched.append((url, most))
        return image((400, 400))

    api = Api(fetch=fetch)
    local = ["http://127.0.0.1:9/a.png", "http://localhost:9/b.png", "http://[::1]:9/c.png"]
    far = ["https://example.com/a", "http://127.0.0.1.example.com/", "http://10.0.0.1/c", "http://user@far/d"]
    api.created(images=local)
    api.created(images=far)
    assert fetched == [(url, 10_000_000) for url in local]


def test_a_loopback_image_is_fetched(api: Api) -> None:
    """An image on this machine is fetched without following a redirect; what can't be had is a 400."""
    files = {"/good.png": image((400, 400)), "/large.png": image() + bytes(10_000_000)}

    def answer(asked: Asked) -> Answer:
        if asked.path == "/moved.png":
            return 302, {"location": "/good.png"}, b""
        return (200, {}, files[asked.path]) if asked.path in files else (404, {}, b"")

    with serving(answer) as store:
        urls = [f"{store.url}/{name}.png" for name in ("good", "large", "moved", "none")]
        assert [api.create(images=[url]).status_code for url in urls] == [200, 400, 400, 400]
    assert api.mock.tasks[0].pictures[0].png is not None
    assert api.create(images=urls[:1]).status_code == 400


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
    other = address(api).split("?")[1]
    for bad in ("", "?" + query[:-1], "?" + query.replace("exp=1", "exp=2"), "?" + other, "?token="):
        assert api.call("GET", path + bad, headers={}).status_code == 403, bad
    assert api.call("GET", "/results/x", headers={}).status_code == 404
    assert api.call("POST", url, headers={}).status_code == 405
    api.mock.reset()
    assert api.call("GET", url, headers={}).status_code == 404


def test_an_address_lies_where_create_was_called(api: Api) -> None:
    """The result's origin is the one that the client used, and its token is not re-encoded."""
    url = address(api)
    assert url.startswith("http://mock.test:8080/results/kling_")
    assert ".mp4?token=exp=" in url
    assert "~hmac=" in url
    odd = {"x-freepik-api-key": "k", "host": "a b"}
    assert api.call("POST", CREATE, json={"images": ["https://a.example"]}, headers=odd).is_success
    assert " " not in api.mock.tasks[-1].origin


@pytest.mark.usefixtures("no_film")
def test_ranges(api: Api) -> None:
    """Parts, validators and HEAD work as RFC 9110 has them, so that a download can be resumed."""
    url = address(api)
    whole = api.call("GET", url, headers={})
    size, etag = len(whole.content), whole.headers["etag"]

    def part(asked: str, **headers: str) -> tuple[int, bytes, str | None]:
        given = {"range": asked, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = api.call("GET", url, headers=given)
        return answer.status_code, answer.content, answer.headers.get("content-range")

    assert part("bytes=0-9") == (206, whole.content[:10], f"bytes 0-9/{size}")
    assert part("bytes=100-") == (206, whole.content[100:], f"bytes 100-{size - 1}/{size}")
    assert part("bytes=-5") == (206, whole.content[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert part(f"bytes=0-{size + 99}")[:2] == (206, whole.content)
    assert part(f"bytes={size}-")[::2] == (416, f"bytes */{size}")
    for ignored in ("bytes=5-1", "items=0-1", "bytes=0-1,5-6"):
        assert part(ignored)[:2] == (200, whole.content)
    assert part("bytes=100-", if_range=etag)[0] == 206
    assert part("bytes=100-", if_range='"other"')[:2] == (200, whole.content)
    assert part("", if_none_match=etag)[:2] == (304, b"")
    head = api.call("HEAD", url, headers={})
    assert (head.content, head.headers["content-length"]) == (b"", str(size))
