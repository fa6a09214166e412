"""Addresses of results: signed, and good until a moment that stands in them."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "/results/"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs addresses, with a secret that comes from the seed."""

    seed: str

    def path(self, task_id: str, expires: int) -> str:
        """Give the path and query of a task's result, valid until the Unix second `expires`."""
        return f"{PREFIX}kling_{task_id}.mp4?token=exp={expires}~hmac={self._mac(task_id, expires)}"

    def expiry(self, task_id: str, query: str) -> int | None:
        """Give the Unix second until which a query is valid; None if it was not signed here."""
        token = re.fullmatch(r"token=exp=(\d{1,15})~hmac=([0-9a-f]{64})", query, re.ASCII)
        if token is None or not hmac.compare_digest(token[2], self._mac(task_id, int(token[1]))):
            return None
        return int(token[1])

    def _mac(self, task_id: str, expires: int) -> str:
        return hmac.new(
            f"result/{self.seed}".encode(), f"{task_id}~{expires}".encode(), hashlib.sha256
        ).hexdigest()


def task_id_of(path: str) -> str | None:
    """Give the id of the task whose result lies at `path`, if it is such a path."""
    found = re.fullmatch(re.escape(PREFIX) + r"kling_([A-Za-z0-9-]+)\.mp4", path, re.ASCII)
    return None if found is None else found[1]
