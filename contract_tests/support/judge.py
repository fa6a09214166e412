"""Judges requests by the document alone: by no code of the client's or the mock's, and by another validator.

The client validates with jsonschema-rs; this module does with jsonschema, and with formats of its own, so
that a fault of either does not hide in both.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx
from attrs import frozen
from jsonschema import FormatChecker  # type: ignore[import-untyped]  # it ships no types
from openapi_schema_validator import OAS30WriteValidator

from contract_tests.schema.exercised import pattern_of, template_of
from contract_tests.schema.server.exchange import Answer
from contract_tests.support.contract import document, operations, resolve

FORMATS: Final = FormatChecker(())
_URI_TEXT: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+", re.ASCII)


@FORMATS.checks("uri")  # type: ignore[untyped-decorator]  # the library ships no types
def _is_uri(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return _URI_TEXT.fullmatch(value) is not None and bool(urlsplit(value).scheme) and ":" in value
    except ValueError:
        return False


@FORMATS.checks("uuid", raises=ValueError)  # type: ignore[untyped-decorator]  # as above
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


@frozen
class Place:
    """An operation of the document, where it stands: its method in capitals, and its path's template."""

    operation_id: str
    method: str
    path: str

    @property
    def operation(self) -> dict[str, Any]:
        found: dict[str, Any] = document()["paths"][self.path][self.method.lower()]
        return found


def places(whole: Mapping[str, Any] | None = None) -> tuple[Place, ...]:
    """Every operation of the document, in its order; callbacks are not among them."""
    return tuple(Place(said["operationId"], method, path) for method, path, said in operations(whole))


def place_of(request: httpx.Request) -> Place | None:
    """The operation that a request asks for, whatever else is wrong with it; an exact path wins."""
    asked = request.method, template_of(request.url.raw_path.decode())
    return next((place for place in places() if (place.method, place.path) == asked), None)


def schema_faults(schema: Mapping[str, Any], value: object) -> list[str]:
    """What is wrong with a value; nothing if it fits the schema."""
    whole = {**schema, "components": document()["components"]}
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message[:200]}"
        for error in OAS30WriteValidator(whole, format_checker=FORMATS).iter_errors(value)
    ]


def request_faults(request: httpx.Request) -> list[str]:
    """Every way in which a request departs from the document; nothing if it fits."""
    place = place_of(request)
    if place is None:
        return [f"no operation: {request.method} {request.url}"]
    head = [*_address_faults(request, place), *_key_faults(request), *_accept_faults(request, place)]
    return [*head, *_body_faults(request, place.operation.get("requestBody"))]


def _address_faults(request: httpx.Request, place: Place) -> Iterator[str]:
    if _server(request) is None:
        yield f"no server of the document: {request.url}"
    path = request.url.raw_path.decode().split("?")[0]
    if request.url.query:
        yield f"query: the document has none: {request.url.query!r}"
    found = pattern_of(place.path).fullmatch(path)
    values = dict(zip(re.findall(r"\{([^}]+)\}", place.path), found.groups() if found else (), strict=True))
    for parameter in map(resolve, place.operation.get("parameters", ())):
        if parameter["in"] == "path":
            faults = schema_faults(parameter["schema"], unquote(values[parameter["name"]]))
            yield from (f"{parameter['name']}: {fault}" for fault in faults)
        elif parameter.get("required") and parameter["name"] not in request.headers:
            yield f"{parameter['name']}: required, and not sent"


def _key_faults(request: httpx.Request) -> Iterator[str]:
    schemes = document()["components"]["securitySchemes"]
    names = {name: scheme["name"].lower() for name, scheme in schemes.items()}
    server = _server(request)
    wanted = names[server["x-api-key-scheme"]] if server else None
    for name in names.values():
        values = request.headers.get_list(name)
        if name == wanted and (len(values) != 1 or not values[0].strip()):
            yield f"key: {name} must be sent once, and not empty"
        if name != wanted and values:
            yield f"key: {name} is another server's header"
    if "authorization" in request.headers:
        yield "key: authorization is no header of the document's"


def _accept_faults(request: httpx.Request, place: Place) -> Iterator[str]:
    accepted = {entry.split(";")[0].strip() for entry in request.headers.get("accept", "*/*").split(",")}
    for response in map(resolve, place.operation["responses"].values()):
        for media_type in response.get("content", {}):
            if not {media_type, media_type.split("/")[0] + "/*", "*/*"} & accepted:
                yield f"accept: {media_type} is documented and not accepted"


def _body_faults(request: httpx.Request, body: dict[str, Any] | None) -> Iterator[str]:
    sent = request.headers.get("content-type")
    if body is None:
        if request.content or sent is not None:
            yield "body: the operation takes none"
        return
    media_type = (sent or "").split(";")[0].strip().lower()
    media = resolve(body)["content"].get(media_type)
    if media is None:
        yield f"content-type: {sent!r} is not documented"
        return
    try:
        value = Answer(0, body=request.content).json()
    except ValueError as error:
        yield f"body: no JSON: {error}"
        return
    schema = resolve(media["schema"])
    yield from schema_faults(schema, value)
    if isinstance(value, dict):
        unknown = sorted(set(value) - set(schema["properties"]))
        yield from (f"{name}: not a field of the document" for name in unknown)


def _server(request: httpx.Request) -> dict[str, Any] | None:
    url = str(request.url)
    return next((one for one in document()["servers"] if url.startswith(one["url"] + "/")), None)
