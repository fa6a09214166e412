"""Violations on the path of webhooks: verifying, remembering, receiving and waking."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from attrs import evolve

from contract_tests.violations.violation import replaced, table

_EXAMINE: Final = "kling_elements.webhooks.verification:examine"
_SIGNING: Final = "kling_elements.webhooks.signing"
_SIGNATURE: Final = "webhook-signature"


def _entries(change: Callable[[list[str]], list[str]]) -> Callable[[], None]:
    """Change the list of signatures in headers that are a mapping."""

    def make(real: Any) -> Any:
        def call(body: Any, headers: Any, keys: Any, **options: Any) -> Any:
            if isinstance(headers, dict) and isinstance(headers.get(_SIGNATURE), str):
                headers = {**headers, _SIGNATURE: " ".join(change(headers[_SIGNATURE].split(" ")))}
            return real(body, headers, keys, **options)

        return call

    return replaced(_EXAMINE, make)


def _before_the_signature(reason: str) -> Callable[[], None]:
    """Look at something before the signature: a stranger learns of it."""
    any_keys = SimpleNamespace(match=lambda *_: True)

    def make(real: Any) -> Any:
        def call(body: Any, headers: Any, keys: Any, **options: Any) -> Any:
            found = real(body, headers, any_keys, **options)
            told = getattr(getattr(found, "reason", None), "name", "")
            return found if told == reason else real(body, headers, keys, **options)

        return call

    return replaced(_EXAMINE, make)


def _one_secret(real: Any) -> Any:
    def call(secrets: Any, *args: Any, **options: Any) -> Any:
        return real(secrets if isinstance(secrets, (str, bytes)) else list(secrets)[:1], *args, **options)

    return call


def _always_new(real: Any) -> Any:
    from kling_elements.webhooks import Receipt  # noqa: PLC0415 - only when it is applied

    return lambda *args, **options: Receipt.NEW


VIOLATIONS: Final = table("webhook", {
    "age-before-the-signature": ("A stranger is told that a delivery is too old.",
      _before_the_signature("TIMESTAMP")),
    "body-before-the-signature": ("A stranger is told that a body is no task.",
      _before_the_signature("BODY")),
    "any-signature": ("A signature is not compared: any is good.", "hmac:compare_digest",
      lambda real: lambda one, other: True),
    "first-entry-only": ("Only the first entry of the signature's list is compared.",
      _entries(lambda entries: entries[:1])),
    "v1-only": ("Only entries of version v1 are compared: a new secret fails.",
      _entries(lambda entries: [entry for entry in entries if entry.startswith("v1,")])),
    "first-secret-only": ("Only the first of several secrets is tried.", f"{_SIGNING}:signing_keys",
      _one_secret),
    "base64-secret": ("A secret is decoded as base64 unless told otherwise.", f"{_SIGNING}:signing_keys",
      lambda real: lambda secrets, encoding="utf-8": real(secrets, encoding.replace("utf-8", "base64"))),
    "timestamp-unsigned": ("The timestamp is not signed: an old delivery can be dated again.",
      f"{_SIGNING}:signed_content",
      lambda real: lambda webhook_id, timestamp, body: real(webhook_id, "0", body)),
    "old-is-good": ("A delivery of any age is accepted: it can be replayed.", _EXAMINE,
      lambda real: lambda *args, **options: real(*args, **{**options, "tolerance": 1e12})),
    "duplicate-is-new": ("A repeated delivery counts as new.",
      "kling_elements.webhooks.deduplication:DeliveryLog.receive", _always_new),
    "status-goes-back": ("A late IN_PROGRESS undoes COMPLETED.",
      "kling_elements.webhooks.deduplication:compare", _always_new),
    "forged-is-200": ("A forged delivery gets the same answer as a good one.",
      "kling_elements.webhooks:WebhookReceiver.handle",
      lambda real: lambda *args: evolve(done := real(*args), reply=evolve(done.reply, status=200))),
    "get-is-served": ("Deliveries may come by any method.", "kling_elements.webhooks:WebhookReceiver.handle",
      lambda real: lambda self, _, *rest: real(self, "POST", *rest)),
})  # fmt: skip
