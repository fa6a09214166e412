"""Requests a second that a mock answers: creates, or looks at one task, over kept connections.

    python load.py ORIGIN create|look [SECONDS]

Prints the requests a second, and how many answers had another status than 200.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

_CONNECTIONS = 8
_CREATE = "/v1/ai/image-to-video/kling-elements-std"
_STATUS = "/v1/ai/image-to-video/kling-elements/"
_BODY = json.dumps({"images": ["https://example.com/a.png"], "prompt": "x", "duration": "5"}).encode()


class Load:
    """Asks one origin over a few connections."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self._host, self._port = parts.hostname, parts.port
        self.statuses: Counter[int] = Counter()

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\nx-freepik-api-key: a-key\r\n"
            f"accept: application/json\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def ask(self, method: str, path: str, body: bytes, until: float) -> bytes:
        """Ask again and again until a moment; return the last body."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        request, answer = self._request(method, path, body), b""
        while True:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"transfer-encoding: chunked" in head:
                answer = await reader.readuntil(b"0\r\n\r\n")
            else:
                start = head.index(b"content-length:") + 15
                answer = await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
            self.statuses[int(head.split(b" ", 2)[1])] += 1
            if time.monotonic() >= until:
                break
        writer.close()
        return answer


async def _main(origin: str, what: str, seconds: float) -> None:
    load = Load(origin)
    answer = await load.ask("POST", _CREATE, _BODY, 0)
    method, path, body = "POST", _CREATE, _BODY
    if what == "look":
        start = answer.index(b'"task_id"')
        method, path, body = "GET", _STATUS + answer[start:].split(b'"')[3].decode(), b""
    load.statuses.clear()
    began = time.monotonic()
    await asyncio.gather(*(load.ask(method, path, body, began + seconds) for _ in range(_CONNECTIONS)))
    total = load.statuses.total()
    print(json.dumps([total / (time.monotonic() - began), total - load.statuses[200]]))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 2.0))  # noqa: PLR2004
