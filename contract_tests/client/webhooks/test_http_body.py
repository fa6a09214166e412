"""How the small server reads a body: as much as it must, and never a guess."""

from __future__ import annotations

import io

import pytest

from kling_elements.webhooks.http_body import BodyError, read_body

CHUNKED = [("Transfer-Encoding", "chunked")]
NEXT = b"POST / HTTP/1.1\r\n"


class Bounded(io.BytesIO):
    """A stream that nobody may read without a limit: a sender could fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read that many bytes."""
        assert size is not None
        assert size >= 0
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line, or that many bytes of it."""
        assert size is not None
        assert size >= 0
        return super().readline(size)


@pytest.mark.parametrize(
    ("given", "sent", "body"),
    [
        ([("Content-Length", "3")], b"abc", b"abc"),
        ([("content-length", " 10 ")], b"0123456789", b"0123456789"),
        ([("content-length", "0")], b"", b""),
        (CHUNKED, b"3\r\nabc\r\n2;note\r\nde\r\n0\r\nTrailer: x\r\n\r\n", b"abcde"),
        (CHUNKED, b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (CHUNKED, b"3\nabc\n0\nTrailer: x\n\n", b"abc"),
        (CHUNKED, b"0\r\n\r\n", b""),
        (CHUNKED, b"0\r\n" + b"a: b\r\n" * 63 + b"\r\n", b""),
        ([("TRANSFER-ENCODING", "Chunked")], b"1 \t;" + b"x" * 1018 + b"\r\na\r\n0\r\n\r\n", b"a"),
    ],
    ids=[
        "by length", "as long as allowed", "none", "chunked", "as long as allowed, chunked",
        "bare line feeds",
        "none, chunked", "many trailers", "a long note",
    ],
)  # fmt: skip
def test_a_body_is_read_to_its_end(given: list[tuple[str, str]], sent: bytes, body: bytes) -> None:
    """By its length or in chunks; what follows is the next request, and is left."""
    stream = Bounded(sent + NEXT)
    assert read_body(given, stream, 10) == body
    assert stream.read(100) == NEXT


@pytest.mark.parametrize(
    ("given", "sent", "body"),
    [
        ([("content-length", "999")], b"x" * 999, b"x" * 11),
        ([("content-length", "11")], b"x" * 11, b"x" * 11),
        (CHUNKED, b"ff\r\n" + b"x" * 255, b"x" * 11),
        (CHUNKED, b"8\r\n01234567\r\n8\r\n89abcdef\r\n0\r\n\r\n", b"0123456789a"),
    ],
)
def test_of_a_longer_body_no_more_is_read_than_shows_it(
    given: list[tuple[str, str]], sent: bytes, body: bytes
) -> None:
    """It is the limit's bytes and one more."""
    assert read_body(given, Bounded(sent), 10) == body


@pytest.mark.parametrize(
    ("given", "sent", "why"),
    [
        ([], b"abc", "it has not one content-length"),
        ([("content-length", "-1")], b"abc", "it has not one content-length"),
        ([("content-length", "3"), ("content-length", "3")], b"abc", "it has not one content-length"),
        ([("content-length", "4")], b"abc", "it ended early"),
        ([("transfer-encoding", "gzip, chunked")], b"", "its length is told in more than one way"),
        (CHUNKED * 2, b"0\r\n\r\n", "its length is told in more than one way"),
        ([*CHUNKED, ("content-length", "3")], b"0\r\n\r\n", "its length is told in more than one way"),
        (CHUNKED, b"", "a chunk has no size"),
        (CHUNKED, b"-1\r\n", "a chunk has no size"),
        (CHUNKED, b"1;" + b"x" * 1021 + b"\r\na\r\n0\r\n\r\n", "a chunk has no size"),
        (CHUNKED, b"3\r\nabcd\r\n0\r\n\r\n", "a chunk is longer than its size"),
        (CHUNKED, b"3\r\nab", "it ended early"),
        (CHUNKED, b"0\r\n" + b"a: b\r\n" * 64 + b"\r\n", "it does not end"),
        (CHUNKED, b"0\r\na: " + b"b" * 100_000 + b"\r\n\r\n", "it does not end"),
    ],
)
def test_a_body_of_unclear_length_is_refused(given: list[tuple[str, str]], sent: bytes, why: str) -> None:
    """No length, two, a wrong one, or chunks that are none: never a guess."""
    with pytest.raises(BodyError) as caught:
        read_body(given, Bounded(sent), 10)
    assert str(caught.value) == why
