"""Sign the URLs of results: each is valid until a moment that stands in it."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from attrs import frozen

PREFIX: Final = "/results/"


def mac(secret: str, text: str) -> str:
    """Return the HMAC-SHA256 of a text in hexadecimal."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@frozen
class Signer:
    """Signs the paths of results with a secret that is derived from the seed."""

    seed: str

    def path(self, task_id: str, expires: int) -> str:
        """Return the path and query of a task's result, valid until the Unix second `expires`."""
        return f"{PREFIX}kling_{task_id}.mp4?token=exp={expires}~hmac={self._mac(task_id, expires)}"

    def expiry(self, task_id: str, query: str) -> int | None:
        """Return the Unix second until which a query is valid; None if it was not signed here."""
        token = re.fullmatch(r"token=exp=(\d{1,15})~hmac=([0-9a-f]{64})", query, re.ASCII)
        if token is None or not hmac.compare_digest(token[2], self._mac(task_id, int(token[1]))):
            return None
        return int(token[1])

    def _mac(self, task_id: str, expires: int) -> str:
        return mac(f"result/{self.seed}", f"{task_id}~{expires}")


def task_id_of(path: str) -> str | None:
    """Return the id of the task whose result has this path."""
    found = re.fullmatch(re.escape(PREFIX) + r"kling_([A-Za-z0-9-]+)\.mp4", path, re.ASCII)
    return None if found is None else found[1]
