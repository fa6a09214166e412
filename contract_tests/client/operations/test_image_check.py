"""`check_images=True`: a look at images behind URLs before money is spent, at real servers on loopback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from contract_tests.support.answers import png
from contract_tests.support.clients import KEY
from contract_tests.support.contract import request_schema
from contract_tests.support.loopback import refused_url, serving
from kling_elements import ValidationError
from kling_elements.operations.image_urls import URL_CHECK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver
    from contract_tests.support.loopback import Answer, Asked

LIMITS = request_schema()["properties"]["images"]["items"]["x-image-constraints"]
PICTURE = png()
MOST = LIMITS["maxBytes"]
LARGE = PICTURE + b"\0" * 1_000_000  # what follows the end of a PNG is not looked at


def whole(asked: Asked) -> Answer:
    """A host that knows no ranges."""
    return 200, {"content-type": "image/png"}, LARGE if asked.path == "/large.png" else PICTURE


def ranged(asked: Asked) -> Answer:
    """A host that answers with the range that it is asked for."""
    data = LARGE if asked.path == "/large.png" else PICTURE
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers["range"])
    assert found
    part = data[int(found[1]) : int(found[2]) + 1]
    return 206, {"content-range": f"bytes 0-{len(part) - 1}/{len(data)}"}, part


def refused(asked: Asked) -> Answer:
    """A host of images that can't be sent."""
    answers: dict[str, Answer] = {
        "/missing.png": (404, {}, b"<html>not here</html>"),
        "/forbidden.png": (403, {}, b""),
        "/html.png": (200, {"content-type": "image/png"}, b"<html>log in</html>" * 20),
        "/small.png": (200, {}, png(299, 400)),
        "/wide.png": (200, {}, png(1000, 300)),
        "/heavy.png": (206, {"content-range": f"bytes 0-99/{MOST}"}, PICTURE),
        "/heavy-whole.png": (200, {}, PICTURE.ljust(MOST, b"\0")),
        "/gif.png": (200, {"content-type": "image/png"}, b"GIF89a" + b"\x40\x01\x40\x01" + b"\0" * 300),
        "/empty.png": (200, {}, b""),
    }
    return answers[asked.path]


@pytest.mark.parametrize("host", [whole, ranged])
@pytest.mark.parametrize("path", ["/a.png", "/large.png"])
def test_good_images(driver: Driver, host: Callable[[Asked], Answer], path: str) -> None:
    """A good image passes, from hosts with and without ranges, and only its first kilobytes are asked for."""
    with serving(host) as images, serving(_service) as api:
        client = driver.open(base_url=api.url)
        client.create([images.url + path], check_images=True)
        assert [asked.path for asked in images.asked] == [path]
        [asked] = images.asked
        assert asked.headers["range"] == f"bytes=0-{URL_CHECK_BYTES - 1}"
        assert asked.headers["accept-encoding"] == "identity"
        assert KEY not in str(asked)
        assert len(api.asked) == 1


def _service(asked: Asked) -> Answer:
    return 200, {"content-type": "application/json"}, b'{"data":{"task_id":"t","status":"CREATED"}}'


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/missing.png", "can't be fetched: its host answers HTTP 404"),
        ("/forbidden.png", "can't be fetched: its host answers HTTP 403"),
        ("/html.png", "is an HTML page"),
        ("/small.png", f"{LIMITS['minWidth']}"),
        ("/wide.png", "has the aspect ratio 3.33:1"),
        ("/heavy.png", f"{MOST:,}"),
        ("/heavy-whole.png", f"{MOST:,}"),
        ("/gif.png", "GIF"),
        ("/empty.png", "empty"),
    ],
)
def test_images_that_cant_be_used(driver: Driver, path: str, sentence: str) -> None:
    """An image that is missing or breaks a limit is told before anything is sent to the service."""
    with serving(refused) as images, serving(_service) as api:
        client = driver.open(base_url=api.url)
        with pytest.raises(ValidationError) as caught:
            client.create([images.url + path], check_images=True)
        assert api.asked == []
    assert str(caught.value).startswith("images[0]: ")
    assert path in str(caught.value)
    assert sentence in str(caught.value)


def test_unreachable_images(driver: Driver) -> None:
    """A host that can't be reached from here is told; without the check nobody asks."""
    url = f"{refused_url()}/a.png"
    with serving(_service) as api:
        client = driver.open(base_url=api.url)
        with pytest.raises(ValidationError, match="can't be fetched"):
            client.create([url], check_images=True)
        assert api.asked == []
        assert client.create([url]).id == "t"


def test_all_images_are_looked_at(driver: Driver) -> None:
    """Every URL is looked at, and all faults are told with their places; local images are not fetched."""
    with serving(refused) as images, serving(_service) as api:
        urls = [f"{images.url}{path}" for path in ("/missing.png", "/html.png")]
        with pytest.raises(ValidationError) as caught:
            driver.open(base_url=api.url).create([urls[0], PICTURE, urls[1]], check_images=True)
        assert [asked.path for asked in images.asked] == ["/missing.png", "/html.png"]
    assert [problem.split()[0] for problem in caught.value.problems] == ["images[0]:", "images[2]:"]


def test_redirects_of_images(driver: Driver) -> None:
    """An image's redirect to another host is followed, as the vendor's server would; one in a circle ends."""
    with (
        serving(whole) as target,
        serving(lambda asked: (302, {"location": f"{target.url}/a.png"}, b"")) as images,
    ):
        with serving(_service) as api:
            client = driver.open(base_url=api.url)
            client.create([f"{images.url}/x"], check_images=True)
        assert len(target.asked) == 1
    with serving(lambda asked: (302, {"location": "/again"}, b"")) as images:
        client = driver.open(base_url="https://api.example")
        with pytest.raises(ValidationError, match="too many redirects"):
            client.create([f"{images.url}/x"], check_images=True)
        assert len(images.asked) == 6
