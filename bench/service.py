"""A service on loopback that costs little: every create makes a task, every look finds it IN_PROGRESS.

python service.py PORT [DELAY_SECONDS [CERTIFICATE_AND_KEY.pem]]
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import sys

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_numbers = itertools.count(1)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            method, path, _ = head.split(b" ", 2)
            if (start := head.find(b"content-length:")) >= 0:
                await reader.readexactly(int(head[start + 15 : head.index(b"\r\n", start)]))
            await asyncio.sleep(delay)
            task_id, status = path.rpartition(b"/")[2].decode(), "IN_PROGRESS"
            if method == b"post":
                task_id, status = f"5f9f4e8c-0000-4000-8000-{next(_numbers):012}", "CREATED"
            body = json.dumps({"data": {"task_id": task_id, "status": status, "generated": []}}).encode()
            writer.write(_HEAD % len(body) + body)
            await writer.drain()
            if b"connection: close" in head:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main(port: int, delay: float, certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(
        lambda reader, writer: _serve(reader, writer, delay), "127.0.0.1", port, ssl=context, backlog=2000
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(
        _main(
            int(sys.argv[1]),
            float(sys.argv[2]) if len(sys.argv) > 2 else 0.0,  # noqa: PLR2004
            sys.argv[3] if len(sys.argv) > 3 else None,  # noqa: PLR2004
        )
    )
