"""What `create`, `wait` and `generate` can be asked for, and the check of what `wait` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from kling_elements.operations.create_request import RequestFields

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable

    from kling_elements.journal import Job
    from kling_elements.operations.wait import Look
    from kling_elements.task import Task


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
