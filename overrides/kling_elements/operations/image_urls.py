"""Check images behind URLs before money is spent: the first kilobytes show format, pixels and size."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import define, field

from kling_elements.api.fetch import any_host, fetch
from kling_elements.errors import ValidationError
from kling_elements.external import ExternalRequest
from kling_elements.images.constraints import ImageInfo, problems
from kling_elements.images.inspection import inspect
from kling_elements.images.sources import UrlSource
from kling_elements.operations.create_request import Draft, image_problem
from kling_elements.operations.local_images import image_rules
from kling_elements.types import NoResponse

if TYPE_CHECKING:
    from kling_elements.api.io import IO
    from kling_elements.external import ResponseHead
    from kling_elements.types import Sink

URL_CHECK_BYTES = 64 * 1024
URL_CHECK_TIMEOUT = 15.0
"""Seconds without a byte."""
URL_CHECK_TOTAL_TIMEOUT = 30.0
"""Seconds for the body."""

_WITH_IMAGE = frozenset({HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION, HTTPStatus.PARTIAL_CONTENT})


@define
class _Beginning:
    """The first bytes of a body."""

    data: bytearray = field(factory=bytearray)
    is_late: bool = False
    _started: float = field(factory=time.monotonic)

    def open_sink(self, head: ResponseHead) -> Sink | None:
        return self.add if head.status in _WITH_IMAGE else None

    def add(self, chunk: bytes) -> bool:
        self.data += chunk[: URL_CHECK_BYTES - len(self.data)]
        is_wanted = len(self.data) < URL_CHECK_BYTES
        self.is_late = is_wanted and time.monotonic() - self._started > URL_CHECK_TOTAL_TIMEOUT
        return is_wanted and not self.is_late


async def look_at_url(io: IO, url: str) -> ImageInfo | str:
    """Fetch the beginning of an image, without the API key.

    Returns:
        Format, pixels and size as far as they are known, or why it can't be fetched.
    """
    beginning = _Beginning()
    headers = {
        "Accept": "image/*, */*;q=0.5",
        "Accept-Encoding": "identity",
        "Range": f"bytes=0-{URL_CHECK_BYTES - 1}",
    }
    outcome = await fetch(
        io, ExternalRequest(url, headers, URL_CHECK_TIMEOUT), beginning.open_sink, may_follow=any_host
    )
    if isinstance(outcome, NoResponse):
        return f"can't be fetched: {outcome.text}"
    if outcome.status not in _WITH_IMAGE:
        return f"can't be fetched: its host answers HTTP {outcome.status}"
    if beginning.is_late:
        return f"can't be fetched: its host is too slow ({URL_CHECK_TOTAL_TIMEOUT:.0f} s)"
    size = _size(outcome)
    data = bytes(beginning.data)
    if len(data) < URL_CHECK_BYTES and size is not None and len(data) < size:
        return f"can't be fetched whole: it ended after {len(data):,} of {size:,} bytes"
    is_coded_part = outcome.status == HTTPStatus.PARTIAL_CONTENT and "content-encoding" in outcome.headers
    is_complete = len(data) < URL_CHECK_BYTES and not is_coded_part
    return await io.run(lambda: inspect(data, complete=is_complete, size=len(data) if is_complete else size))


async def check_urls(io: IO, draft: Draft) -> None:
    """Check every image that the vendor will fetch itself.

    Raises:
        ValidationError: If one can't be fetched from here, or breaks the document's limits.
    """
    rules = image_rules(draft.model)
    found: list[str] = []
    for place, source in enumerate(draft.images):
        if not isinstance(source, UrlSource):
            continue
        seen = await look_at_url(io, source.url)
        faults = (seen,) if isinstance(seen, str) else problems(seen, rules)
        if faults:
            found.append(image_problem(place, source.label, faults))
    if found:
        raise ValidationError(found)


def _size(head: ResponseHead) -> int | None:
    """Return the size of the whole image in bytes, if its host states it."""
    if "content-encoding" in head.headers:
        return None  # what is stated is the size of the coded image
    total = re.fullmatch(r"bytes [0-9]+-[0-9]+/([0-9]{1,18})", head.headers.get("content-range", "").strip())
    if total:
        return int(total[1])
    length = head.headers.get("content-length", "")
    is_whole = head.status != HTTPStatus.PARTIAL_CONTENT
    return int(length) if is_whole and re.fullmatch("[0-9]{1,18}", length) else None
