"""Sign webhook deliveries, and compare signatures.

The vendor's rule: base64 of HMAC-SHA256, under the webhook's secret, of the id, the timestamp and the raw
body, joined by full stops.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NoReturn, TypeAlias, get_args

from kling_elements.arguments import check_function, check_seconds
from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value

# The document's callback names these; a contract test compares them.
ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"

MAX_ID_CHARS = 1024
_MAX_TIMESTAMP = 10**15

Encoding: TypeAlias = Literal["utf-8", "base64", "hex"]
"""How a secret is decoded: UTF-8 in the vendor's Python, JavaScript and Java samples; base64 in PHP."""

Secrets: TypeAlias = "str | bytes | Iterable[str | bytes]"
"""One secret, or several while one replaces another."""


class SigningKeys:
    """Secrets that show themselves to nobody: not in a repr, not in a format, not in a pickle."""

    __slots__ = ("_reveal",)

    def __init__(self, keys: Sequence[bytes]) -> None:
        held = tuple(keys) if isinstance(keys, Iterable) else (keys,)
        if not all(isinstance(key, bytes) for key in held):
            del keys, held  # as in `signing_keys`
            raise ValidationError(["keys must be bytes: `signing_keys` makes them of a webhook's secrets"])
        # In a closure, so that no tool that walks attributes prints them.
        self._reveal: Callable[[], tuple[bytes, ...]] = lambda: held

    def __repr__(self) -> str:
        return f"SigningKeys({', '.join(['***'] * len(self._reveal()))})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets of webhooks are not pickled: read them where they are needed")

    def signatures(self, content: bytes) -> tuple[bytes, ...]:
        """Return the base64 signature of `content` under each secret."""
        return tuple(base64.b64encode(hmac.digest(key, content, "sha256")) for key in self._reveal())

    def match(self, content: bytes, candidates: Sequence[bytes]) -> bool:
        """Return whether any candidate is the signature of `content` under any secret.

        Every pair is compared in constant time, so the time taken reveals only how many there are.
        """
        found = False
        for signature in self.signatures(content):
            for candidate in candidates:
                found |= hmac.compare_digest(signature, candidate)
        return found


def signing_keys(secrets: Secrets, encoding: Encoding = "utf-8") -> SigningKeys | ValidationError:
    """Return the secrets as keys, or the error to raise.

    The error is returned, so that the caller can drop the secrets first: a traceback that shows locals must
    not show them.
    """
    if encoding not in get_args(Encoding):
        return ValidationError(
            [f"encoding must be one of {', '.join(get_args(Encoding))}: got {shown_value(encoding)}"]
        )
    if isinstance(secrets, (str, bytes)):
        secrets = (secrets,)
    try:
        given = tuple(secrets)
    except TypeError:
        return ValidationError(
            [f"secrets must be text, bytes, or several of them: got {type(secrets).__name__}"]
        )
    keys = [_key(secret, encoding) for secret in given]
    if problems := [
        f"webhook secret {place} {key}" for place, key in enumerate(keys, 1) if isinstance(key, str)
    ]:
        return ValidationError(problems)
    if not keys:
        return ValidationError(["no webhook secret was given: nothing could ever be verified"])
    return SigningKeys([key for key in keys if isinstance(key, bytes)])


def is_delivery_id(value: object) -> bool:
    """Whether a value can be the id of a delivery."""
    return (
        isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= MAX_ID_CHARS
    )


def signed_content(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    """Return the bytes that are signed."""
    return b".".join((webhook_id.encode(), timestamp.encode(), body))


def sign_webhook(  # noqa: PLR0913 - options, each by its name
    body: bytes,
    secrets: Secrets,
    *,
    webhook_id: str,
    timestamp: int | None = None,
    encoding: Encoding = "utf-8",
    now: Callable[[], float] = time.time,
) -> dict[str, str]:
    """Return the headers of a genuine delivery, for tests of your own receiver.

    Args:
        body: The raw body.
        secrets: The webhook's secret; with several, one signature for each, labelled v1, v2, …
        webhook_id: The id of the delivery.
        timestamp: Unix seconds; now by default.
        encoding: How the secrets' text is decoded.
        now: The clock, in Unix seconds.

    Returns:
        The three headers, by the document's names.

    Raises:
        ValidationError: If an argument can't be used.
    """
    keys = signing_keys(secrets, encoding)
    del secrets
    if isinstance(keys, ValidationError):
        raise keys
    if not isinstance(body, bytes):
        raise ValidationError([f"body must be bytes: got {type(body).__name__}"])
    if not is_delivery_id(webhook_id):
        raise ValidationError([f"webhook_id must be 1 to {MAX_ID_CHARS} printable ASCII characters"])
    check_function("now", now)
    name, seconds = ("now()", now()) if timestamp is None else ("timestamp", timestamp)
    if check_seconds(name, seconds) >= _MAX_TIMESTAMP:
        raise ValidationError([f"{name} must be Unix seconds, of at most 15 digits"])
    signed_at = str(int(seconds))
    signatures = keys.signatures(signed_content(webhook_id, signed_at, body))
    return {
        ID_HEADER: webhook_id,
        TIMESTAMP_HEADER: signed_at,
        SIGNATURE_HEADER: " ".join(
            f"v{version},{signature.decode()}" for version, signature in enumerate(signatures, 1)
        ),
    }


def _key(secret: object, encoding: Encoding) -> bytes | str:
    """Return a secret's bytes, or what is wrong with it, in words that don't repeat it."""
    if not isinstance(secret, (str, bytes)):
        return f"must be text or bytes: got {type(secret).__name__}"
    try:
        raw = secret.encode() if isinstance(secret, str) else secret
        if encoding == "base64":
            # As PHP's base64_decode: padding may be missing.
            raw = raw.strip().rstrip(b"=")
            raw = base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
        elif encoding == "hex":
            raw = binascii.unhexlify(raw.strip())
    except ValueError:  # binascii.Error and UnicodeEncodeError are such
        return f"is not valid {encoding}"
    return raw or "is empty"
