"""Every operation of the document through the generated functions: what is sent, what answers become."""

import asyncio
import copy
import importlib
import json
import logging
import pkgutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import respx

import kling_elements as k
import kling_elements_api
from contract_tests.schema.exercised import record
from contract_tests.support.contract import document
from contract_tests.support.loopback import keeping_alive
from kling_elements.document import Document
from spec.tools.generator_input import for_generator
from spec.tools.proof import Question
from spec.tools.proof_child import Operation
from spec.tools.proof_values import plain, same

KEY = "a-key-of-some-length"
FOUND = [one.name for one in pkgutil.walk_packages(kling_elements_api.__path__, "kling_elements_api.")]
MODULES = {name.rsplit(".", 1)[1].replace("_", ""): name for name in FOUND}
ASKED = Question.of(document(), for_generator(document(), [])).operations
ANY = ASKED[0]
Change = Callable[..., None]


def operation_of(asked: dict[str, Any]) -> Operation:
    name = MODULES["".join(filter(str.isalnum, asked["id"].lower()))]
    return Operation(importlib.import_module(name), "kling_elements_api", asked)


def given_to(asked: dict[str, Any]) -> tuple[dict[Any, Any], Any]:
    """The fullest arguments that the document allows."""
    parameters = {(one["in"], one["name"]): (one, 0) for one in asked["parameters"] if one["values"]}
    bodies = [(body, body["values"][0]) for body in asked["bodies"] or () if body["values"]]
    return parameters, bodies[0] if bodies else None


def call(client: Any, asked: dict[str, Any], kind: str = "sync") -> Any:
    operation = operation_of(asked)
    arguments = operation.arguments(*given_to(asked))
    if kind == "sync":
        return operation.module.sync_detailed(client=client, **arguments)
    return asyncio.run(operation.module.asyncio_detailed(client=client, **arguments))


both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@pytest.fixture
def route() -> Iterator[respx.Route]:
    with respx.mock(assert_all_called=False, assert_all_mocked=True) as router:
        yield router.route().respond(401, json={"message": "m"})


@both_kinds
@pytest.mark.parametrize("asked", ASKED, ids=lambda one: one["id"])
def test_each_request_and_answer_is_the_documents(
    route: respx.Route, asked: dict[str, Any], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The origin gets the document's request and the key, each answer is parsed, and no log has the key."""
    caplog.set_level(logging.DEBUG)
    client = k.generated_client(KEY)
    for answer in asked["answers"]:
        value, media_type = answer["values"][0], answer["media_type"]
        content = value if answer["json"] is None else json.dumps(value)
        route.respond(answer["status"], content_type=media_type, content=content.encode())
        got = call(client, asked, kind)
        sent = route.calls.last.request
        operation_of(asked).check_request(sent, *given_to(asked))
        assert str(sent.url).startswith(document()["servers"][0]["url"] + "/")
        assert sent.headers["x-freepik-api-key"] == KEY
        assert "authorization" not in sent.headers
        assert int(got.status_code) == answer["status"]
        assert not answer["json"] or same(plain(got.parsed), value)
        record("client", sent.method, sent.url.path, answer["status"], media_type)
    assert KEY not in caplog.text


TASK = {"task_id": "6f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5", "status": "CREATED"}


@both_kinds
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(520, text="<html>"), k.ApiError),
        (httpx.Response(503, text="<html>"), k.ApiError),
        (httpx.Response(200, text="<html>"), k.ResponseFormatError),
        (httpx.Response(200, json={"data": 1}), k.ResponseFormatError),
        (httpx.Response(200, json={"data": {**TASK, "status": "NEW"}}), k.ResponseFormatError),
        (httpx.Response(400, json=["bad"]), k.ApiError),
        (httpx.Response(302, headers={"location": "https://elsewhere.example/"}), k.ApiError),
        (httpx.ConnectError("no route"), k.ConnectionFailed),
        (httpx.ReadTimeout("slow"), k.OutcomeUnknown),
    ],
)
def test_whatever_comes_is_one_of_our_errors(
    route: respx.Route, kind: str, answer: Any, error: type[k.KlingError]
) -> None:
    """Edge pages, redirects and broken connections raise our errors; a POST that was sent is in doubt."""
    route.mock(side_effect=[answer])
    create = next(one for one in ASKED if one["method"] == "post")
    with pytest.raises(error) as caught:
        call(k.generated_client(KEY), create, kind)
    said = getattr(caught.value, "body", None) or ""
    assert TASK["task_id"] not in said or caught.value.task_id == TASK["task_id"]  # a paid task
    assert route.call_count == 1
    assert KEY not in repr(caught.value)


def test_nothing_shows_the_key_and_nothing_works_after_close(route: respx.Route) -> None:
    """The key is in no repr, field or pickle; a client of ours closes its own."""
    with k.KlingElements(KEY, journal=False) as client:
        generated = client.generated
        assert client.generated is generated
        assert KEY not in repr(generated) + repr([getattr(generated, name, "") for name in dir(generated)])

    async def asynchronously() -> Any:
        async with k.AsyncKlingElements(KEY, journal=False) as other:
            return other.generated

    for closed, kind in ((generated, "sync"), (asyncio.run(asynchronously()), "async")):
        with pytest.raises((k.ValidationError, RuntimeError), match="closed"):
            call(closed, ANY, kind)
    assert route.call_count == 0
    with pytest.raises(k.ValidationError, match="no API key"):
        k.generated_client()


def test_close_ends_the_connections() -> None:
    """A connection that was kept for the next look does not outlive the client."""
    look = next(one for one in ASKED if one["method"] == "get")
    with keeping_alive() as served:
        before = {*threading.enumerate()}
        client = k.generated_client(KEY, served.url)
        with pytest.raises(k.ResponseFormatError):
            call(client, look)
        client.close()
        for thread in {*threading.enumerate()} - before:
            if not thread.name.startswith("kling-elements"):
                thread.join(5)  # the server's, which reads until the client has left
                assert not thread.is_alive()


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Change:
    """Change the first operation of the document, as an added page could say it."""

    def change(schemes: dict[str, Any], **said: Any) -> None:
        made = copy.deepcopy(document())
        made["components"]["securitySchemes"].update(schemes)
        made["paths"][ANY["path"]][ANY["method"]].update(said)
        monkeypatch.setattr("kling_elements.generated.load_document", lambda: Document(made))

    return change


BEARER = {"type": "http", "scheme": "bearer"}
QUERY = {"type": "apiKey", "in": "query", "name": "key"}
COOKIE = {"type": "apiKey", "in": "cookie", "name": "sid"}


@pytest.mark.parametrize(
    ("scheme", "security", "seen"),
    [
        (BEARER, [{"other": []}], ("authorization", f"Bearer {KEY}")),
        (QUERY, [{"other": []}], ("key", KEY)),
        (COOKIE, [{"other": []}], ("cookie", f"sid={KEY}")),
        (BEARER, [{"other": []}, {"apiKey": []}], ("x-freepik-api-key", KEY)),
        (BEARER, [], None),
    ],
)
def test_the_key_goes_where_the_document_says(
    route: respx.Route, changed: Change, scheme: Any, security: Any, seen: tuple[str, str] | None
) -> None:
    """The scheme of an operation decides where its key goes, and it goes there alone; or nowhere."""
    changed({"other": scheme}, security=security)
    call(k.generated_client(KEY), ANY)
    sent = route.calls.last.request
    pairs = [*sent.headers.multi_items(), *sent.url.params.multi_items()]
    assert [pair for pair in pairs if KEY in pair[1]] == [seen] * (seen is not None)


def test_the_key_goes_to_no_other_host(route: respx.Route, changed: Change) -> None:
    """An operation of another vendor's host is refused, until a client is made for that host."""
    changed({}, servers=[{"url": "https://other.example"}])
    with pytest.raises(k.ValidationError, match=r"base_url='https://other\.example'"):
        call(k.generated_client(KEY), ANY)
    assert route.call_count == 0
    call(k.generated_client(KEY, "https://other.example"), ANY)
    assert route.calls.last.request.url.host == "other.example"
    with pytest.raises(k.ValidationError, match="is of https"):
        call(k.generated_client(KEY, "https://other.example"), ASKED[-1])
