"""Webhooks: verify deliveries, receive them, and let them wake a poll.

    from kling_elements.webhooks import verify_webhook

    task = verify_webhook(body, headers, secret)          # in any framework

    receiver = WebhookReceiver(secret, on_task=print)     # or as an ASGI application
    client.generate(images, webhook_url="https://…", **receiver.wakeable())

Polling stays the safety net: how often the service repeats a delivery is undocumented, and a GET's response
decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.errors import WebhookVerificationError
from kling_elements.webhooks.deduplication import DeliveryLog, Receipt
from kling_elements.webhooks.receiver import HandledRequest, Reply, WebhookReceiver
from kling_elements.webhooks.signing import Encoding, SigningKeys, sign_webhook, signing_keys
from kling_elements.webhooks.verification import Delivery, Reason, Refusal, examine, verify_webhook
from kling_elements.webhooks.wakeups import AsyncWakeOptions, WakeHub, WakeOptions

if TYPE_CHECKING:
    from kling_elements.webhooks.server import WebhookListener

__all__ = [
    "AsyncWakeOptions",
    "Delivery",
    "DeliveryLog",
    "Encoding",
    "HandledRequest",
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
    if name == "WebhookListener":
        from kling_elements.webhooks.server import WebhookListener  # noqa: PLC0415 - uvicorn is an extra

        return WebhookListener
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
