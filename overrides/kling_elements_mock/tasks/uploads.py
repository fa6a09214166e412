"""Uploads: signed addresses to put a file to, and the address at which it can then be read.

An operation is one of these when its answer lists an `upload_url` and an `asset_url` for each file.
A file is put with the headers that the answer gave, and without a key: another content type, or a key, gets
403. A store with signed addresses does the first; the second is stricter than one, so that it is noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from kling_elements_mock.document import examples
from kling_elements_mock.http import ranges
from kling_elements_mock.http.responses import Answer, json_answer, text_answer
from kling_elements_mock.tasks.store import seeded_uuid

if TYPE_CHECKING:
    from collections.abc import Collection

    from kling_elements_mock.document.node import Node
    from kling_elements_mock.document.openapi import Operation
    from kling_elements_mock.http.requests import Incoming
    from kling_elements_mock.tasks.clock import Clock

PUT_PREFIX: Final = "/uploads/"
ASSET_PREFIX: Final = "/assets/"
_PUT_SECONDS: Final = 120
_ASSET_SECONDS: Final = 86_400


@dataclass(slots=True, eq=False)
class Upload:
    """One file: asked for, and perhaps put."""

    id: str
    content_type: str
    put_until: float
    asset_until: float
    data: bytes | None = field(default=None, repr=False)


def files_of(operation: Operation) -> tuple[str, Node] | None:
    """Give the property of an upload operation's answer that lists files, and one's schema."""
    response = operation.success()[1]
    for media in response.children("content") if response is not None else ():
        schema = media.get("schema")
        properties = None if schema is None else schema.get("properties")
        for name, node in properties.items() if properties is not None else ():
            items = node.get("items")
            file = None if items is None else items.get("properties")
            if items is not None and file is not None and file.get("upload_url") and file.get("asset_url"):
                return name, items
    return None


class Uploads:
    """The files of one mock.

    Args:
        clock: For expiry.
        seed: Ids and tokens come from it.
        key_headers: The headers that carry a key, in small letters.
    """

    def __init__(self, clock: Clock, seed: str, key_headers: Collection[str] = ()) -> None:
        self._key_headers = frozenset(key_headers)
        self._clock = clock
        self._seed = seed
        self._lock = threading.Lock()
        self._files: dict[str, Upload] = {}
        self._count = 0

    def clear(self) -> None:
        """Forget all files."""
        with self._lock:
            self._files.clear()
            self._count = 0

    def all(self) -> tuple[Upload, ...]:
        """Give all files, the oldest first."""
        return tuple(self._files.values())

    def request(self, operation: Operation, named: tuple[str, Node], body: Any, origin: str) -> Answer:
        """Answer a request for addresses."""
        name, schema = named
        asked = body.get(name) if isinstance(body, dict) else None
        files = [self._file(schema, entry, origin) for entry in (asked if isinstance(asked, list) else [])]
        return json_answer(operation.success()[0], {name: files})

    def _file(self, schema: Node, entry: Any, origin: str) -> dict[str, Any]:
        content_type = str(entry.get("content_type", "")) if isinstance(entry, dict) else ""
        now = self._clock.time()
        with self._lock:
            self._count += 1
            upload_id = seeded_uuid(f"{self._seed}/upload/{self._count}")
            upload = Upload(upload_id, content_type, now + _PUT_SECONDS, now + _ASSET_SECONDS)
            self._files[upload_id] = upload
        file = {
            "file_id": upload_id,
            "upload_url": origin + self._path(PUT_PREFIX, upload_id),
            "headers": {"content-type": content_type},
            "expires_in": _PUT_SECONDS,
            "asset_url": origin + self._path(ASSET_PREFIX, upload_id),
            "asset_url_expires_in": _ASSET_SECONDS,
        }
        made = examples.of_schema(schema)
        properties = schema.get("properties")
        declared = {} if properties is None else dict(properties.items())
        return {
            **(made if isinstance(made, dict) else {}),
            **{k: v for k, v in file.items() if k in declared},
        }

    def _path(self, prefix: str, upload_id: str) -> str:
        return f"{prefix}{upload_id}?token={self._token(prefix, upload_id)}"

    def _token(self, prefix: str, upload_id: str) -> str:
        return hmac.new(
            f"upload/{self._seed}".encode(), f"{prefix}{upload_id}".encode(), hashlib.sha256
        ).hexdigest()

    def _find(self, path: str, query: str, prefix: str) -> Upload | None:
        upload = self._files.get(path.removeprefix(prefix))
        token = re.fullmatch(r"token=([0-9a-f]{64})", query, re.ASCII)
        if upload is None or token is None:
            return None
        return upload if hmac.compare_digest(token[1], self._token(prefix, upload.id)) else None

    def answer(self, incoming: Incoming) -> Answer:
        """Take a file, or give one back."""
        putting = incoming.path.startswith(PUT_PREFIX)
        methods = ("PUT",) if putting else ("GET", "HEAD")
        if incoming.method not in methods:
            return text_answer(405, "Method Not Allowed\n").adding(("allow", ", ".join(methods)))
        upload = self._find(incoming.path, incoming.query, PUT_PREFIX if putting else ASSET_PREFIX)
        if upload is None or self._clock.time() > (upload.put_until if putting else upload.asset_until):
            return text_answer(403, "Forbidden\n")
        return self._put(upload, incoming) if putting else self._get(upload, incoming)

    def _put(self, upload: Upload, incoming: Incoming) -> Answer:
        if self._key_headers & incoming.headers.keys():
            return text_answer(403, "an API key was sent to the store: it belongs to the service alone\n")
        if incoming.headers.get("content-type", "") != upload.content_type:
            return text_answer(403, "SignatureDoesNotMatch: the headers are not those that were signed\n")
        if incoming.body is None:
            return text_answer(400, "EntityTooLarge\n")
        upload.data = incoming.body
        return Answer(200)

    def _get(self, upload: Upload, incoming: Incoming) -> Answer:
        if upload.data is None:
            return text_answer(404, "Not Found\n")
        return ranges.serve(upload.data, incoming.headers, upload.content_type or "application/octet-stream")

    def read(self, path_and_query: str) -> bytes | None:
        """Give the file at an asset's path and query; None if it can't be had."""
        path, _, query = path_and_query.partition("?")
        upload = self._find(path, query, ASSET_PREFIX)
        return None if upload is None or self._clock.time() > upload.asset_until else upload.data
