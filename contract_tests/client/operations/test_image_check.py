"""`check_images=True`: a look at images behind URLs before money is spent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import define, field

from contract_tests.support.answers import Pieces, png, shown
from contract_tests.support.clients import KEY
from contract_tests.support.contract import request_schema
from kling_elements import ValidationError
from kling_elements.operations.image_urls import URL_CHECK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver

LIMITS = request_schema()["properties"]["images"]["items"]["x-image-constraints"]
PICTURE = png()
MOST = LIMITS["maxBytes"]
LARGE = PICTURE + b"\0" * 1_000_000  # what follows the end of a PNG is not looked at
HOST = "https://pictures.example"
Answer = tuple[int, dict[str, str], bytes]


@define
class Service:
    """The service, and a host of images, whose answers a function gives."""

    answer: Callable[[httpx.Request], Answer]
    fetched: list[httpx.Request] = field(factory=list)
    creates: list[httpx.Request] = field(factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.creates.append(request)
            return shown()(request)
        self.fetched.append(request)
        status, headers, body = self.answer(request)
        sent = {"content-length": str(len(body)), **headers}
        return httpx.Response(status, headers=sent, stream=Pieces(body))


def whole(request: httpx.Request) -> Answer:
    """A host that knows no ranges."""
    return 200, {"content-type": "image/png"}, LARGE if request.url.path == "/large.png" else PICTURE


def ranged(request: httpx.Request) -> Answer:
    """A host that answers with the range that it is asked for."""
    _, _, data = whole(request)
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers["range"])
    assert found
    part = data[int(found[1]) : int(found[2]) + 1]
    return 206, {"content-range": f"bytes 0-{len(part) - 1}/{len(data)}"}, part


@pytest.mark.parametrize("host", [whole, ranged])
def test_good_images(driver: Driver, host: Callable[[httpx.Request], Answer]) -> None:
    """A good image passes, from hosts with and without ranges, and only its first kilobytes are asked for."""
    service = Service(host)
    driver.open(service).create([f"{HOST}/a.png", f"{HOST}/large.png"], check_images=True)
    for fetched in service.fetched:
        assert fetched.headers["range"] == f"bytes=0-{URL_CHECK_BYTES - 1}"
        assert fetched.headers["accept-encoding"] == "identity"
        assert KEY not in str(fetched.headers.raw)
    assert (len(service.fetched), len(service.creates)) == (2, 1)


UNFIT: dict[str, tuple[Answer, str]] = {
    "missing": ((404, {}, b"<html>not here</html>"), "can't be fetched"),
    "forbidden": ((403, {}, b""), "can't be fetched"),
    "html": ((200, {"content-type": "image/png"}, b"<html>log in</html>" * 20), "HTML"),
    "small": ((200, {}, png(299, 400)), f"{LIMITS['minWidth']}"),
    "wide": ((200, {}, png(1000, 300)), "3.33:1"),
    "heavy": ((206, {"content-range": f"bytes 0-99/{MOST}"}, PICTURE), f"{MOST:,}"),
    "heavy whole": ((200, {}, PICTURE.ljust(MOST, b"\0")), f"{MOST:,}"),
    "gif": ((200, {"content-type": "image/png"}, b"GIF89a" + b"\x40\x01\x40\x01" + bytes(300)), "GIF"),
    "empty": ((200, {}, b""), "empty"),
}


@pytest.mark.parametrize(("answer", "words"), UNFIT.values(), ids=UNFIT)
def test_images_that_cannot_be_used(driver: Driver, answer: Answer, words: str) -> None:
    """An image that is missing or breaks a limit is an error before anything is sent to the service."""
    service = Service(lambda _: answer)
    with pytest.raises(ValidationError, match=rf"^images\[0\]: .*/a\.png.*{words}"):
        driver.open(service).create([f"{HOST}/a.png"], check_images=True)
    assert service.creates == []


def test_every_image_is_looked_at(driver: Driver) -> None:
    """All faults are named with their places; local images are not fetched, nor any without the option."""
    service = Service(lambda _: (404, {}, b""))
    images: list[Any] = [f"{HOST}/0.png", PICTURE, f"{HOST}/2.png"]
    with pytest.raises(ValidationError) as caught:
        driver.open(service).create(images, check_images=True)
    assert [problem.split()[0] for problem in caught.value.problems] == ["images[0]:", "images[2]:"]
    assert [request.url.path for request in service.fetched] == ["/0.png", "/2.png"]
    driver.open(service).create(images)
    assert (len(service.fetched), len(service.creates)) == (2, 1)


def test_redirects_of_images(driver: Driver) -> None:
    """An image's redirect to another host is followed, as the vendor's server would; one in a circle ends."""

    def moved(request: httpx.Request) -> Answer:
        if request.url.host == "elsewhere.example":
            return whole(request)
        return 302, {"location": request.url.params.get("to", "/again")}, b""

    service = Service(moved)
    driver.open(service).create([f"{HOST}/x?to=https://elsewhere.example/a.png"], check_images=True)
    with pytest.raises(ValidationError, match="too many redirects"):
        driver.open(service).create([f"{HOST}/x"], check_images=True)
    hosts = [request.url.host for request in service.fetched]
    assert hosts == ["pictures.example", "elsewhere.example", *["pictures.example"] * 6]
