"""Every operation of the document through the generated functions: what is sent, what answers become."""

from __future__ import annotations

import asyncio
import copy
import importlib
import json
import logging
import pkgutil
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

import kling_elements_api
from contract_tests.schema.exercised import record
from contract_tests.support.contract import document
from kling_elements import (
    ApiError,
    AsyncKlingElements,
    ConnectionFailed,
    KlingElements,
    KlingError,
    OutcomeUnknown,
    ResponseFormatError,
    ValidationError,
    generated_client,
)
from kling_elements.document import Document
from kling_elements_mock import MockSettings, serve
from spec.tools.generator_input import for_generator
from spec.tools.proof import Question
from spec.tools.proof_child import Operation
from spec.tools.proof_values import plain, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "a-key-of-some-length"
MODULES = {
    module.name.rsplit(".", 1)[1].replace("_", ""): module.name
    for module in pkgutil.walk_packages(kling_elements_api.__path__, "kling_elements_api.")
}
ASKED = Question.of(document(), for_generator(document(), [])).operations
ANY = ASKED[0]


def operation_of(asked: dict[str, Any]) -> Operation:
    name = MODULES["".join(filter(str.isalnum, asked["id"].lower()))]
    return Operation(importlib.import_module(name), "kling_elements_api", asked)


def given_to(asked: dict[str, Any]) -> tuple[dict[Any, Any], Any]:
    """The fullest arguments that the document allows."""
    parameters = {(one["in"], one["name"]): (one, 0) for one in asked["parameters"] if one["values"]}
    bodies = [(body, body["values"][0]) for body in asked["bodies"] or () if body["values"]]
    return parameters, bodies[0] if bodies else None


def call(client: Any, asked: dict[str, Any], kind: str) -> Any:
    operation = operation_of(asked)
    arguments = operation.arguments(*given_to(asked))
    if kind == "sync":
        return operation.module.sync_detailed(client=client, **arguments)

    async def wait() -> Any:
        return await operation.module.asyncio_detailed(client=client, **arguments)

    return asyncio.run(wait())


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False, assert_all_mocked=True) as router:
        yield router


@pytest.mark.parametrize("asked", ASKED, ids=lambda one: one["id"])
def test_each_request_and_answer_is_the_documents(
    service: respx.MockRouter, asked: dict[str, Any], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The origin gets the document's request and the key, each answer is parsed, and no log has the key."""
    caplog.set_level(logging.DEBUG)
    client = generated_client(KEY)
    for answer in asked["answers"]:
        value = answer["values"][0]
        content = value if answer["json"] is None else json.dumps(value)
        route = service.route().mock(
            return_value=httpx.Response(
                answer["status"], headers={"content-type": answer["media_type"]}, content=content.encode()
            )
        )
        got = call(client, asked, kind)
        sent = route.calls.last.request
        operation_of(asked).check_request(sent, *given_to(asked))
        assert str(sent.url).startswith(document()["servers"][0]["url"] + "/")
        assert sent.headers["x-freepik-api-key"] == KEY
        assert "authorization" not in sent.headers
        assert int(got.status_code) == answer["status"]
        assert not answer["json"] or same(plain(got.parsed), value)
        record("client", sent.method, sent.url.path, answer["status"], answer["media_type"])
    assert KEY not in caplog.text


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    with serve(MockSettings(keys=(KEY,))) as served:
        yield served.url


@pytest.mark.parametrize("asked", ASKED, ids=lambda one: one["id"])
def test_the_mock_understands_each_call(mock: str, asked: dict[str, Any], kind: str) -> None:
    """Over a socket, the mock gives each call a documented answer, and takes the key."""
    got = call(generated_client(KEY, mock), asked, kind)
    assert int(got.status_code) in {200, 201, 202, 204, 404}
    assert got.parsed is not None


TASK = {"task_id": "6f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5", "status": "CREATED"}


def _redirect(request: httpx.Request) -> httpx.Response:
    return httpx.Response(302, headers={"location": "https://elsewhere.example/"}, request=request)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda _: httpx.Response(520, text="<html>"), ApiError),
        (lambda _: httpx.Response(200, text="<html>"), ResponseFormatError),
        (lambda _: httpx.Response(503, text="<html>"), ApiError),
        (lambda _: httpx.Response(200, json={"data": 1}), ResponseFormatError),
        (lambda _: httpx.Response(200, json={"data": {**TASK, "status": "NEW"}}), ResponseFormatError),
        (lambda _: httpx.Response(400, json=["bad"]), ApiError),
        (_redirect, ApiError),
        (httpx.ConnectError("no route"), ConnectionFailed),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
    ],
)
def test_whatever_comes_is_one_of_our_errors(
    service: respx.MockRouter, kind: str, answer: Any, error: type
) -> None:
    """Edge pages, redirects and broken connections raise our errors; a POST that was sent is in doubt."""
    route = service.route()
    route.mock(side_effect=answer)
    create = next(one for one in ASKED if one["method"] == "post")
    with pytest.raises(KlingError) as caught:
        call(generated_client(KEY), create, kind)
    assert isinstance(caught.value, error)
    said = getattr(caught.value, "body", None) or ""
    assert TASK["task_id"] not in said or caught.value.task_id == TASK["task_id"]  # a paid task
    assert route.call_count == 1
    assert KEY not in repr(caught.value)


def test_nothing_shows_the_key_and_nothing_works_after_close(service: respx.MockRouter) -> None:
    """The key is in no repr, field or pickle; a client of ours closes its own."""
    service.route().mock(return_value=httpx.Response(200, json={}))
    with KlingElements(KEY, journal=False) as client:
        generated = client.generated
        assert client.generated is generated
        assert KEY not in repr(generated) + repr([getattr(generated, name, "") for name in dir(generated)])
    with pytest.raises((ValidationError, RuntimeError), match="closed"):
        call(generated, ANY, "sync")

    async def asynchronously() -> None:
        async with AsyncKlingElements(KEY, journal=False) as other:
            mine = other.generated
        with pytest.raises((ValidationError, RuntimeError), match="closed"):
            await operation_of(ANY).module.asyncio_detailed(
                client=mine, **operation_of(ANY).arguments(*given_to(ANY))
            )

    asyncio.run(asynchronously())
    with pytest.raises(ValidationError, match="no API key"):
        generated_client()


BEARER = {"type": "http", "scheme": "bearer"}
QUERY = {"type": "apiKey", "in": "query", "name": "key"}
COOKIE = {"type": "apiKey", "in": "cookie", "name": "sid"}


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change the first operation of the document, as an added page could say it."""

    def change(schemes: dict[str, Any], **said: Any) -> None:
        made = copy.deepcopy(document())
        made["components"]["securitySchemes"].update(schemes)
        made["paths"][ANY["path"]][ANY["method"]].update(said)
        monkeypatch.setattr("kling_elements.generated.load_document", lambda: Document(made))

    return change


@pytest.mark.parametrize(
    ("schemes", "security", "seen"),
    [
        ({"other": BEARER}, [{"other": []}], ("header", "authorization", f"Bearer {KEY}")),
        ({"other": QUERY}, [{"other": []}], ("query", "key", KEY)),
        ({"other": COOKIE}, [{"other": []}], ("header", "cookie", f"sid={KEY}")),
        ({"other": BEARER}, [{"other": []}, {"apiKey": []}], ("header", "x-freepik-api-key", KEY)),
        ({}, [], None),
    ],
)
def test_the_key_goes_where_the_document_says(
    service: respx.MockRouter, changed: Callable[..., None], schemes: Any, security: Any, seen: Any
) -> None:
    """The scheme of an operation decides where its key goes; without one, none is sent."""
    changed(schemes, security=security)
    route = service.route().mock(return_value=httpx.Response(401, json={"message": "m"}))
    call(generated_client(KEY), ANY, "sync")
    sent = route.calls.last.request
    if seen is None:
        assert KEY not in str(sent.headers.multi_items()) + str(sent.url)
    else:
        where, name, value = seen
        assert (sent.headers if where == "header" else sent.url.params)[name] == value
    assert "x-freepik-api-key" not in sent.headers or (seen and seen[1] == "x-freepik-api-key")


def test_the_key_goes_to_no_other_host(service: respx.MockRouter, changed: Callable[..., None]) -> None:
    """An operation of another vendor's host is refused, until a client is made for that host."""
    changed({}, servers=[{"url": "https://other.example"}])
    route = service.route().mock(return_value=httpx.Response(401, json={"message": "m"}))
    with pytest.raises(ValidationError, match=r"base_url='https://other\.example'"):
        call(generated_client(KEY), ANY, "sync")
    assert route.call_count == 0
    call(generated_client(KEY, "https://other.example"), ANY, "sync")
    assert route.calls.last.request.url.host == "other.example"
    with pytest.raises(ValidationError, match="is of https"):
        call(generated_client(KEY, "https://other.example"), ASKED[-1], "sync")
