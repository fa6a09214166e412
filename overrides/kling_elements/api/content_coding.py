"""Decode a body's content coding, bounded: a few kilobytes of gzip can unpack to gigabytes.

One coding at most is decoded, and none that the client does not ask for. A body that is not in the coding of
its label is passed as it came: what it is shows in its bytes.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPT_ENCODING = "gzip, deflate"

_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP, _ZLIB = 31, 15  # as zlib numbers its containers
_BARE_DEFLATE = -15  # without a container; some servers send it as "deflate"
_HEADER_SIZE = 2  # of zlib
_PIECE = 64 * 1024
_PLAIN_STARTS = (b"{", b"[", b"<")
_GZIP_START = b"\x1f\x8b"


class ContentCodingError(Exception):
    """A body is damaged: it began in its coding, and does not go on in it."""


class Decoder:
    """Decodes a body as it arrives.

    Args:
        header: The value of Content-Encoding; may be empty.
    """

    def __init__(self, header: str) -> None:
        codings = [
            name for part in header.split(",") if (name := part.strip().lower()) not in {"", "identity"}
        ]
        self._coding = codings[0] if len(codings) == 1 and codings[0] in _CODINGS else ""
        self._inflate = zlib.decompressobj()
        self._start = b""

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk decodes to, in pieces of at most 64 KiB.

        Raises:
            ContentCodingError: If the bytes are damaged.
        """
        if not self._coding:
            yield chunk
            return
        if len(self._start) < _HEADER_SIZE:
            self._start = chunk = self._start + chunk
            if len(chunk) < _HEADER_SIZE:
                return
            if (container := _container(self._coding, chunk)) is None:
                self._coding = ""
                yield chunk
                return
            self._inflate = zlib.decompressobj(container)
        while chunk and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise ContentCodingError(f"its content coding is damaged: {error}") from None
            chunk = self._inflate.unconsumed_tail
            if piece:
                yield piece


def _container(coding: str, start: bytes) -> int | None:
    """Return zlib's number for what a body begins with; None if that is not of its coding."""
    if coding != "deflate":
        return _GZIP if start.startswith(_GZIP_START) else None
    if start[0] & 15 == zlib.DEFLATED and int.from_bytes(start[:_HEADER_SIZE]) % 31 == 0:
        return _ZLIB
    try:
        zlib.decompressobj(_BARE_DEFLATE).decompress(start, 1)
    except zlib.error:
        return None
    return _BARE_DEFLATE


def decode_body(raw: bytes, header: str, limit: int) -> bytes:
    """Return a whole body decoded, as far as that is possible; at most `limit` bytes.

    A body that is not in the coding of its label is returned as it came: it may name a paid task.
    """
    if raw.lstrip()[:1] in _PLAIN_STARTS:
        return raw[:limit]
    if not header.strip() and raw.startswith(_GZIP_START):
        header = "gzip"  # a proxy lost the label
    body = bytearray()
    # Small steps: a wrong checksum at the end must not cost the beginning.
    step = 1 if len(raw) <= 4096 else 256  # noqa: PLR2004
    try:
        decoder = Decoder(header)
        for start in range(0, len(raw), step):
            for piece in decoder.decode(raw[start : start + step]):
                body += piece
                if len(body) >= limit:
                    return bytes(body[:limit])
    except ContentCodingError:
        pass
    return bytes(body) or raw[:limit]
