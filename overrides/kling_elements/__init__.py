"""A careful client for Kling Elements, Freepik's (Magnific's) image-to-video model.

    from kling_elements import KlingElements  # noqa: PLC0415 - as above

    with KlingElements() as client:
        task = client.generate(["a.jpg", "https://…/b.png"], prompt="…", duration="5")
        task.download("out.mp4")

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kling_elements.client import AsyncKlingElements, KlingElements
    from kling_elements.errors import (
        ApiError,
        AuthenticationError,
        BadRequestError,
        ConnectionFailed,
        DeadlineExceeded,
        DownloadError,
        InsufficientCreditsError,
        InvalidParam,
        KlingError,
        NotFoundError,
        OutcomeUnknown,
        PermissionDeniedError,
        QuotaExceededError,
        RateLimitError,
        ResponseFormatError,
        ResultMissing,
        ServerError,
        TaskFailed,
        UploadError,
        ValidationError,
        WebhookVerificationError,
    )
    from kling_elements.journal import Journal
    from kling_elements.operations.events import Event
    from kling_elements.operations.wait import Look
    from kling_elements.policy.polling import PollSchedule, Stage
    from kling_elements.policy.rate_limits import Limits
    from kling_elements.policy.retries import RetryPolicy
    from kling_elements.task import AsyncTask, Task
    from kling_elements.types import TaskData
    from kling_elements.webhooks import WebhookReceiver, verify_webhook

    __version__: str

# A library is quiet until its user sets up logging; without a handler, warnings would go to stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "client": ("AsyncKlingElements", "KlingElements"),
    "errors": (
        "ApiError",
        "AuthenticationError",
        "BadRequestError",
        "ConnectionFailed",
        "DeadlineExceeded",
        "DownloadError",
        "InsufficientCreditsError",
        "InvalidParam",
        "KlingError",
        "NotFoundError",
        "OutcomeUnknown",
        "PermissionDeniedError",
        "QuotaExceededError",
        "RateLimitError",
        "ResponseFormatError",
        "ResultMissing",
        "ServerError",
        "TaskFailed",
        "UploadError",
        "ValidationError",
        "WebhookVerificationError",
    ),
    "operations.events": ("Event",),
    "policy.rate_limits": ("Limits",),
    "journal": ("Journal",),
    "policy.retries": ("RetryPolicy",),
    "policy.polling": ("PollSchedule", "Stage"),
    "task": ("AsyncTask", "Task"),
    "types": ("TaskData",),
    "operations.wait": ("Look",),
    "webhooks": ("WebhookReceiver", "verify_webhook"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ApiError",
    "AsyncKlingElements",
    "AsyncTask",
    "AuthenticationError",
    "BadRequestError",
    "ConnectionFailed",
    "DeadlineExceeded",
    "DownloadError",
    "Event",
    "InsufficientCreditsError",
    "InvalidParam",
    "Journal",
    "KlingElements",
    "KlingError",
    "Limits",
    "Look",
    "NotFoundError",
    "OutcomeUnknown",
    "PermissionDeniedError",
    "PollSchedule",
    "QuotaExceededError",
    "RateLimitError",
    "ResponseFormatError",
    "ResultMissing",
    "RetryPolicy",
    "ServerError",
    "Stage",
    "Task",
    "TaskData",
    "TaskFailed",
    "UploadError",
    "ValidationError",
    "WebhookReceiver",
    "WebhookVerificationError",
    "__version__",
    "verify_webhook",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - as above

        return version("kling-elements")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
