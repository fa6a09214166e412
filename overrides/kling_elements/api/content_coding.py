"""Decode a body's content coding, bounded: a few kilobytes of gzip can unpack to gigabytes.

The bytes say how a body is coded. Its label gets lost, doubled or changed on the way.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPT_ENCODING = "gzip, deflate"

_GZIP, _ZLIB = 31, 15  # as zlib numbers its containers
_BARE_DEFLATE = -15  # without a container; some servers send it as "deflate"
_HEADER_SIZE = 2  # of zlib
_PIECE = 64 * 1024
_MAX_LAYERS = 4
_PLAIN_STARTS = (b"{", b"[", b"<", b'"')  # of JSON and HTML; no coding of them begins so
_GZIP_START = b"\x1f\x8b"


class ContentCodingError(Exception):
    """A body is damaged: it began in its coding, and does not go on in it."""


class Decoder:
    """Decodes one coding of a body as it arrives.

    Args:
        header: The value of Content-Encoding. Without one, nothing is decoded: a range of a file may begin
            like a coding.
    """

    def __init__(self, header: str) -> None:
        self._label = header.lower()
        self._is_plain = not header
        self._has_begun = False
        self._inflate = zlib.decompressobj()
        self._start = b""

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk decodes to, in pieces of at most 64 KiB.

        Raises:
            ContentCodingError: If the bytes are damaged; all that came before the damage was yielded.
        """
        chunk, self._start = self._start + chunk, b""
        while chunk and not self._is_plain:
            if not self._has_begun or self._inflate.eof:
                if len(chunk) < _HEADER_SIZE:
                    self._start = chunk
                    return
                container = _container("" if self._has_begun else self._label, chunk)
                if container is None and self._has_begun:
                    return  # padding, and no further member of a gzip file
                if container is None:
                    self._is_plain = True
                    break
                self._inflate = zlib.decompressobj(container)
                self._has_begun = True
            before = self._inflate.copy()
            try:
                piece = self._inflate.decompress(chunk, _PIECE)
            except zlib.error as error:
                yield _before_damage(before, chunk)
                raise ContentCodingError(f"its content coding is damaged: {error}") from None
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data
            if piece:
                yield piece
        if chunk:
            yield chunk


def _container(label: str, start: bytes) -> int | None:
    """Return zlib's number for what a body begins with; None if it is not coded.

    Only with a label two bytes of zlib's are taken for a container; bare deflate has none.
    """
    if start.startswith(_GZIP_START):
        return _GZIP
    if label and start[0] & 15 == zlib.DEFLATED and int.from_bytes(start[:_HEADER_SIZE]) % 31 == 0:
        return _ZLIB
    if "deflate" not in label:
        return None
    try:
        zlib.decompressobj(_BARE_DEFLATE).decompress(start, _PIECE)
    except zlib.error:
        return None
    return _BARE_DEFLATE


def _before_damage(inflate: zlib._Decompress, chunk: bytes) -> bytes:
    """Return what a damaged chunk decodes to, up to the damage: zlib itself throws that away."""
    body = bytearray()
    with suppress(zlib.error):
        for byte in chunk:
            body += inflate.decompress(bytes((byte,)))
    return bytes(body)


def decode_body(raw: bytes, header: str, limit: int) -> bytes:
    """Return a whole body decoded, as far as that is possible; at most `limit` bytes.

    What can't be decoded is returned as it came: it may name a paid task.
    """
    start, layers = raw.lstrip(), 0
    while start[:1] not in _PLAIN_STARTS and layers < _MAX_LAYERS:
        coded = start if start.startswith(_GZIP_START) else raw
        body = _decode_layer(coded, header or "gzip", limit)  # a proxy may have lost the label
        if not body or body == coded:
            break
        raw, start, header = body, body.lstrip(), ""
        layers += 1
    return raw[:limit]


def _decode_layer(raw: bytes, label: str, limit: int) -> bytes:
    """Decode one coding; return nothing if it is none."""
    decoder, body = Decoder(label), bytearray()
    try:
        for start in range(0, len(raw), _PIECE):
            for piece in decoder.decode(raw[start : start + _PIECE]):
                body += piece
                if len(body) >= limit:
                    return bytes(body[:limit])
    except ContentCodingError:
        if not (raw.startswith(_GZIP_START) or body.lstrip()[:1] in _PLAIN_STARTS):
            return b""  # text that began like zlib or deflate by chance
    return bytes(body)
