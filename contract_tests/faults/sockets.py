"""What the proxy and the courier of webhooks have in common: whole messages, and how a connection ends."""

from __future__ import annotations

import re
import socket
import struct
from contextlib import suppress
from typing import Final

PATIENCE: Final = 60.0
"""Seconds without a byte, after which something is wrong with the test itself."""
_CHUNK: Final = 65_536
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def connect(address: tuple[str, int]) -> socket.socket:
    """A connection whose small pieces go at once."""
    plug = socket.create_connection(address, PATIENCE)
    plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plug


def send_in_pieces(plug: socket.socket, data: bytes, piece: int) -> None:
    """Send so many bytes at once; 0: all."""
    size = piece or len(data) or 1
    for start in range(0, len(data), size):
        plug.sendall(data[start : start + size])


def read_message(plug: socket.socket, data: bytes = b"") -> bytes:
    """A whole HTTP message that begins so, or as much of it as comes."""
    while (size := _size(data)) is None or len(data) < size:
        chunk = plug.recv(_CHUNK)
        if not chunk:
            break
        data += chunk
    return data


def read_to_end(plug: socket.socket) -> bytes:
    """All that comes until the other side has gone."""
    data = b""
    with suppress(ConnectionError):
        while chunk := plug.recv(_CHUNK):
            data += chunk
    return data


def end(plug: socket.socket, *, is_reset: bool) -> None:
    """Close a connection, or reset it."""
    if is_reset:
        # Lingering for 0 seconds makes the kernel send RST instead of FIN.
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plug.close()


def _size(data: bytes) -> int | None:
    head, blank, _ = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    length = _LENGTH.search(head + b"\r\n")
    return len(head) + len(blank) + (int(length[1]) if length else 0)
