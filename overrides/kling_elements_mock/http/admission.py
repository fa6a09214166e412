"""Admit a request or refuse it: first by its key, then by path, method, scenario and rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from starlette.responses import Response

from kling_elements_mock.http.keys import KeyRefusedError, owner_of
from kling_elements_mock.http.responses import Refused
from kling_elements_mock.tasks.scenarios import HEADER, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_elements_mock.document.openapi import Operation
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
    try:
        ways = mock.document.key_ways(nearest)
        owner = owner_of(carried, ways, mock.settings.keys)
    except KeyRefusedError as error:
        raise Refused(responses.documented(nearest, 401, request.accept, str(error))) from None
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
