"""Carries webhooks to the receiver over raw TCP, as they are befallen."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from attrs import define, field

from contract_tests.faults.letter import altered
from contract_tests.faults.sockets import connect, end, read_to_end, send_in_pieces

if TYPE_CHECKING:
    from contract_tests.faults.letter import Letter, Passage

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_MOST_STALLED: Final = 8  # at once: the listener takes 64 connections


@define
class Courier:
    """Carries letters, one at a time.

    Attributes:
        stalled: Connections on which nothing more comes.
    """

    stalled: list[socket.socket] = field(factory=list)

    def carry(self, letter: Letter, passage: Passage, address: tuple[str, int], path: str) -> int | None:
        """Carry a letter once.

        Returns:
            The answer's status; None if there is none; 0 if the receiver neither answers nor goes.
        """
        request = _request(letter, passage, path)
        if passage.end_at is not None:
            request = request[: passage.end_at % len(request)]
        plug = connect(address)
        if passage.is_stalled:
            plug.sendall(request)
            self._stall(plug)
            return None
        with plug:
            # A receiver need not read to the end what it refuses.
            with suppress(ConnectionError):
                send_in_pieces(plug, request, passage.piece)
                if passage.is_reset:
                    end(plug, is_reset=True)
                    return None
                if not passage.is_whole:
                    plug.shutdown(socket.SHUT_WR)
            try:
                found = _STATUS.match(read_to_end(plug))
            except TimeoutError:
                return 0
        return int(found[1]) if found else None

    def close(self) -> None:
        """Close what is stalled, and wait until the other side has done so."""
        while self.stalled:
            self._close_first()

    def _stall(self, plug: socket.socket) -> None:
        self.stalled.append(plug)
        if len(self.stalled) > _MOST_STALLED:
            self._close_first()

    def _close_first(self) -> None:
        with self.stalled.pop(0) as plug, suppress(OSError):
            plug.shutdown(socket.SHUT_WR)
            read_to_end(plug)


def _request(letter: Letter, passage: Passage, path: str) -> bytes:
    if passage.in_place is not None:
        return passage.in_place
    headers, body = letter.headers, letter.body
    if passage.alteration is not None:
        headers, body = altered(letter, passage.alteration)
    length = f"content-length: {len(body) + passage.surplus}"
    lines = [
        f"POST {path} HTTP/1.1",
        "host: receiver.example",
        "connection: close",
        *(f"{name}: {value}" for name, value in headers.items() if name != "content-type"),
        f"content-type: {passage.media_type}",
        "transfer-encoding: chunked" if passage.chunk else length,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + _chunked(body, passage.chunk)


def _chunked(body: bytes, size: int) -> bytes:
    if not size:
        return body
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
