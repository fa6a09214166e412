"""What the service's upload operation answers, read; only what a file can't be put without is insisted on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kling_elements.api.responses import UploadAddress, read_upload_addresses
from kling_elements.errors import ResponseFormatError, ServerError
from kling_elements.types import Response

FILE: dict[str, Any] = {
    "upload_url": "https://store.example/put?sig=1",
    "asset_url": "https://store.example/get",
    "headers": {"content-type": "image/png"},
    "expires_in": 600,
    "asset_url_expires_in": 3600.5,
}


def read(body: object, status: int = 200) -> tuple[UploadAddress, ...]:
    return read_upload_addresses(Response(status, {}, json.dumps(body).encode()))


def test_addresses_come_in_their_order() -> None:
    """Each file has its own address, headers and times, in the order of the answer."""
    first, second = read({"files": [FILE, {**FILE, "asset_url": "https://store.example/other"}]})
    assert first == UploadAddress(FILE["upload_url"], FILE["headers"], FILE["asset_url"], 600.0, 3600.5)
    assert second.asset_url == "https://store.example/other"


@pytest.mark.parametrize("odd", [None, True, "600", [600]])
def test_times_are_seconds_or_unknown(odd: object) -> None:
    """A time that is no number is not known; headers may be left out."""
    (found,) = read({"files": [{**FILE, "expires_in": odd, "asset_url_expires_in": odd}]})
    assert (found.put_seconds, found.asset_seconds) == (None, None)
    (found,) = read({"files": [{"upload_url": "u", "asset_url": "a"}]})
    assert found == UploadAddress("u", {}, "a")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "no list"),
        ({"files": {}}, "no list"),
        ({"files": []}, "no list"),
        ({"files": [None]}, "no URLs"),
        ({"files": [FILE, {**FILE, "upload_url": 5}]}, "no URLs"),
        ({"files": [FILE, {**FILE, "asset_url": None}]}, "no URLs"),
        ({"files": [{**FILE, "headers": []}]}, "no URLs"),
        ({"files": [{**FILE, "headers": {"a": "b", "content-length": 5}}]}, "no URLs"),
    ],
)
def test_half_an_address_is_none(body: object, words: str) -> None:
    """An entry without both addresses, or with headers that can't be sent, makes the answer unreadable."""
    with pytest.raises(ResponseFormatError, match=words):
        read(body)


def test_a_refusal_is_told_as_any_other() -> None:
    """What is no success is the error that it is."""
    with pytest.raises(ServerError):
        read({"message": "no"}, 503)


def test_signed_addresses_are_not_shown() -> None:
    """Whoever has the address can put a file there: it is in no repr."""
    assert "store.example" not in repr(read({"files": [FILE]}))
