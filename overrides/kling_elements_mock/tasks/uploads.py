"""Keep uploaded files: signed URLs to put each one to, and to read it from."""

from __future__ import annotations

import hmac
import re
import threading
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from kling_elements_mock.document import examples
from kling_elements_mock.tasks.results import mac
from kling_elements_mock.tasks.store import seeded_uuid

if TYPE_CHECKING:
    from kling_elements_mock.document.node import Node
    from kling_elements_mock.document.openapi import Operation
    from kling_elements_mock.tasks.clock import Clock

PUT_PREFIX: Final = "/uploads/"
ASSET_PREFIX: Final = "/assets/"
_PUT_SECONDS: Final = 120
_ASSET_SECONDS: Final = 86_400


@define(eq=False)
class Upload:
    """One file, `data` once it was put; each URL is valid until a Unix second."""

    id: str
    content_type: str
    put_until: float
    asset_until: float
    data: bytes | None = field(default=None, repr=False)


def files_of(operation: Operation) -> tuple[str, Node] | None:
    """Return the property of an upload operation's response that lists files, and the schema of one.

    An operation is one of these if its response lists an `upload_url` and an `asset_url` for each file.
    """
    response = operation.success[1]
    for media in () if response is None else response.children("content").values():
        schema = media.get("schema")
        for name, node in () if schema is None else schema.children("properties").items():
            items = node.get("items")
            if items is not None and {"upload_url", "asset_url"} <= items.children("properties").keys():
                return name, items
    return None


class Uploads:
    """The files of one mock; their ids and tokens are derived from the seed."""

    def __init__(self, clock: Clock, seed: str) -> None:
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
        """Return all files, oldest first."""
        return tuple(self._files.values())

    def request(self, listing: tuple[str, Node], body: Any, origin: str) -> dict[str, Any]:
        """Return the response to a request for URLs, with as many files as the body asks for."""
        name, schema = listing
        entries = body.get(name) if isinstance(body, dict) else None
        return {name: [self._file(schema, e, origin) for e in (entries if isinstance(entries, list) else ())]}

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
        declared = schema.children("properties")
        return {
            **(made if isinstance(made, dict) else {}),
            **{name: value for name, value in file.items() if name in declared},
        }

    def _path(self, prefix: str, upload_id: str) -> str:
        return f"{prefix}{upload_id}?token={self._token(prefix, upload_id)}"

    def _token(self, prefix: str, upload_id: str) -> str:
        return mac(f"upload/{self._seed}", f"{prefix}{upload_id}")

    def find(self, path: str, query: str) -> Upload | None:
        """Return the file of a signed URL; None if its token is not valid, or it is expired."""
        putting = path.startswith(PUT_PREFIX)
        prefix = PUT_PREFIX if putting else ASSET_PREFIX
        upload = self._files.get(path.removeprefix(prefix))
        token = re.fullmatch(r"token=([0-9a-f]{64})", query, re.ASCII)
        if upload is None or token is None:
            return None
        if not hmac.compare_digest(token[1], self._token(prefix, upload.id)):
            return None
        return upload if self._clock.time() <= (upload.put_until if putting else upload.asset_until) else None
