"""What a server is to reach on this machine: a receiver of webhooks, and images; and rules of a delivery."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from contract_tests.schema.server import leaks, schemas
from contract_tests.schema.server.exchange import Sent
from contract_tests.schema.server.films import picture
from contract_tests.support.contract import resolve
from contract_tests.support.loopback import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.support.loopback import Asked

_CLOCKS_APART_SECONDS: Final = 300
_IMAGES: Final = {
    "/a.png": "image/png", "/b.jpg": "image/jpeg", "/c.png": "image/png", "/d.jpg": "image/jpeg",
}  # fmt: skip


@define(eq=False)
class Neighbour:
    """A small server on the loopback."""

    url: str
    asked: list[Sent] = field(factory=list)

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(self.url + path for path in _IMAGES)

    def hook(self, name: str) -> str:
        return f"{self.url}/hook/{name}?x=1"

    def deliveries(self, name: str) -> list[Sent]:
        return [delivery for delivery in list(self.asked) if delivery.path == f"/hook/{name}"]


@contextmanager
def listening() -> Iterator[Neighbour]:
    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        # Before the answer: once the sender has that, the next delivery may overtake this one.
        headers = tuple(asked.headers.items())
        neighbour.asked.append(Sent(asked.method, asked.path, headers, asked.body, time.time()))
        if asked.path in _IMAGES:
            return 200, {"content-type": _IMAGES[asked.path]}, picture(_IMAGES[asked.path])
        return (200 if asked.path.startswith("/hook/") else 404), {}, b""

    with serving(answer) as served:
        neighbour = Neighbour(served.url)
        yield neighbour


def faults(callback: dict[str, Any], delivery: Sent, keys: tuple[str, ...]) -> Iterator[str]:
    """Give what is wrong with a delivery by the document's callback: method, headers, media type, body."""
    if delivery.method != "POST" or not delivery.target.endswith("?x=1"):
        yield f"{delivery.method} {delivery.target} is not the POST to the address that was given"
    for form in leaks.shown(str(delivery), keys):
        yield f"the receiver is shown {form}"
    for parameter in map(resolve, callback.get("parameters", ())):
        text = delivery.header(parameter["name"])
        if text is not None:
            for fault in schemas.header_faults(resolve(parameter["schema"]), text):
                yield f"the header {parameter['name']}: {fault}"
        elif parameter.get("required"):
            yield f"the header {parameter['name']} is missing"
    moment = delivery.header("webhook-timestamp") or ""
    if not moment.isdecimal() or abs(int(moment) - delivery.moment) > _CLOCKS_APART_SECONDS:
        yield f"webhook-timestamp {moment} is not the time, in Unix seconds"
    schema = resolve(callback["requestBody"])["content"].get(delivery.media_type, {}).get("schema")
    if schema is None:
        yield f"{delivery.media_type!r} is no documented media type"
        return
    try:
        value = delivery.json()
    except ValueError as error:
        yield f"the body is no JSON: {error}"
        return
    yield from schemas.faults(schema, value)
    yield from (f"the field {place} is documented nowhere" for place in schemas.undeclared(schema, value))


def is_signed(delivery: Sent, secret: str) -> bool:
    """Tell whether an entry of the signature is the HMAC of id, timestamp and body under the secret."""
    text = f"{delivery.header('webhook-id')}.{delivery.header('webhook-timestamp')}.".encode()
    digest = hmac.new(secret.encode(), text + delivery.body, hashlib.sha256).digest()
    wanted = base64.b64encode(digest).decode()
    entries = (delivery.header("webhook-signature") or "").split(" ")
    return any(hmac.compare_digest(entry.partition(",")[2], wanted) for entry in entries)
