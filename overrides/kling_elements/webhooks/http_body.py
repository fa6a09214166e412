"""Reads the body of an HTTP/1.1 request, with a limit; the standard library's server doesn't."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_MAX_LINE = 1024
_MAX_TRAILERS = 64


class BodyError(Exception):
    """The body of a request can't be read; the text says why."""


class Stream(Protocol):
    """What is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Read that many bytes; fewer at the end."""
        ...

    def readline(self, size: int = -1, /) -> bytes:
        """Read a line, or that many bytes of it."""
        ...


def read_body(headers: Iterable[tuple[str, str]], stream: Stream, limit: int) -> bytes:
    """The body of a request.

    Args:
        headers: The request's headers.
        stream: Stands at the body's first byte.
        limit: Bytes that are wanted.

    Returns:
        The body; of one that is longer than the limit, its first `limit` + 1 bytes.

    Raises:
        BodyError: The length is not told, told twice, or not kept.
    """
    fields = [(name.lower(), value.strip().lower()) for name, value in headers]
    lengths = [value for name, value in fields if name == "content-length"]
    codings = [value for name, value in fields if name == "transfer-encoding"]
    if codings:
        # Both at once is how requests are smuggled past a proxy.
        if lengths or codings != ["chunked"]:
            raise BodyError("its length is told in more than one way")
        return _read_chunks(stream, limit)
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        raise BodyError("it has not one content-length")
    length = int(lengths[0])
    return _read_exactly(stream, min(length, limit + 1))


def _read_chunks(stream: Stream, limit: int) -> bytes:
    body = bytearray()
    while True:
        head = _CHUNK_SIZE.fullmatch(stream.readline(_MAX_LINE))
        if not head:
            raise BodyError("a chunk has no size")
        size = int(head[1], 16)
        if size == 0:
            break
        body += _read_exactly(stream, min(size, limit + 1 - len(body)))
        if len(body) > limit:
            return bytes(body)
        if stream.readline(2) not in {b"\r\n", b"\n"}:
            raise BodyError("a chunk is longer than its size")
    for _ in range(_MAX_TRAILERS):
        if stream.readline(_MAX_LINE) in {b"\r\n", b"\n"}:
            return bytes(body)
    raise BodyError("it does not end")


def _read_exactly(stream: Stream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise BodyError("it ended early")
    return data
