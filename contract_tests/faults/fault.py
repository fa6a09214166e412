"""Faults of one exchange between the client and the service: values only, and how they are drawn."""

import gzip
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

from attrs import evolve, field, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from contract_tests.support.fixtures import load_all

HASTY: Final = 0.03
"""Seconds that a request may take where only a time-out ends it."""
_LONGEST: Final = 4000  # bytes; places in an exchange are taken modulo its length
# Nothing more is said until the client has given up: the service never gets the request, gets it later,
# or got it and answered.
Silence = Literal["", "lost", "late", "answered"]


def _short(data: bytes | None) -> str:
    return repr(data and data[:40])


@frozen
class Fault:
    """One disturbed exchange; `name` is its row in the table."""

    name: str
    request_at: int | None = None  # bytes of the request that go on before the connection ends; None: all
    reply: bytes | None = field(default=None, repr=_short)  # in place of the service's answer, byte for byte
    is_asked: bool = True  # whether the service gets the request
    answer_at: int | None = None  # bytes of the answer that go on before the connection ends; None: all
    piece: int = 0  # bytes that are sent at once; 0: all
    is_reset: bool = False  # rather than closed
    silence: Silence = ""
    is_dripping: bool = False  # the head comes byte by byte, each in time, for too long, and then ends
    endless: bytes = field(default=b"", repr=_short)  # follows the reply, again and again
    is_interrupt: bool = False  # Ctrl-C, while the client waits for the rest of the answer
    is_crossed: bool = False  # the answer to an earlier request of the same kind comes instead
    scenario: str = ""  # of the mock, for this request; see docs/mock.md

    @property
    def is_slow(self) -> bool:
        """Whether a client notices it by its time-out only."""
        return bool(self.silence or self.is_dripping or self.endless)

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
    Fault("TLS never started: silence", is_asked=False, silence="lost"),
)

TASK_SCENARIOS: Final = (
    *("fail", "never-finish", "complete-empty", "unknown-status=QUEUED", "not-found-first=2"),
    *("flaky=503;times=2", "flaky=429;times=1", "missing-generated", "error-null", "expire", "bad-id"),
    *("seconds=20", "created-but-500", "created-but-reset"),
)


def http_reply(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


def _refusals() -> dict[str, list[bytes]]:
    """What an edge may answer by itself, from the fixtures' errors, by row of the table."""
    rate, quota = "429, a rate", "429, the day's quota"
    rows = {rate: [http_reply(429, {"retry-after": "86400"}, b'{"message":"Too many requests"}')]}
    for fixture in load_all():
        if fixture.name.startswith("error-"):
            wire, is_rate = fixture.wire, "rate" in fixture.name
            row = f"{wire.status // 100}xx" if wire.status != 429 else rate if is_rate else quota
            media = {"content-type": wire.media_type} if wire.media_type else {}
            rows.setdefault(row, []).append(http_reply(wire.status, {**media, **wire.headers}, wire.body))
    return rows


_REFUSALS: Final = _refusals()
_JSON: Final = {"content-type": "application/json"}
_HTML: Final = {"content-type": "text/html"}
_PAGE: Final = b"<html><head><title>Welcome to the Wi-Fi</title></head></html>"
_ODD: Final = (
    http_reply(200, _HTML, _PAGE),
    http_reply(200, {}, b""),
    http_reply(200, _JSON, b'{"data": nul'),
    http_reply(200, _JSON, b"[]"),
    http_reply(200, {"content-encoding": "gzip"}, b"no gzip at all"),
    http_reply(200, {"content-encoding": "gzip, gzip"}, gzip.compress(gzip.compress(bytes(8_000_000)))),
    http_reply(204, {}, b""),
    http_reply(408, {}, b""),
    http_reply(520, _HTML, _PAGE),
    http_reply(599, {}, b""),
)
_PLACES: Final = ("http://127.0.0.1:9/", "/elsewhere", "https://[")
_REDIRECTS: Final = [http_reply(code, {"location": where}, b"") for code in (302, 307) for where in _PLACES]
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


def _answering(name: str, replies: Sequence[bytes], *, is_asked: bool = False) -> SearchStrategy[Fault]:
    """Answers that do not come from the service, which may have been asked all the same."""
    faults = [Fault(name, reply=reply, is_asked=is_asked) for reply in replies]
    return st.integers(0, len(faults) - 1).map(lambda place: faults[place])  # its repr is short


def _drawn(name: str, **fields: SearchStrategy[Any] | bool) -> SearchStrategy[Fault]:
    values = {key: st.just(field) if isinstance(field, bool) else field for key, field in fields.items()}
    return st.builds(Fault, st.just(name), **values)


def exchanges(
    *, longest: int = _LONGEST, is_slow: bool = True, can_interrupt: bool = True
) -> SearchStrategy[Fault]:
    """Faults of an exchange of so many bytes, each as often; `is_slow`: some that only a time-out ends."""
    place, either = st.integers(0, longest), st.booleans()
    kinds = [
        _drawn("request reset", request_at=place, is_reset=True),
        _drawn("request cut", request_at=place),
        _drawn("answer reset", answer_at=place, is_reset=True),
        _drawn("answer cut", answer_at=place),
        _drawn("answer in pieces", piece=st.integers(1, 7)),
        _drawn("answer in pieces", answer_at=place, piece=st.integers(1, 50)),
        st.just(Fault("another task's answer", is_crossed=True)),
        *(_answering(row, replies) for row, replies in _REFUSALS.items()),
        # A service that got the request may still answer so; a 429 or another 4xx says that it did nothing.
        _answering("odd answer, the service was asked", [*_REFUSALS["5xx"], *_ODD], is_asked=True),
        _answering("odd answer", _ODD),
        _answering("redirect", _REDIRECTS),
        _drawn("no HTTP", reply=st.sampled_from(_NO_HTTP), is_asked=either),
    ]
    if is_slow:
        endless = [
            Fault("endless answer", reply=begin, endless=more, is_asked=is_asked)
            for begin, more in _ENDLESS
            for is_asked in (False, True)
        ]
        hows: Sequence[Silence] = get_args(Silence)[1:]
        silent = [Fault(f"silence, request {how}", silence=how, is_asked=how != "lost") for how in hows]
        kinds += [st.just(Fault("answer's head in drips", is_dripping=True))]
        kinds += [st.sampled_from(endless), st.sampled_from(silent)]
    if can_interrupt:
        kinds.append(_drawn("Ctrl-C, answer awaited", answer_at=place, is_asked=either, is_interrupt=True))
    return st.one_of(kinds)


def with_scenario(fault: Fault, scenario: str) -> Fault:
    """A fault of the way together with one of the task; of a task alone, it bears the scenario's name."""
    if not scenario:
        return fault
    name = f"task: {scenario.partition('=')[0]}" if fault is PASS else fault.name
    return evolve(fault, name=name, scenario=scenario)
