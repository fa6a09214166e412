"""Upload local images to the service's store, before a task is created. It costs nothing."""

from __future__ import annotations

import hashlib
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast
from urllib.parse import urlsplit

from kling_elements.api.endpoints import UPLOAD_OPERATION, json_request
from kling_elements.api.outcomes import Operation
from kling_elements.api.parsing import read_retry_after
from kling_elements.errors import UploadError, ValidationError
from kling_elements.external import ExternalRequest
from kling_elements.images.urls import url_problems
from kling_elements.policy.retries import backoff
from kling_elements.types import SUCCESSES, NoResponse, Response
from kling_elements.validation import request_validator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements.api.responses import UploadAddress
    from kling_elements.images.loading import LoadedImage
    from kling_elements.operations.sender import Sender

    Key: TypeAlias = tuple[str, str]

_EXPIRED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_TRANSIENT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR
_MOST_REFUSALS = 2  # in a row: a fresh URL that is refused was not too old
NOTHING_CREATED = "No task was created, and nothing is billed"


class _Asset(NamedTuple):
    """An image in the service's store.

    Attributes:
        url: The URL to read it from.
        good_until: When to stop reusing it, on the client's clock.
        good_until_epoch: The same since the epoch: while a machine sleeps, the other may stand still.
    """

    url: str
    good_until: float
    good_until_epoch: float


class Uploader:
    """Uploads images to the service's store, and remembers their URLs.

    Attributes:
        sender: Requests URLs from the service.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._assets: dict[Key, _Asset] = {}
        self._refusal: int | None = None

    async def upload(self, images: Sequence[LoadedImage]) -> list[str]:
        """Return the URLs of images, in order. An image that is still in the store is not uploaded again.

        Raises:
            UploadError: If one can't be uploaded.
            KlingError: If the service gives no URLs.
        """
        keys = [_key(image) for image in images]
        found = {key: asset.url for key in keys if (asset := self._assets.get(key)) and self._is_good(asset)}
        pending = {key: image for key, image in zip(keys, images, strict=True) if key not in found}
        refusals = 0
        while pending:
            before = len(pending)
            await self._put_each(pending, found)
            # URLs expire after two minutes: the last of several large images may need a fresh one.
            refusals = refusals + 1 if len(pending) == before else 0
            if refusals == _MOST_REFUSALS:
                label = next(iter(pending.values())).label
                why = f"HTTP {self._refusal}" if self._refusal else "they had expired"
                raise _error(label, f"its URLs were refused, a fresh one too ({why})", self._refusal)
        return [found[key] for key in keys]

    async def _put_each(self, pending: dict[Key, LoadedImage], found: dict[Key, str]) -> None:
        """Request URLs, upload while they are valid, and move what is uploaded from `pending` to `found`."""
        waiting = list(pending.items())
        body = {"files": [{"content_type": content_type} for (_, content_type), _ in waiting]}
        if problems := request_validator(UPLOAD_OPERATION).problems(body):
            raise ValidationError(problems)
        asked = self.sender.clock()
        answer = await self.sender.ask(
            Operation.UPLOAD, json_request(UPLOAD_OPERATION, body), self.sender.settings.timeout
        )
        addresses = cast("tuple[UploadAddress, ...]", answer)
        if len(addresses) != len(waiting):
            label = waiting[0][1].label
            raise _error(label, f"the service gave {len(addresses)} URLs for {len(waiting)} images")
        self._refusal = None
        for (key, image), address in zip(waiting, addresses, strict=True):
            self._check(image, address)
            if await self._put(image, address, asked):
                found[key] = address.asset_url
                self._remember(key, address, asked)
                del pending[key]

    def _check(self, image: LoadedImage, address: UploadAddress) -> None:
        """Refuse a URL to which an image would travel unencrypted."""
        schemes = {"https", urlsplit(self.sender.settings.base_url).scheme}
        for url in (address.upload_url, address.asset_url):
            if url_problems(url) or urlsplit(url).scheme not in schemes:
                raise _error(image.label, "the service gave a URL that is not https")

    async def _put(self, image: LoadedImage, address: UploadAddress, asked: float) -> bool:
        """Upload one image; return False if a fresh URL is needed."""
        attempt = 0
        while True:
            if address.put_seconds is not None:
                margin = min(UPLOAD_PUT_MARGIN, address.put_seconds / 2)
                if self.sender.clock() - asked > address.put_seconds - margin:
                    return False
            outcome = await self.sender.io.stream(
                ExternalRequest(address.upload_url, address.headers, UPLOAD_TIMEOUT, "PUT", image.data),
                lambda _: None,
            )
            hint: float | None = None
            if isinstance(outcome, NoResponse):
                error = _error(image.label, outcome.text)
            elif outcome.status in SUCCESSES:
                return True
            elif outcome.status in _EXPIRED:
                self._refusal = outcome.status
                return False
            else:
                error = _error(image.label, f"HTTP {outcome.status}", outcome.status)
                if outcome.status not in _TRANSIENT and outcome.status < _SERVER_ERROR:
                    raise error
                hint = read_retry_after(Response(outcome.status, outcome.headers, b""))
            attempt += 1
            delay = backoff(self.sender.policy, attempt, hint, self.sender.random())
            if delay is None:
                raise error
            await self.sender.io.sleep(delay)

    def _is_good(self, asset: _Asset) -> bool:
        return self.sender.clock() < asset.good_until and time.time() < asset.good_until_epoch

    def _remember(self, key: Key, address: UploadAddress, asked: float) -> None:
        """Remember the URL of an image, unless it expires too soon to be reused."""
        seconds = (address.asset_seconds or 0.0) - UPLOAD_REUSE_MARGIN
        self._assets.pop(key, None)
        if seconds > 0:
            self._assets[key] = _Asset(address.asset_url, asked + seconds, time.time() + seconds)
        for old in list(self._assets)[:-UPLOADS_KEPT]:  # other threads may do the same
            self._assets.pop(old, None)


def _key(image: LoadedImage) -> Key:
    return hashlib.sha256(image.data).hexdigest(), image.content_type


def _error(label: str, what: str, status: int | None = None) -> UploadError:
    return UploadError(f"{label} was not uploaded: {what}. {NOTHING_CREATED}; repeat it", status_code=status)


UPLOAD_TIMEOUT = 60.0  # seconds without a byte sent or received
UPLOAD_REUSE_MARGIN = 3600.0  # seconds; a URL that expires sooner is not reused: the service fetches late
UPLOAD_PUT_MARGIN = 10.0  # seconds; no upload begins when its URL expires sooner
UPLOADS_KEPT = 1000  # URLs that a client remembers
