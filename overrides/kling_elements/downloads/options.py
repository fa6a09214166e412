"""What a download can be asked for, and the check of what it is."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from attrs import frozen

from kling_elements.api.fetch import REDIRECT_RULES
from kling_elements.arguments import check_flag
from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value
from kling_elements.validation import unknown_names

if TYPE_CHECKING:
    from collections.abc import Mapping

Redirects: TypeAlias = Literal["same-host", "any-host", "any"]
"""Which redirects a download follows: the names of `kling_elements.api.fetch.REDIRECT_RULES`."""


class DownloadOptions(TypedDict, total=False):
    """Options of `Task.download`."""

    overwrite: bool
    """Whether an existing file may be replaced."""
    max_bytes: int | None
    """The largest video that is taken, in bytes; None for 2 GiB."""
    redirects: Redirects
    """Which redirects of the result's host are followed: "same-host" (the default), "any-host" (but none from
    https to http), or "any"."""


DOWNLOAD_OPTIONS = tuple(DownloadOptions.__annotations__)
DOWNLOAD_DEFAULTS: Mapping[str, object] = MappingProxyType({"overwrite": False, "redirects": "same-host"})


@frozen
class Download:
    """What a download was asked for, made definite; see `DownloadOptions`."""

    overwrite: bool
    max_bytes: int
    redirects: Redirects


def check_download(options: DownloadOptions) -> Download:
    """The options of a download, checked.

    Raises:
        ValidationError: If one can't be used, or is unknown.
    """
    given: dict[str, object] = {**options}
    faults = unknown_names(list(given), DOWNLOAD_OPTIONS, "an option of download")
    max_bytes = given.get("max_bytes")
    if max_bytes is not None and (
        not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or max_bytes < 1
    ):
        faults.append(f"max_bytes must be a number of bytes, 1 or more: got {shown_value(max_bytes)}")
    redirects = options.get("redirects", "same-host")
    if not isinstance(redirects, str) or redirects not in REDIRECT_RULES:
        faults.append(
            f"redirects must be {' or '.join(map(repr, REDIRECT_RULES))}: got {shown_value(redirects)}"
        )
    if faults:
        raise ValidationError(faults)
    overwrite = check_flag("overwrite", given.get("overwrite"))
    return Download(overwrite, options.get("max_bytes") or MAX_VIDEO_BYTES, redirects)


MAX_VIDEO_BYTES = 2 * 1024 * 1024 * 1024
