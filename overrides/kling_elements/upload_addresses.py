"""What the service's upload operation answers: where to put files, and where they can then be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from kling_elements.reading import read_object
from kling_elements.refusals import format_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.answers import Answer


@frozen
class UploadAddress:
    """Where one file is put, and where it is then read.

    Attributes:
        upload_url: A signed address: whoever has it can put a file there.
        headers: The headers that were signed; exactly these are sent.
        asset_url: The address of the image, once it was put.
        put_seconds: Seconds for which `upload_url` is good; None if the answer doesn't say.
        asset_seconds: Seconds for which `asset_url` is good; None if the answer doesn't say.
    """

    upload_url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    asset_url: str = field(repr=False)
    put_seconds: float | None = None
    asset_seconds: float | None = None


def read_upload_addresses(answer: Answer) -> tuple[UploadAddress, ...]:
    """The addresses in an answer of the upload operation, in the order in which they were asked for.

    Only what a file can't be put without is insisted on.

    Raises:
        ApiError: If the status is not 2xx.
        ResponseFormatError: If the addresses are not there.
    """
    files = read_object(answer).get("files")
    if not isinstance(files, list) or not files:
        raise format_error(answer, "it has no list in `files`")
    found = [_address(file) if isinstance(file, dict) else None for file in files]
    addresses = tuple(address for address in found if address)
    if len(addresses) != len(files):
        raise format_error(answer, "an entry of its `files` is no address to upload to")
    return addresses


def _address(file: Mapping[str, Any]) -> UploadAddress | None:
    upload_url, asset_url, headers = file.get("upload_url"), file.get("asset_url"), file.get("headers", {})
    if not isinstance(upload_url, str) or not isinstance(asset_url, str) or not isinstance(headers, dict):
        return None
    if not all(isinstance(value, str) for value in headers.values()):
        return None
    return UploadAddress(
        upload_url,
        headers,
        asset_url,
        _seconds(file.get("expires_in")),
        _seconds(file.get("asset_url_expires_in")),
    )


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
