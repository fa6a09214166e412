"""Keyword options of the clients' methods, for type checkers and editors."""

import os
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias, TypedDict

from kling_elements import journal as journals
from kling_elements.operations.arguments import RequestFields
from kling_elements.operations.wait import Look
from kling_elements.task import Task

LocalFiles: TypeAlias = Literal["base64", "upload"] | Callable[[bytes, str], str | Awaitable[str]]
"""Where local images go; see `CreateOptions`."""


class CreateOptions(RequestFields, total=False):
    """Options of `create`: the request's fields, and these.

    Attributes:
        check_images: Check the first kilobytes of images behind URLs before money is spent.
        local_files: Where local images go: "base64" (the default) sends them within the request; "upload"
            uploads them to the service's store first, and sends their URLs. A function of yours is called
            with the bytes and the media type of each, stores them where the service can fetch them, and
            returns the URL. For `AsyncKlingElements` it may be asynchronous; else it runs in a thread.
        model: The service's model.
        target: The file for the video. It is recorded in the journal, so that `kling-elements resume` can
            finish what this process doesn't. Nothing is written to it.
        job: The job of a batch. It is created once, however often you ask for it.
    """

    check_images: bool
    local_files: LocalFiles
    model: str
    target: str | os.PathLike[str] | None
    job: "journals.Job | None"


class WaitOptions(TypedDict, total=False):
    """Options of `wait`.

    Attributes:
        timeout: Seconds to wait at most; None for no limit.
        poll_interval: Seconds between polls, in place of the schedule.
        on_update: Called with the task when it is first seen and at each change of its status; awaited if it
            can be.
        on_look: Called with a `Look` after every poll.
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
