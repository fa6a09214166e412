"""The fault proxy: raw TCP between a client and the mock, one connection after the other.

Each connection carries one exchange and takes the next fault; without one it is passed on unharmed. As they
are served in turn, whatever a client has left behind is dealt with before its next request.
"""

import re
import signal
import socket
import struct
import threading
from collections import Counter, deque
from contextlib import suppress
from typing import Final

from attrs import define, field

from contract_tests.faults.fault import HASTY, PASS, Fault

PATIENCE: Final = 60.0
"""Seconds without a byte, after which something is wrong with the test itself."""
_CHUNK: Final = 65_536
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_PING: Final = b"PING / HTTP/1.1\r\n\r\n"
_TLS: Final = 0x16
_ODD_ID: Final = b"not-a-uuid"  # of the mock's scenario `bad-id`
_DRIPS: Final = 9  # bytes, so that all of them take three times as long as a request may
_DRIP: Final = HASTY / 3  # seconds from one to the next


@define
class FaultProxy:
    """A proxy that listens on a port of 127.0.0.1."""

    _upstream: tuple[str, int]
    port: int = 0
    injected: Counter[str] = field(factory=Counter, init=False)  # how often each fault took place
    last_sizes: tuple[int, int] = field(default=(0, 0), init=False)  # of the last request and its answer
    _listener: socket.socket | None = field(default=None, init=False, repr=False)
    _thread: threading.Thread | None = field(default=None, init=False, repr=False)
    faults: deque[Fault] = field(factory=deque, init=False)  # of the next connections, in this order
    earlier: dict[bytes, bytes] = field(factory=dict, init=False, repr=False)  # answers that it may mix up
    interrupts: int = field(default=0, init=False)  # how often it pressed Ctrl-C

    def settle(self) -> None:
        """Take away the faults that are left, and return when all that was begun is over."""
        self.faults.clear()
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as plug:
            plug.sendall(_PING)
            if not plug.recv(1):
                raise RuntimeError("the fault proxy has died: this is a bug of the test")

    def listen(self) -> None:
        if self._listener is not None:
            return
        self._listener = listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="fault-proxy", daemon=True)
        self._thread.start()

    def refuse(self) -> None:
        if self._listener is None or self._thread is None:
            return
        listener, self._listener = self._listener, None
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`; closing it would not
        self._thread.join(PATIENCE)
        listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                plug, _ = listener.accept()
            except OSError:
                return
            plug.settimeout(PATIENCE)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A client that has gone in the middle is no news here.
            with suppress(OSError):
                self._exchange(plug)
            plug.close()

    def _exchange(self, plug: socket.socket) -> None:
        if self.faults and self.faults[0].request_at == 0:
            fault = self.faults.popleft()
            self._count(fault)
            _end(plug, is_reset=fault.is_reset)
            return
        first = plug.recv(_CHUNK)
        request = first if first[:1] == bytes([_TLS]) else _read_message(plug, first)
        if request == _PING:
            plug.sendall(b"!")
            return
        if not request:
            return
        fault = self.faults.popleft() if self.faults else PASS
        if not fault.is_crossed:
            self._count(fault)
        if request[0] == _TLS:
            self._answer(plug, fault, fault.reply or b"")
        elif fault.request_at is not None and fault.request_at % len(request):
            with self._connect() as onward:
                onward.sendall(request[: fault.request_at % len(request)])
                _end(onward, is_reset=fault.is_reset)
            _end(plug, is_reset=fault.is_reset)
        else:
            self._forward(plug, fault, _with_scenario(request, fault.scenario))

    def _forward(self, plug: socket.socket, fault: Fault, request: bytes) -> None:
        if fault.silence == "late":
            _read_to_end(plug)
            self._ask(request)
            return
        answer = self._ask(request) if fault.is_asked else b""
        self.last_sizes = len(request), len(answer)
        if kind := _kind(request):
            earlier = self.earlier.get(kind)
            if fault.is_asked:
                self.earlier[kind] = answer
            if fault.is_crossed and earlier is not None:
                self._count(fault)
                answer = earlier
        self._answer(plug, fault, answer if fault.reply is None else fault.reply)

    def _answer(self, plug: socket.socket, fault: Fault, answer: bytes) -> None:
        if fault.silence:
            _read_to_end(plug)
            return
        if fault.is_dripping:
            _drip(plug, answer)
            return
        if fault.is_interrupt:
            # Never the whole answer: the client must still be at it when the signal comes.
            answer = answer[: (fault.answer_at or 0) % max(1, len(answer))]
        elif fault.answer_at is not None:
            answer = answer[: fault.answer_at % (len(answer) + 1)]
        size = fault.piece or len(answer) or 1
        for start in range(0, len(answer), size):
            plug.sendall(answer[start : start + size])
        while fault.endless:
            plug.sendall(fault.endless)  # until the client has left, which is an OSError
        if fault.is_interrupt and (main := threading.main_thread().ident):
            self.interrupts += 1
            signal.pthread_kill(main, signal.SIGINT)
            _read_to_end(plug)
        _end(plug, is_reset=fault.is_reset)

    def _ask(self, request: bytes) -> bytes:
        with self._connect() as onward:
            onward.sendall(request)
            with suppress(ConnectionError):
                return _read_message(onward)
        return b""

    def _connect(self) -> socket.socket:
        plug = socket.create_connection(self._upstream, PATIENCE)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plug

    def _count(self, fault: Fault) -> None:
        if fault is not PASS:
            self.injected[fault.name] += 1


def _with_scenario(request: bytes, scenario: str) -> bytes:
    line, end, rest = request.partition(b"\r\n")
    return line + end + b"x-mock-scenario: " + scenario.encode() + b"\r\n" + rest if scenario else request


def _kind(request: bytes) -> bytes:
    """What a confused cache at the edge could mix up: questions of the API with one form of path; else empty.

    Not creates: an answer with another task's id would be beyond any client's wits, and so would be another
    video behind the address of a result. Not an id of one form with one of another: nobody knows whether the
    service has two names for a task.
    """
    path = request.partition(b" ")[2].partition(b" ")[0]
    folder, _, name = path.rpartition(b"/")
    form = _ODD_ID if name.startswith(_ODD_ID) else b""
    return folder + form if request.startswith(b"GET /v1/") else b""


def _drip(plug: socket.socket, answer: bytes) -> None:
    """Let an answer begin byte by byte, each in time, until the client has left."""
    plug.settimeout(_DRIP)
    for place in range(_DRIPS):
        plug.sendall(answer[place : place + 1])
        with suppress(TimeoutError):
            if not plug.recv(_CHUNK):
                return


def _read_message(plug: socket.socket, data: bytes = b"") -> bytes:
    """A whole HTTP message that begins so, or as much of it as comes."""
    while (size := _size(data)) is None or len(data) < size:
        chunk = plug.recv(_CHUNK)
        if not chunk:
            break
        data += chunk
    return data


def _size(data: bytes) -> int | None:
    head, blank, _ = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return len(head) + len(blank) + (int(length[1]) if length else 0) if blank else None


def _read_to_end(plug: socket.socket) -> None:
    with suppress(ConnectionError):
        while plug.recv(_CHUNK):
            pass


def _end(plug: socket.socket, *, is_reset: bool) -> None:
    if is_reset:
        # Lingering for 0 seconds makes the kernel send RST instead of FIN.
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plug.close()
