"""What a server is to reach on this machine: a receiver of webhooks, and images; and rules of a delivery."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from PIL import Image

from contract_tests.schema.server import leaks, schemas
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.support.contract import resolve
from contract_tests.support.loopback import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_tests.schema.server.operations import LifeCycle
    from contract_tests.support.loopback import Asked

_CLOCKS_APART_SECONDS: Final = 300
_IMAGES: Final = {"/a.png": "PNG", "/b.jpg": "JPEG", "/c.png": "PNG", "/d.jpg": "JPEG"}
_FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that the receiver got.

    Attributes:
        sent: The request.
        moment: When it came, in Unix seconds.
    """

    sent: Sent
    moment: float = 0.0

    @property
    def content(self) -> Answer:
        """Its headers and body, to be read like an answer's."""
        return Answer(200, self.sent.headers, self.sent.body)

    def header(self, name: str) -> str | None:
        """Give a header's first value."""
        return self.sent.header(name)


@dataclass
class Neighbour:
    """A small server on the loopback.

    Attributes:
        url: Its origin.
        asked: What came, in order; GETs of images too.
    """

    url: str
    asked: list[Delivery] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition, repr=False)

    @property
    def images(self) -> tuple[str, ...]:
        """Addresses of images that fit the document's limits."""
        return tuple(self.url + path for path in _IMAGES)

    def hook(self, name: str) -> str:
        """Return the address of a receiver."""
        return f"{self.url}/hook/{name}?x=1"

    def deliveries(self, name: str) -> list[Delivery]:
        """Return what came for a receiver, in order."""
        with self._news:
            return [delivery for delivery in self.asked if delivery.sent.path == f"/hook/{name}"]

    def take(self, delivery: Delivery) -> None:
        """Keep a request."""
        with self._news:
            self.asked.append(delivery)
            self._news.notify_all()

    def wait_for(self, held: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds; returns whether it does."""
        with self._news:
            return self._news.wait_for(held, seconds)


@contextmanager
def listening() -> Iterator[Neighbour]:
    """Listen on a free port of the loopback."""

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        # Before the answer: once the sender has that, the next delivery may overtake this one.
        neighbour.take(
            Delivery(Sent(asked.method, asked.path, tuple(asked.headers.items()), asked.body), time.time())
        )
        if asked.path in _IMAGES:
            kind = _IMAGES[asked.path]
            return 200, {"content-type": f"image/{kind.lower()}"}, picture(kind)
        return (200 if asked.path.startswith("/hook/") else 404), {}, b""

    with serving(answer) as served:
        neighbour = Neighbour(served.url)
        yield neighbour


@cache
def picture(kind: str) -> bytes:
    """Return an image that fits the document's limits; `kind` is Pillow's name, or a media type."""
    written = io.BytesIO()
    image = Image.linear_gradient("L").resize((512, 384)).convert("RGB")
    image.save(written, _FORMATS.get(kind, kind))
    return written.getvalue()


def faults(cycle: LifeCycle, delivery: Delivery, keys: tuple[str, ...] = ()) -> Iterator[str]:
    """Give what is wrong with a delivery by the document's callback: method, headers, media type, body."""
    if delivery.sent.method != "POST" or not delivery.sent.target.endswith("?x=1"):
        yield f"{delivery.sent.method} {delivery.sent.target} is not the POST to the address that was given"
    for form in leaks.shown(str(delivery.sent), keys):
        yield f"the receiver is shown {form}"
    for parameter in map(resolve, cycle.callback.get("parameters", ())):
        text = delivery.header(parameter["name"])
        if text is not None:
            for fault in schemas.header_faults(resolve(parameter["schema"]), text):
                yield f"the header {parameter['name']}: {fault}"
        elif parameter.get("required"):
            yield f"the header {parameter['name']} is missing"
    if not is_recent(delivery):
        yield f"webhook-timestamp {delivery.header('webhook-timestamp')} is not the time, in Unix seconds"
    yield from _body_faults(cycle, delivery)


def _body_faults(cycle: LifeCycle, delivery: Delivery) -> Iterator[str]:
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
    digest = hmac.new(secret.encode(), text + delivery.sent.body, hashlib.sha256).digest()
    wanted = base64.b64encode(digest).decode()
    entries = (delivery.header("webhook-signature") or "").split(" ")
    return any(hmac.compare_digest(entry.partition(",")[2], wanted) for entry in entries)


def is_recent(delivery: Delivery) -> bool:
    """Tell whether a delivery was signed within five minutes of its arrival."""
    text = delivery.header("webhook-timestamp") or ""
    return text.isdecimal() and abs(int(text) - delivery.moment) <= _CLOCKS_APART_SECONDS
