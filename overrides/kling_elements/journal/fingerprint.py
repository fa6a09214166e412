"""Name the key that made a task without showing it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

_LABEL = b"kling-elements key fingerprint 1\0"
_DIGITS = 16
_PROCESS_SECRET = os.urandom(16)
_known: dict[bytes, str] = {}  # keyed hashes of keys, and not the keys, to their names


def key_fingerprint(key: Callable[[], str], salt: bytes, rounds: int = 0) -> str:
    """Return a short name for a key, of use within one journal only.

    A vendor's key is random, and can't be found from it by any means. Who can read the journal can check a
    guess of a key that is a word, say. The salt, which differs between journals, rules out tables made in
    advance. It has 64 bits: enough to tell a person's keys apart.

    Args:
        key: Gives the API key. It stands in no variable, so that no traceback shows it.
        salt: The journal's salt.
        rounds: Of PBKDF2, by which older journals name keys: 100,000 take some 40 ms, once a process.

    Returns:
        16 hexadecimal digits.
    """
    if not rounds:
        return hashlib.blake2b(_LABEL + key().encode(), key=salt[:64], digest_size=_DIGITS // 2).hexdigest()
    name = hashlib.blake2b(key().encode(), key=(_PROCESS_SECRET + salt)[:64]).digest()
    if name not in _known:
        derived = hashlib.pbkdf2_hmac("sha256", key().encode(), _LABEL + salt, rounds)
        _known[name] = derived.hex()[:_DIGITS]
    return _known[name]


def process_fingerprint(key: Callable[[], str]) -> str:
    """Return a name for a key, of use within this process only: its secret is written nowhere."""
    return hashlib.blake2b(key().encode(), key=_PROCESS_SECRET, digest_size=_DIGITS // 2).hexdigest()
