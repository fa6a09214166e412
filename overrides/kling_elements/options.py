"""Keyword options of the clients' methods, for type checkers, editors and the methods' signatures."""

import os
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias, TypedDict

from kling_elements import journal as journals
from kling_elements.operations.wait import Look
from kling_elements.task import Task
from kling_elements_api.request_options import (
    KlingElementsRequestAspectRatio,
    KlingElementsRequestDuration,
    KlingElementsRequestOptions,
    KlingElementsRequestPath,
)

AspectRatio: TypeAlias = KlingElementsRequestAspectRatio
Duration: TypeAlias = KlingElementsRequestDuration
Model: TypeAlias = KlingElementsRequestPath
LocalFiles: TypeAlias = Literal["base64", "upload"] | Callable[[bytes, str], str | Awaitable[str]]
"""Where local images go; see `CreateOptions`."""


class CreateOptions(KlingElementsRequestOptions, total=False):
    """Options of `create`: the request's fields, and these."""

    check_images: bool
    """Check the first kilobytes of images behind URLs before money is spent."""
    local_files: LocalFiles
    """Where local images go. "base64" (the default) sends them within the request; "upload" uploads them to
    the service's store first, and sends their URLs. A function of yours is called with the bytes and the
    media type of each, stores them where the service can fetch them, and returns the URL. For
    `AsyncKlingElements` it may be asynchronous; else it runs in a thread."""
    model: Model
    """The service's model."""
    target: str | os.PathLike[str] | None
    """The file for the video. It is recorded in the journal, so that `kling-elements resume` can finish what
    this process doesn't. Nothing is written to it."""
    job: "journals.Job | None"
    """The job of a batch. It is created once, however often you ask for it."""


class WatchOptions(TypedDict, total=False):
    """Options of `watch`."""

    timeout: float | None
    """Seconds to wait at most; None for no limit."""
    poll_interval: float | None
    """Seconds between polls, in place of the schedule."""
    on_look: Callable[[Look], object] | None
    """Called with a `Look` after every poll."""
    clock: Callable[[], float] | None
    """A monotonic clock, in seconds, in place of the client's."""
    sleep: Callable[[float], object] | None
    """Sleeps for that many seconds, in place of the client's; awaited if it can be."""


class WaitOptions(WatchOptions, total=False):
    """Options of `wait`: those of `watch`, and this one."""

    on_update: Callable[[Task], object] | None
    """Called with the task when it is first seen and at each change of its status; awaited if it can be."""


class GenerateOptions(CreateOptions, WaitOptions, total=False):
    """Options of `generate`: those of `create` and of `wait`. `timeout` is for the whole call."""
