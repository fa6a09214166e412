"""Admit a request or refuse it: first by its key, then by path, method, scenario and rate."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from attrs import frozen
from starlette.responses import Response

from kling_elements_mock.http.responses import Refused
from kling_elements_mock.settings import REFUSED_KEY_PREFIX
from kling_elements_mock.tasks.scenarios import HEADER, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements_mock.document.openapi import KeyPlace, Operation
    from kling_elements_mock.document.validation import Carried, Violation
    from kling_elements_mock.http.requests import MockRequest
    from kling_elements_mock.http.responses import Responses
    from kling_elements_mock.mock import Mock
    from kling_elements_mock.tasks.limits import Standing
    from kling_elements_mock.tasks.script import Script

_UNPROCESSABLE = 422  # some documents have it in the place of 400


@frozen
class Call:
    """A request that is admitted."""

    mock: Mock
    responses: Responses
    request: MockRequest
    operation: Operation
    carried: Carried  # what it carries beside its body
    owner: str  # a digest of the caller's key
    script: Script  # the effect of its scenarios
    standing: Standing  # the caller's rate limit

    def documented(self, status: int, hint: str = "") -> Response:
        """Return the documented response of a status."""
        return self.responses.documented(self.operation, status, self.request.accept, hint)

    def refused(
        self, status: int, message: str, violations: Sequence[Violation] = (), hint: str = ""
    ) -> Refused:
        """Return the documented error that names what is wrong, to be raised."""
        if not self.operation.documents(status) and self.operation.documents(_UNPROCESSABLE):
            status = _UNPROCESSABLE
        return Refused(
            self.responses.refusal(self.operation, status, self.request.accept, message, violations, hint)
        )


def admit(mock: Mock, responses: Responses, request: MockRequest) -> Call:
    """Admit a request, or raise Refused: 401 comes before anything else, as on the live service."""
    here, path_parameters = mock.document.match(request.sent_path)
    operation = here.get(request.method) or (here.get("GET") if request.method == "HEAD" else None)
    request.operation = operation
    nearest = operation or next(iter(here.values()), None)
    if request.method == "OPTIONS" and here and operation is None:
        raise Refused(Response(status_code=204, headers=_allow(here)))
    carried = request.carried(path_parameters)
    ways = mock.document.key_ways(nearest)
    owner = _owner_of(carried, ways, mock.settings.keys)
    if owner is None:
        is_given = any(_given(carried, place) for way in ways for place in way)
        hint = "invalid" if is_given else "missing"
        raise Refused(responses.documented(nearest, 401, request.accept, hint))
    if operation is None:
        raise Refused(_no_operation(responses, request, nearest, here))
    try:
        script = mock.script_for(request.fields.get(HEADER), mock.names_of(operation))
    except ScenarioError as error:
        raise Refused(responses.refusal(operation, 400, request.accept, str(error))) from None
    standing = mock.limiter.count(request.caller, mock.clock.monotonic())
    if standing.exceeded:
        response = responses.documented(operation, 429, request.accept, "rate")
        response.headers.update({"retry-after": str(standing.reset), **standing.headers()})
        raise Refused(response)
    return Call(mock, responses, request, operation, carried, owner, script, standing)


def _no_operation(
    responses: Responses, request: MockRequest, nearest: Operation | None, here: dict[str, Operation]
) -> Response:
    if nearest is None:
        return responses.refusal(None, 404, request.accept, f"No such path: {request.sent_path[:200]}")
    message = f"Method {request.method[:20]} is not allowed here"
    response = responses.refusal(nearest, 405, request.accept, message)
    response.headers.update(_allow(here))
    return response


def _allow(here: dict[str, Operation]) -> dict[str, str]:
    return {"allow": ", ".join(sorted({*here, "OPTIONS", *({"HEAD"} if "GET" in here else set())}))}


def _owner_of(carried: Carried, ways: Sequence[Sequence[KeyPlace]], accepted: tuple[str, ...]) -> str | None:
    """Return a digest of the request's key; None if there is no acceptable one.

    Each of `ways` is an alternative, whose places must all have a good key; without any, no key is needed.
    Without `accepted`, any key is good that does not begin with `invalid`.
    """
    if not ways:
        return "anybody"
    for way in ways:
        keys = [key for place in way if (key := _given(carried, place))]
        if len(keys) == len(way) and all(_is_good(key, accepted) for key in keys):
            return hashlib.sha256("".join(keys[:1]).encode("utf-8", "surrogateescape")).hexdigest()
    return None


def _is_good(key: str, accepted: tuple[str, ...]) -> bool:
    return key in accepted or (not accepted and not key.lower().startswith(REFUSED_KEY_PREFIX))


def _given(carried: Carried, place: KeyPlace) -> str:
    """Return the key in a place; of basic authentication the user and the password, or the user alone."""
    if place.part == "query":
        try:
            return parse_qs(carried.query, max_num_fields=1000).get(place.name, [""])[0].strip()
        except ValueError:
            return ""
    if place.part == "cookie":
        return carried.cookies.get(place.name, "").strip()
    value = carried.headers.get(place.name, "").strip()
    if place.name == "authorization" and value.startswith("Basic "):
        try:
            return base64.b64decode(value.removeprefix("Basic "), validate=True).decode().removesuffix(":")
        except ValueError:
            return value
    return value.removeprefix("Bearer ").strip() if place.name == "authorization" else value
