"""Every operation of the document is reachable from the public client; a new one without a home fails."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import httpx
import pytest
import respx

from contract_tests.schema.client.homes import CALLBACK_HOMES, HOMES, callback_operations
from contract_tests.support.clients import KEY
from contract_tests.support.contract import document
from contract_tests.support.judge import Place, place_of, places, request_faults
from kling_elements import ApiError, AsyncKlingElements, KlingElements, OutcomeUnknown, webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.support.clients import Driver

HOUSED = [place for place in places() if place.operation_id in HOMES]


def test_no_home_is_left_over() -> None:
    """Each public name belongs to an operation or callback of the document."""
    assert set(HOMES) <= {place.operation_id for place in places()}
    assert set(CALLBACK_HOMES) <= {operation["operationId"] for operation in callback_operations()}


@pytest.fixture
def service() -> Iterator[respx.MockRouter]:
    """The document's operations, each answering with its first example, and a store of files."""
    with respx.mock(assert_all_called=False) as router:
        for place in places():
            path = "[^/]+".join(map(re.escape, re.split(r"\{[^}]+\}", place.path)))
            examples = place.operation["responses"]["200"]["content"]["application/json"]["examples"]
            example = next(iter(examples.values()))["value"]
            for server in document()["servers"]:
                router.route(method=place.method, url__regex=f"^{re.escape(server['url'])}{path}$").mock(
                    return_value=httpx.Response(200, json=example)
                )
        router.route(method="PUT").mock(return_value=httpx.Response(200))
        yield router


@pytest.mark.parametrize("place", HOUSED, ids=lambda place: place.operation_id)
def test_homes_lead_to_their_operations(driver: Driver, place: Place, service: respx.MockRouter) -> None:
    """What a public method sends is the operation that it is the home of, on both clients."""
    url = document()["servers"][-1]["url"]
    HOMES[place.operation_id].call(driver.open(None, base_url=url))
    sent = [call.request for call in service.calls]
    asked = [request for request in sent if str(request.url).startswith(url)]
    assert place in map(place_of, asked)
    assert len(asked) == (2 if HOMES[place.operation_id].is_step else 1)
    assert [fault for request in asked for fault in request_faults(request)] == []
    for request in sent:
        assert request in asked or KEY not in str(request.headers.raw)


@pytest.mark.parametrize("location", ["https://elsewhere.example/", "/elsewhere"])
def test_redirects_are_not_followed(driver: Driver, location: str, service: respx.MockRouter) -> None:
    """A redirect, to another host or within the service, is not followed: the key stays where it belongs."""
    for route in service.routes:
        route.mock(return_value=httpx.Response(307, headers={"location": location}))
    kinds: dict[str, type[OutcomeUnknown | ApiError]] = {
        "createKlingElementsStdTask": OutcomeUnknown,
        "getKlingElementsTask": ApiError,
    }
    for name, kind in kinds.items():
        with pytest.raises(kind) as caught:
            HOMES[name].call(driver.open(None))
        assert isinstance(caught.value, OutcomeUnknown | ApiError)
        assert caught.value.status_code == 307
    assert [place_of(sent.request) is not None for sent in service.calls] == [True, True]


def test_homes_are_public_and_the_same_on_both_clients() -> None:
    """The methods have the same names and parameters on both clients; webhooks' are public too."""
    for method in {home.method for home in HOMES.values()} | {"wait", "generate"}:
        parameters = [
            list(inspect.signature(getattr(client, method)).parameters.values())
            for client in (KlingElements, AsyncKlingElements)
        ]
        ours, theirs = ([(p.name, p.kind, p.default) for p in found] for found in parameters)
        assert ours == theirs
        assert inspect.iscoroutinefunction(getattr(AsyncKlingElements, method))
        assert not inspect.iscoroutinefunction(getattr(KlingElements, method))
    assert set(CALLBACK_HOMES.values()) <= set(webhooks.__all__)
