"""Which key made a task, without telling the key."""

from __future__ import annotations

import functools
import hashlib
import hmac
import os

_LABEL = b"kling-elements key fingerprint 1\0"
_ROUNDS = 100_000  # some 40 ms, once a process
_DIGITS = 16
_CACHE_LABEL = os.urandom(16)


def key_fingerprint(key: str, salt: bytes) -> str:
    """A short name for a key, of use within one journal only.

    A random key can't be found from it by any means. A guessable one (a word, say) costs 100,000 rounds of
    PBKDF2 a guess, and the salt, which differs between journals, rules out tables made in advance. It has 64
    bits: enough to tell a person's keys apart, too few to prove a guess beyond doubt.

    Args:
        key: The API key.
        salt: The journal's salt.

    Returns:
        16 hexadecimal digits.
    """
    # The cache holds keyed hashes, not keys.
    name = hmac.digest(_CACHE_LABEL + salt, key.encode(), "sha256")
    found = _known().get(name)
    if found is None:
        derived = hashlib.pbkdf2_hmac("sha256", key.encode(), _LABEL + salt, _ROUNDS)
        found = _known()[name] = derived.hex()[:_DIGITS]
    return found


@functools.cache
def _known() -> dict[bytes, str]:
    return {}
