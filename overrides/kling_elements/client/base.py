"""What both clients share: their arguments, and one core (`operations`), which one runs and one awaits.

Annotations are evaluated, so that type hints can be read at run time. Those in quotes are of wings that
import their names when they are first used.
"""

import inspect
import os
import random
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Never, NoReturn, Self, TypeVar

import httpx

import kling_elements
from kling_elements import batch as batches
from kling_elements import downloads
from kling_elements import journal as journals
from kling_elements.api.auth import GivenKey, Settings
from kling_elements.api.endpoints import DEFAULT_MODEL
from kling_elements.errors import ValidationError
from kling_elements.keywords import show_keywords
from kling_elements.operations.events import Hook
from kling_elements.operations.recorder import Recorder
from kling_elements.operations.sender import Sender, rate_limiter_key
from kling_elements.operations.service import TaskService
from kling_elements.policy.rate_limits import Limits, Usage, rate_limiter_for
from kling_elements.policy.retries import RetryPolicy
from kling_elements.settings import REQUEST_TIMEOUT, adjust_settings, resolve_settings
from kling_elements.task import Task
from kling_elements.types import TaskData
from kling_elements.validation import check_names, unknown_names

if TYPE_CHECKING:
    from kling_elements.api.async_transport import AsyncTransport
    from kling_elements.api.sync_transport import SyncTransport
    from kling_elements.generated import GeneratedClient
    from kling_elements.operations.wait import WaitSettings

F = TypeVar("F", bound=Callable[..., Any])
TaskT = TypeVar("TaskT", bound=Task)
HttpT = TypeVar("HttpT", httpx.Client, httpx.AsyncClient)
TransportT = TypeVar("TransportT", "SyncTransport", "AsyncTransport")


@cache
def _defaults() -> dict[str, object]:
    """Return what an option of a method is where it is not given, unless that is None."""
    from kling_elements.operations.wait import WAIT_TIMEOUT

    return {
        **downloads.DOWNLOAD_DEFAULTS,
        "check_images": False,
        "dry_run": False,
        "local_files": "base64",
        "model": DEFAULT_MODEL,
        "retry_failed": False,
        "retry_unknown": False,
        "timeout": WAIT_TIMEOUT,
        "workers": batches.WORKERS,
    }


def shown(method: F) -> F:
    """Show the options of a method in its signature."""
    return show_keywords(method, _defaults)


class BaseClient(Generic[TaskT, HttpT, TransportT]):
    """What both clients share. `KlingElements` describes the arguments."""

    _http_kind: ClassVar[type[httpx.Client | httpx.AsyncClient]]
    _default_sleep: ClassVar[Any]

    @shown
    def __init__(  # noqa: PLR0913 - keyword options
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        auth_header: str | None = None,
        *,
        timeout: float | httpx.Timeout = REQUEST_TIMEOUT,
        poll_interval: float | None = None,
        http_client: HttpT | None = None,
        schedule: "kling_elements.PollSchedule | None" = None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], object] | None = None,
        journal: "journals.Journal | str | Path | Literal[False] | None" = None,
        limits: Limits | None = None,
        retries: RetryPolicy | None = None,
        default_headers: Mapping[str, str] | None = None,
        on_event: Hook | None = None,
        **unknown: Never,
    ) -> None:
        key, names = GivenKey(api_key), tuple(unknown)
        del api_key, unknown  # a traceback that shows variables would show the key
        known = ("api_key", "base_url", "auth_header", *(BaseClient.__init__.__kwdefaults__ or ()))
        problems = unknown_names(names, known, "an argument of the client")
        problems += _wrong_kinds(
            {
                "base_url": (base_url, str),
                "auth_header": (auth_header, str),
                "http_client": (http_client, self._http_kind),
                "schedule": (schedule, None if schedule is None else kling_elements.PollSchedule),
                "limits": (limits, Limits),
                "retries": (retries, RetryPolicy),
                "clock": (clock, Callable),
                "sleep": (sleep, Callable),
                "on_event": (on_event, Callable),
            }
        )
        problems += [
            f"{name} must not be asynchronous: nothing awaits it"
            for name, function in (("clock", clock), ("on_event", on_event))
            if inspect.iscoroutinefunction(function)
        ]
        if problems:
            raise ValidationError(problems)
        settings = resolve_settings(
            api_key=key,
            base_url=base_url,
            auth_header=auth_header,
            timeout=timeout,
            headers=default_headers,
            environ=os.environ,
        )
        if schedule or poll_interval is not None:
            from kling_elements.policy.polling import choose_schedule

            schedule = choose_schedule(schedule, poll_interval)
        self._sleep = sleep or self._default_sleep
        recorder = Recorder.of(journal, settings)
        self._transport: TransportT = self._connect(settings, http_client)
        sender = Sender(
            io=self._transport,
            settings=settings,
            rate_limiter=rate_limiter_for(rate_limiter_key(settings.key), settings.base_url, limits),
            policy=retries or RetryPolicy(),
            clock=clock or time.monotonic,
            random=random.random,
            hook=on_event,
        )
        self._core = TaskService(sender, schedule, recorder, self._bind)
        self._generated: list[GeneratedClient] = []  # one at most, which clients by `with_options` share

    def __repr__(self) -> str:
        core = getattr(self, "_core", None)  # a traceback may show a client that could not be made
        origin = core.sender.settings.base_url if core else None
        return f"{type(self).__name__}(base_url={origin!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client can't be pickled: it holds a key and connections. Make another one")

    @property
    def journal(self) -> "journals.Journal":
        """Where creates and tasks are recorded. Its calls touch the disk and are not awaited."""
        return self._core.recorder.journal

    @property
    def journal_owner(self) -> "journals.NewEntry":
        """What this client's entries in the journal have in common: the origin, a fingerprint of the key."""
        return self._core.recorder.owner()

    @property
    def usage(self) -> Usage:
        """How much of the service's limits this process has used with this key.

        The daily quota is known from the journal, including what other processes met.
        """
        return self._core.usage

    @property
    def generated(self) -> "kling_elements.GeneratedClient":
        """The generated package's client with this one's origin and key, for every operation of the document.

        Its functions send once, and are not recorded in the journal. It is closed with this client.
        """
        from kling_elements.generated import GeneratedClient  # noqa: PLC0415 - few need it, and it takes a while

        if not self._generated:
            self._generated.append(GeneratedClient.of(self._service.sender.settings))
        return self._generated[0]

    @shown
    def with_options(
        self,
        *,
        timeout: float | httpx.Timeout | None = None,
        retries: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        **unknown: Never,
    ) -> Self:
        """Return this client with other options: `client.with_options(timeout=5).get(task_id)`.

        The two share their connections, journal and limits. To close one is to close both.

        Args:
            timeout: Seconds that one request may take, or an `httpx.Timeout`; None for this client's.
            retries: How often a request is retried where that is safe; None for this client's.
            headers: More headers of requests to the service, beside `default_headers`.
            unknown: Misspelled options, for an error that helps.

        Raises:
            ValidationError: If an option can't be used.
        """
        check_names(unknown, ("timeout", "retries", "headers"), "an option of with_options")
        if problems := _wrong_kinds({"retries": (retries, RetryPolicy)}):
            raise ValidationError(problems)
        core = self._service
        settings = adjust_settings(core.sender.settings, timeout=timeout, headers=headers)
        transport = self._transport.with_settings(settings)
        policy = retries or core.sender.policy
        sender = core.sender._replace(io=transport, settings=settings, policy=policy)
        twin = object.__new__(type(self))
        shared = vars(self) | {"_transport": transport}
        vars(twin).update(shared, _core=core.with_sender(sender, twin._bind))
        return twin

    @property
    def _service(self) -> TaskService[TaskT]:
        if self._transport.is_closed:
            raise ValidationError(["the client is closed: make another one. Nothing was sent"])
        return self._core

    def _recorded(self, task_id: str) -> "journals.Entry | None":
        """Return what the journal knows of a task."""
        return self.journal.find(task_id, self._core.sender.settings.base_url)

    def _connect(self, settings: Settings, http_client: HttpT | None) -> TransportT:
        raise NotImplementedError

    def _bind(self, data: TaskData) -> TaskT:
        raise NotImplementedError


def check_waiting(options: Mapping[str, Any]) -> "WaitSettings":
    """Check a caller's options of `wait`; see `WaitSettings.of`."""
    from kling_elements.operations.wait import WaitSettings

    return WaitSettings.of(options)


def split_options(options: Mapping[str, Any]) -> "tuple[dict[str, Any], WaitSettings]":
    """Split a caller's options of `generate`; see `operations.wait.split_options`."""
    from kling_elements.operations import wait

    return wait.split_options(options)


def _wrong_kinds(arguments: dict[str, tuple[object, Any]]) -> list[str]:
    """Return a sentence for each argument that is neither None nor of its kind."""
    return [
        f"{name} must be {_name_of(kind)}: got {_qualified(type(value))}"
        for name, (value, kind) in arguments.items()
        if value is not None and not isinstance(value, kind)
    ]


def _name_of(kind: Any) -> str:
    return {str: "a string", Callable: "a function"}.get(kind) or _qualified(kind)


def _qualified(kind: type) -> str:
    package = kind.__module__.partition(".")[0]
    return kind.__name__ if package == "builtins" else f"{package}.{kind.__name__}"
