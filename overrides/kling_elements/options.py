"""What `create`, `wait` and `generate` can be asked for, and the check of what `wait` is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from attrs import frozen

from kling_elements.defaults import MAX_VIDEO_BYTES, WAIT_TIMEOUT
from kling_elements.errors import ValidationError
from kling_elements.fetching import REDIRECT_RULES
from kling_elements.requests import RequestFields
from kling_elements.settings import check_seconds
from kling_elements.validation import unknown_names

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable

    from kling_elements.journal import Job
    from kling_elements.task import Task
    from kling_elements.waiting import Look


Redirects: TypeAlias = Literal["same-host", "any-host", "any"]
"""Which redirects a download follows: the names of `kling_elements.fetching.REDIRECT_RULES`."""


LocalFiles: TypeAlias = "Literal['base64', 'upload'] | Callable[[bytes, str], str | Awaitable[str]]"
"""What becomes of local images; see `CreateOptions`."""


class CreateOptions(RequestFields, total=False):
    """Options of `create`: the request's fields, and these.

    Attributes:
        check_images: Look at the first kilobytes of images behind URLs before money is spent.
        local_files: What becomes of local images: "base64" (the default) sends them within the request;
            "upload" puts them to the service's own store first, and sends their addresses; a function of
            yours is given the bytes and the media type of each, keeps them where the service can fetch them,
            and returns that address (for `AsyncKlingElements` it may be asynchronous; another one is called
            in a thread there).
        model: The service's model.
        target: The file that the video is to go to. It is noted in the journal, so that `kling-elements
            resume` can finish what this process doesn't; nothing is written to it.
        job: The job of a batch that this is: it is created once, however often it is asked for.
    """

    check_images: bool
    local_files: LocalFiles
    model: str
    target: str | os.PathLike[str] | None
    job: Job | None


class WaitOptions(TypedDict, total=False):
    """Options of `wait`.

    Attributes:
        timeout: Seconds to wait at most; None for no limit.
        poll_interval: Seconds between looks, in place of the schedule.
        on_update: Called with the task when it is first seen and at each change of its status; awaited if it
            can be.
        on_look: Called with a `Look` after every look.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps for that many seconds; awaited if it can be.
    """

    timeout: float | None
    poll_interval: float | None
    on_update: Callable[[Task], object] | None
    on_look: Callable[[Look], object] | None
    clock: Callable[[], float]
    sleep: Callable[[float], object]


class GenerateOptions(CreateOptions, WaitOptions, total=False):
    """Options of `generate`: those of `create` and of `wait`."""


class DownloadOptions(TypedDict, total=False):
    """Options of `Task.download`.

    Attributes:
        overwrite: Whether an existing file may be replaced.
        max_bytes: The largest video that is taken; None for the default.
        redirects: Which redirects of the result's host are followed: "same-host" (the default), "any-host"
            (but none from https to http), or "any".
    """

    overwrite: bool
    max_bytes: int | None
    redirects: Redirects


WAIT_OPTIONS = tuple(WaitOptions.__annotations__)
DOWNLOAD_OPTIONS = tuple(DownloadOptions.__annotations__)
_LISTENERS = ("on_update", "on_look")
_CLOCKWORK = ("clock", "sleep")


def check_wait(options: WaitOptions) -> tuple[float, float | None]:
    """The timeout and the fixed interval that options ask for, in seconds.

    Raises:
        ValidationError: If one is no number of seconds, an option is unknown, or one is no
            function that should be.
    """
    given: dict[str, object] = {**options}
    faults = unknown_names(list(given), WAIT_OPTIONS, "an option of wait")
    faults += [
        f"{name} must be a function: got {type(given[name]).__name__}"
        for name in (*_LISTENERS, *_CLOCKWORK)
        if name in given and not callable(given[name]) and not (name in _LISTENERS and given[name] is None)
    ]
    if faults:
        raise ValidationError(faults)
    timeout = options.get("timeout", WAIT_TIMEOUT)
    interval = options.get("poll_interval")
    return (
        math.inf if timeout is None else check_seconds("timeout", timeout),
        None if interval is None else check_seconds("poll_interval", interval),
    )


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
        faults.append(f"max_bytes must be a number of bytes, 1 or more: got {max_bytes!r}")
    redirects = options.get("redirects", "same-host")
    if not isinstance(redirects, str) or redirects not in REDIRECT_RULES:
        faults.append(f"redirects must be {' or '.join(map(repr, REDIRECT_RULES))}: got {redirects!r}")
    if faults:
        raise ValidationError(faults)
    return Download(options.get("overwrite", False), options.get("max_bytes") or MAX_VIDEO_BYTES, redirects)
