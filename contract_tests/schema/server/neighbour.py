"""What a server is to reach on this machine: a receiver of webhooks, and images; and rules of a delivery."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from contract_tests.schema.server import leaks, schemas
from contract_tests.schema.server.exchange import Sent
from contract_tests.schema.server.films import picture
from contract_tests.support.contract import resolve
from contract_tests.support.deliveries import sign
from contract_tests.support.loopback import Asked, Loopback, serving

_CLOCKS_APART_SECONDS: Final = 300
IMAGES: Final = {f"/{letter}.{kind}": f"image/{kind}" for letter in "ab" for kind in ("png", "jpeg")}


@contextmanager
def listening() -> Iterator[Loopback]:

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if kind := IMAGES.get(asked.path):
            return 200, {"content-type": kind}, picture(kind)
        return (200 if asked.path.startswith("/hook/") else 404), {}, b""

    with serving(answer) as served:
        yield served


def hook(near: Loopback, name: str) -> str:
    return f"{near.url}/hook/{name}?x=1"


def deliveries(near: Loopback, name: str) -> list[Sent]:
    mine = (one for one in list(near.asked) if one.path.split("?")[0] == f"/hook/{name}")
    return [Sent(one.method, one.path, tuple(one.headers.items()), one.body, one.moment) for one in mine]


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
    message_id, timestamp = delivery.header("webhook-id"), delivery.header("webhook-timestamp")
    wanted = sign(delivery.body, secret.encode(), str(message_id), timestamp)
    entries = (delivery.header("webhook-signature") or "").split(" ")
    return any(hmac.compare_digest(entry.partition(",")[2], wanted) for entry in entries)
