"""A receiver of webhooks on the loopback, and what a delivery must be by the document."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from contract_tests.schema.server import schemas
from contract_tests.schema.server.exchange import Answer
from contract_tests.support.contract import resolve
from contract_tests.support.loopback import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.schema.server.operations import LifeCycle
    from contract_tests.support.loopback import Asked

_PATIENCE_SECONDS: Final = 60.0  # a busy machine may be slow; no test waits so long otherwise
_CLOCKS_APART_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that the receiver got.

    Attributes:
        method: Of the request.
        path: Where it came.
        content: Its headers and body; the status stands for nothing.
    """

    method: str
    path: str
    content: Answer

    def header(self, name: str) -> str | None:
        """Give a header's first value."""
        return self.content.header(name)


@dataclass
class Receiver:
    """Takes deliveries in.

    Attributes:
        url: Where it listens, a secret path included.
        deliveries: What came, in order.
    """

    url: str
    deliveries: list[Delivery] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def take(self, delivery: Delivery) -> None:
        """Keep a delivery."""
        with self._news:
            self.deliveries.append(delivery)
            self._news.notify_all()

    def wait_for(self, count: int) -> list[Delivery]:
        """Give what came once there are so many, or when patience ends."""
        with self._news:
            self._news.wait_for(lambda: len(self.deliveries) >= count, _PATIENCE_SECONDS)
            return list(self.deliveries)


@contextmanager
def listening() -> Iterator[Receiver]:
    """Listen on a free port of the loopback."""

    def take(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        # Before the answer: once the sender has that, the next delivery may overtake this one.
        receiver.take(
            Delivery(asked.method, asked.path, Answer(200, tuple(asked.headers.items()), asked.body))
        )
        return 200, {}, b""

    with serving(take) as served:
        receiver = Receiver(f"{served.url}/hook?x=1")
        yield receiver


def faults(cycle: LifeCycle, delivery: Delivery) -> Iterator[str]:
    """Give what is wrong with a delivery by the document's callback: method, headers, media type, body."""
    if delivery.method != "POST" or delivery.path != "/hook?x=1":
        yield f"{delivery.method} {delivery.path} is not the POST to the address that was given"
    for parameter in map(resolve, cycle.callback.get("parameters", ())):
        text = delivery.header(parameter["name"])
        if text is not None:
            for fault in schemas.header_faults(resolve(parameter["schema"]), text):
                yield f"the header {parameter['name']}: {fault}"
        elif parameter.get("required"):
            yield f"the header {parameter['name']} is missing"
    content = resolve(cycle.callback["requestBody"])["content"]
    media = content.get(delivery.content.media_type)
    if media is None:
        yield f"{delivery.content.media_type!r} is no documented media type"
        return
    try:
        value = delivery.content.json()
    except ValueError as error:
        yield f"the body is no JSON: {error}"
        return
    yield from schemas.faults(media["schema"], value)
    for place in schemas.undeclared(media["schema"], value):
        yield f"the field {place} is documented nowhere"


def is_signed(delivery: Delivery, secret: str) -> bool:
    """Tell whether an entry of the signature is the HMAC of id, timestamp and body under the secret."""
    text = f"{delivery.header('webhook-id')}.{delivery.header('webhook-timestamp')}.".encode()
    digest = hmac.new(secret.encode(), text + delivery.content.body, hashlib.sha256).digest()
    wanted = base64.b64encode(digest).decode()
    entries = (delivery.header("webhook-signature") or "").split(" ")
    return any(hmac.compare_digest(entry.partition(",")[2], wanted) for entry in entries)


def is_recent(delivery: Delivery, now: float) -> bool:
    """Tell whether a delivery was signed within five minutes of `now`, in Unix seconds."""
    text = delivery.header("webhook-timestamp") or ""
    return text.isdecimal() and abs(int(text) - now) <= _CLOCKS_APART_SECONDS
