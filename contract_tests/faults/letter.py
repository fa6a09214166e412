"""A webhook on its way, what can befall it, and how that is drawn: values only."""

from __future__ import annotations

import json
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import SearchStrategy

_LONGEST: Final = 900  # bytes; places in a request are taken modulo its length
_TOO_LARGE: Final = 1024 * 1024 + 1  # docs/webhooks.md: 1 MiB at most is read
_OTHER_ID: Final = "00000000-0000-4000-8000-000000000000"


@frozen
class Letter:
    """What the service posts.

    Attributes:
        headers: As signed.
        body: As signed.
    """

    headers: Mapping[str, str]
    body: bytes
    _data: Mapping[str, Any] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_data", json.loads(self.body))

    @property
    def id(self) -> str:
        """The delivery's id."""
        return self.headers["webhook-id"]

    @property
    def signed_at(self) -> int:
        """The Unix second of its signature."""
        return int(self.headers["webhook-timestamp"])

    @property
    def task_id(self) -> str:
        """Whose status it tells."""
        return str(self._data["task_id"])

    @property
    def status(self) -> str:
        """The status."""
        return str(self._data["status"])

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the result."""
        return tuple(self._data.get("generated", ()))


class Door(Enum):
    """By which server a letter comes in."""

    LISTENER = auto()
    """The project's own: `WebhookListener`."""
    ASGI = auto()
    """uvicorn, with the receiver as its application."""


class Alteration(StrEnum):
    """What somebody on the way, who has no secret, makes of a letter."""

    SPACE = "a space more"
    STATUS = "another status"
    TASK = "another task"
    SIGNATURE = "signature"
    TIMESTAMP = "timestamp"
    ID = "id"
    HEADER_GONE = "a header less"


@frozen
class Passage:
    """How a letter travels.

    Attributes:
        name: Its row in the table; empty if nothing befalls it.
        door: Where it comes in.
        times: How often it comes.
        is_dropped: It never comes.
        alteration: What is altered.
        media_type: What it says that it is.
        chunk: Bytes of a chunk; 0: it has a length instead.
        surplus: By how many bytes its length is wrong.
        end_at: How many bytes of the request go before the connection ends; None: all.
        is_reset: Whether the connection is then reset rather than closed.
        is_stalled: The connection stays open instead, and nothing more comes.
        piece: Bytes that are sent at once; 0: all.
        in_place: What comes in place of the request.
    """

    name: str = ""
    door: Door = Door.LISTENER
    times: int = 1
    is_dropped: bool = False
    alteration: Alteration | None = None
    media_type: str = "application/json"
    chunk: int = 0
    surplus: int = 0
    end_at: int | None = None
    is_reset: bool = False
    is_stalled: bool = False
    piece: int = 0
    in_place: bytes | None = field(
        default=None, repr=lambda given: "None" if given is None else repr(given[:40])
    )

    @property
    def is_whole(self) -> bool:
        """Whether the receiver gets what the service has signed."""
        is_there = self.end_at is None and self.in_place is None and not self.is_dropped
        return is_there and self.alteration is None and self.surplus == 0


WHOLE: Final = Passage()
DROPPED: Final = Passage("webhook dropped", is_dropped=True)
_MEDIA_TYPES: Final = (
    "text/html",
    "",
    "application/x-www-form-urlencoded; charset=ütf",
    "application/json" * 9,
)
_TOO_LONG: Final = (
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % _TOO_LARGE
) + b" " * _TOO_LARGE
_NO_HTTP: Final = (
    b"",
    b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\x00" * 64,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xa7" * 500,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + b"x: y\r\n" * 500 + b"\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
)


def altered(letter: Letter, alteration: Alteration) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of a letter that somebody has altered."""
    headers, body = dict(letter.headers), letter.body
    match alteration:
        case Alteration.SPACE:
            body = body.replace(b'"task_id"', b'"task_id" ')
        case Alteration.STATUS:
            wrong = "COMPLETED" if letter.status == "FAILED" else "FAILED"
            body = body.replace(f'"{letter.status}"'.encode(), f'"{wrong}"'.encode())
        case Alteration.TASK:
            body = body.replace(letter.task_id.encode(), _OTHER_ID.encode())
        case Alteration.SIGNATURE:
            version, _, signature = headers["webhook-signature"].partition(",")
            headers["webhook-signature"] = f"{version},{signature[::-1]}"
        case Alteration.TIMESTAMP:
            headers["webhook-timestamp"] = str(letter.signed_at + 1)
        case Alteration.ID:
            headers["webhook-id"] += "-again"
        case Alteration.HEADER_GONE:
            del headers["webhook-signature"]
    return headers, body


def losses() -> SearchStrategy[Passage]:
    """Passages of which nothing genuine arrives."""
    place = st.integers(0, _LONGEST)
    size = st.sampled_from([1, 2, 7, 50])
    return _through(
        st.just(DROPPED),
        *(st.just(Passage(f"webhook altered: {kind}", alteration=kind)) for kind in Alteration),
        st.builds(lambda at: Passage("webhook reset", end_at=at, is_reset=True), place),
        st.builds(lambda at, piece: Passage("webhook cut", end_at=at, piece=piece), place, size),
        st.builds(lambda at: Passage("webhook stalled", end_at=at, is_stalled=True), place),
        st.sampled_from([-50, -1, 1, 2**31]).map(lambda n: Passage("webhook of a wrong length", surplus=n)),
        st.just(Passage("webhook too large", in_place=_TOO_LONG)),
        # By its place: Hypothesis would write all the bytes out.
        st.integers(0, len(_NO_HTTP) - 1).map(
            lambda place: Passage("webhook that is none", in_place=_NO_HTTP[place])
        ),
    )


def arrivals() -> SearchStrategy[Passage]:
    """Passages at whose end the letter is there, as it was signed."""
    size = st.sampled_from([1, 2, 7, 50])
    return _through(
        st.just(WHOLE),
        st.integers(2, 3).map(lambda times: Passage("webhook twice", times=times)),
        size.map(lambda piece: Passage("webhook in drips", piece=piece)),
        st.builds(lambda chunk, piece: Passage("webhook in chunks", chunk=chunk, piece=piece), size, size),
        st.sampled_from(_MEDIA_TYPES).map(
            lambda given: Passage("webhook of an odd media type", media_type=given)
        ),
    )


def _through(*kinds: SearchStrategy[Passage]) -> SearchStrategy[Passage]:
    return st.builds(
        lambda passage, door: evolve(passage, door=door), st.one_of(kinds), st.sampled_from(Door)
    )
