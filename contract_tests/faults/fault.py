"""Faults of one exchange between the client and the service: values only, and how they are drawn."""

from __future__ import annotations

import gzip
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from attrs import evolve, field, frozen
from hypothesis import strategies as st

from contract_tests.support.fixtures import load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

    from contract_tests.support.strategies import Wire

HASTY: Final = 0.03
"""Seconds that a request may take where only a time-out ends it."""
_LONGEST: Final = 4000  # bytes; places in an exchange are taken modulo its length
_TOO_MANY: Final = 429
_CLIENT_ERRORS: Final = range(400, 500)
_REQUEST_TIMEOUT: Final = 408


class Silence(Enum):
    """Nothing more is said until the client has given up."""

    LOST = auto()
    """The service never gets the request."""
    LATE = auto()
    """The service gets the request after the client has given up."""
    ANSWERED = auto()
    """The service got the request and answered; the client never sees it."""


@frozen
class Fault:
    """One disturbed exchange.

    Attributes:
        name: Its row in the table.
        request_at: How many bytes of the request go on before the connection ends; None: all.
        reply: What the client is answered in place of the service's answer, byte for byte.
        is_asked: Whether the service gets the request.
        answer_at: How many bytes of the answer go on before the connection ends; None: all.
        piece: Bytes that are sent at once; 0: all.
        is_reset: Whether the connection is reset rather than closed.
        silence: Nothing is said any more.
        is_dripping: The answer's head begins to come, a byte at a time and each in time, for longer than a
            request may take, and then ends.
        endless: What is sent after the reply, again and again, until the client leaves.
        is_interrupt: Ctrl-C is pressed while the client waits for the rest of the answer.
        is_crossed: The answer to an earlier request of the same kind comes instead.
        scenario: What the mock is asked to do with this request; see docs/mock.md.
    """

    name: str
    request_at: int | None = None
    reply: bytes | None = field(
        default=None, repr=lambda reply: "None" if reply is None else repr(reply[:40])
    )
    is_asked: bool = True
    answer_at: int | None = None
    piece: int = 0
    is_reset: bool = False
    silence: Silence | None = None
    is_dripping: bool = False
    endless: bytes = field(default=b"", repr=lambda more: repr(more[:40]))
    is_interrupt: bool = False
    is_crossed: bool = False
    scenario: str = ""

    @property
    def is_slow(self) -> bool:
        """Whether a client notices it by its time-out only."""
        return self.silence is not None or self.is_dripping or bool(self.endless)

    @property
    def is_of_the_way(self) -> bool:
        """Whether it is more than a scenario of the task."""
        return evolve(self, name=PASS.name, scenario=PASS.scenario) != PASS


PASS: Final = Fault("none")

TLS_FAULTS: Final = (
    Fault("TLS never started: closed", is_asked=False),
    Fault("TLS never started: reset", is_asked=False, is_reset=True),
    Fault("TLS never started: plain HTTP", is_asked=False, reply=b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    Fault("TLS never started: cut record", is_asked=False, reply=b"\x16\x03\x03\x00\x7a\x02\x00"),
    Fault("TLS never started: silence", is_asked=False, silence=Silence.LOST),
)

TASK_SCENARIOS: Final = (
    "fail",
    "never-finish",
    "complete-empty",
    "unknown-status=QUEUED",
    "not-found-first=2",
    "flaky=503;times=2",
    "flaky=429;times=1",
    "missing-generated",
    "error-null",
    "expire",
    "bad-id",
    "seconds=20",
    "created-but-500",
    "created-but-reset",
)


def http_reply(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """An HTTP answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


def _wired(wire: Wire) -> bytes:
    media = {"content-type": wire.media_type} if wire.media_type else {}
    return http_reply(wire.status, {**media, **wire.headers}, wire.body)


def _refusals() -> dict[str, list[bytes]]:
    """What an edge may answer by itself, from the fixtures' errors, by row of the table."""
    rows: dict[str, list[bytes]] = {}
    for fixture in load_all():
        wire = fixture.wire
        if not fixture.name.startswith("error-"):
            continue
        if wire.status == _TOO_MANY:
            row = "429, a rate" if "rate" in fixture.name else "429, the day's quota"
        else:
            row = "4xx" if wire.status in _CLIENT_ERRORS else "5xx"
        rows.setdefault(row, []).append(_wired(wire))
    rows["429, a rate"].append(
        http_reply(_TOO_MANY, {"retry-after": "86400"}, b'{"message":"Too many requests"}')
    )
    return rows


_REFUSALS: Final = _refusals()
_HTML: Final = b"<html><head><title>Welcome to the Wi-Fi</title></head></html>"
_ODD: Final = (
    http_reply(200, {"content-type": "text/html"}, _HTML),
    http_reply(200, {}, b""),
    http_reply(200, {"content-type": "application/json"}, b'{"data": nul'),
    http_reply(200, {"content-type": "application/json"}, b"[]"),
    http_reply(200, {"content-encoding": "gzip"}, b"no gzip at all"),
    http_reply(200, {"content-encoding": "gzip, gzip"}, gzip.compress(gzip.compress(bytes(8_000_000)))),
    http_reply(204, {}, b""),
    http_reply(_REQUEST_TIMEOUT, {}, b""),
    http_reply(520, {"content-type": "text/html"}, _HTML),
    http_reply(599, {}, b""),
)
_REDIRECTS: Final = tuple(
    http_reply(status, {"location": where}, b"")
    for status in (302, 307)
    for where in ("http://127.0.0.1:9/", "/elsewhere", "https://[")
)
_OK_JSON: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
_ENDLESS: Final = (
    (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    (_OK_JSON, b"x-more: and more\r\n"),
    (_OK_JSON + b"\r\n{", b" " * 65_536),
    (_OK_JSON + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
)
_NO_HTTP: Final = (
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\x00" * 64,
    b"HTTP/1.1 200\r\n\r\n\xff",
    b"HTTP/1.1 1000 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: minus one\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
)


def _answering(name: str, replies: Sequence[bytes]) -> SearchStrategy[Fault]:
    """Answers that do not come from the service, which is not asked."""
    return st.sampled_from(replies).map(lambda reply: Fault(name, reply=reply, is_asked=False))


def exchanges(
    *, longest: int = _LONGEST, is_slow: bool = True, can_interrupt: bool = True
) -> SearchStrategy[Fault]:
    """Faults of an exchange, each kind as often as the others.

    Args:
        longest: Bytes from which places are drawn.
        is_slow: Whether faults may be among them that only a time-out ends.
        can_interrupt: Whether Ctrl-C may be among them.
    """
    place = st.integers(0, longest)
    kinds = [
        st.builds(lambda at: Fault("request reset", request_at=at, is_reset=True), place),
        st.builds(lambda at: Fault("request cut", request_at=at), place),
        st.builds(lambda at: Fault("answer reset", answer_at=at, is_reset=True), place),
        st.builds(lambda at: Fault("answer cut", answer_at=at), place),
        st.builds(lambda size: Fault("answer in pieces", piece=size), st.integers(1, 7)),
        st.builds(
            lambda at, size: Fault("answer in pieces", answer_at=at, piece=size), place, st.integers(1, 50)
        ),
        st.just(Fault("another task's answer", is_crossed=True)),
        *(_answering(row, replies) for row, replies in _REFUSALS.items()),
        # A service that got the request may still answer so; a 429 or another 4xx says that it did nothing.
        st.sampled_from([*_REFUSALS["5xx"], *_ODD]).map(
            lambda reply: Fault("odd answer, the service was asked", reply=reply)
        ),
        _answering("odd answer", _ODD),
        _answering("redirect", _REDIRECTS),
        st.builds(
            lambda reply, is_asked: Fault("no HTTP", reply=reply, is_asked=is_asked),
            st.sampled_from(_NO_HTTP),
            st.booleans(),
        ),
    ]
    if is_slow:
        kinds.append(st.just(Fault("answer's head in drips", is_dripping=True)))
        kinds.append(
            st.sampled_from(
                [
                    Fault("endless answer", reply=begin, endless=more, is_asked=is_asked)
                    for begin, more in _ENDLESS
                    for is_asked in (False, True)
                ]
            )
        )
        kinds.append(
            st.sampled_from(Silence).map(
                lambda silence: Fault(
                    f"silence, request {silence.name.lower()}",
                    silence=silence,
                    is_asked=silence is not Silence.LOST,
                )
            )
        )
    if can_interrupt:
        kinds.append(
            st.builds(
                lambda at, is_asked: Fault(
                    "Ctrl-C, answer awaited", answer_at=at, is_asked=is_asked, is_interrupt=True
                ),
                place,
                st.booleans(),
            )
        )
    return st.one_of(kinds)


def with_scenario(fault: Fault, scenario: str) -> Fault:
    """A fault of the way together with one of the task; of a task alone, it bears the scenario's name."""
    if not scenario:
        return fault
    name = f"task: {scenario.partition('=')[0]}" if fault is PASS else fault.name
    return evolve(fault, name=name, scenario=scenario)
