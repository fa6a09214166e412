"""A service on loopback that costs little: every create makes a task, every look finds it IN_PROGRESS.

    python service.py PORT [--delay SECONDS] [--certificate PEM] [--hold]

With `--hold` it answers nothing, and prints a line for each request that arrives.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import ssl
from functools import partial

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_numbers = itertools.count(1)


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, options: argparse.Namespace
) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if options.hold:
                os.write(1, b"arrived\n")  # in one piece
                await reader.read()
                break
            method, path, _ = head.split(b" ", 2)
            if (start := head.find(b"content-length:")) >= 0:
                await reader.readexactly(int(head[start + 15 : head.index(b"\r\n", start)]))
            await asyncio.sleep(options.delay)
            task_id, status = path.rpartition(b"/")[2].decode(), "IN_PROGRESS"
            if method == b"post":
                task_id, status = f"5f9f4e8c-0000-4000-8000-{next(_numbers):012}", "CREATED"
            body = json.dumps({"data": {"task_id": task_id, "status": status, "generated": []}}).encode()
            writer.write(_HEAD % len(body) + body)
            await writer.drain()
            if b"connection: close" in head:
                break
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def _main(options: argparse.Namespace) -> None:
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    server = await asyncio.start_server(
        partial(_serve, options=options), "127.0.0.1", options.port, ssl=context, backlog=2000
    )
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--certificate")
    parser.add_argument("--hold", action="store_true")
    asyncio.run(_main(parser.parse_args()))
