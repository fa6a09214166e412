"""Webhooks: verify deliveries, receive them, and let them wake a wait.

    from kling_elements.webhooks import verify_webhook

    task = verify_webhook(body, headers, secret)          # in any framework

    receiver = WebhookReceiver(secret, on_task=print)     # or as an ASGI application
    client.generate(images, webhook_url="https://…", **receiver.wakeable())

Polling stays the safety net: how often the service repeats a delivery is not documented, and what a GET says
is what counts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kling_elements.errors import WebhookVerificationError
    from kling_elements.webhooks.deduplication import DeliveryLog, Receipt
    from kling_elements.webhooks.receiver import Handled, Reply, WebhookReceiver
    from kling_elements.webhooks.server import WebhookListener
    from kling_elements.webhooks.signing import Encoding, SigningKeys, sign_webhook, signing_keys
    from kling_elements.webhooks.verification import Delivery, Reason, Refusal, examine, verify_webhook
    from kling_elements.webhooks.wakeups import AsyncWakeOptions, WakeHub, WakeOptions

_HOMES = {
    "kling_elements.errors": ("WebhookVerificationError",),
    "kling_elements.webhooks.deduplication": (
        "DeliveryLog",
        "Receipt",
    ),
    "kling_elements.webhooks.server": ("WebhookListener",),
    "kling_elements.webhooks.receiver": (
        "Handled",
        "Reply",
        "WebhookReceiver",
    ),
    "kling_elements.webhooks.signing": (
        "Encoding",
        "SigningKeys",
        "sign_webhook",
        "signing_keys",
    ),
    "kling_elements.webhooks.verification": (
        "Delivery",
        "Reason",
        "Refusal",
        "examine",
        "verify_webhook",
    ),
    "kling_elements.webhooks.wakeups": (
        "AsyncWakeOptions",
        "WakeHub",
        "WakeOptions",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AsyncWakeOptions",
    "Delivery",
    "DeliveryLog",
    "Encoding",
    "Handled",
    "Reason",
    "Receipt",
    "Refusal",
    "Reply",
    "SigningKeys",
    "WakeHub",
    "WakeOptions",
    "WebhookListener",
    "WebhookReceiver",
    "WebhookVerificationError",
    "examine",
    "sign_webhook",
    "signing_keys",
    "verify_webhook",
]


def __getattr__(name: str) -> object:
    # Names are imported when they are first used, so that the command's `--help` doesn't pay for them.
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
