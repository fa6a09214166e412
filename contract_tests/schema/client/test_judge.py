"""The judge of requests bites: each way to depart from the document is told."""

import json
from typing import Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE
from contract_tests.support.contract import key_headers, place
from contract_tests.support.judge import Place, request_faults
from contract_tests.support.strategies import UnknownKeyword, values

CREATE, STATUS = (Place("", *place(name)) for name in ("createKlingElementsStdTask", "getKlingElementsTask"))
(FIRST, KEY_HEADER), (SECOND, OTHER_HEADER) = key_headers().items()
BODY = {"images": [IMAGE], "duration": "5"}
URL = FIRST + CREATE.path


def create(content: Any = BODY, url: str = URL, method: str = "POST", **changes: Any) -> httpx.Request:
    """A create that fits the document, but for what is changed; a header that is None is left out."""
    given = {"content-type": "application/json", KEY_HEADER: "k", **changes.get("headers", {})}
    headers = {name: value for name, value in given.items() if value is not None}
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    return httpx.Request(method, url, headers=headers, content=sent)


def status(task_id: str = ID, **changes: Any) -> httpx.Request:
    url = FIRST + STATUS.path.replace("{task-id}", task_id)
    return httpx.Request(STATUS.method, url, headers={KEY_HEADER: "k"}, **changes)


BAD = [
    (create(method="PUT"), "no operation"),
    (create(url=URL + "/"), "no operation"),
    (create(url="https://elsewhere.example" + CREATE.path), "no server"),
    (create(url=SECOND + CREATE.path), "key"),
    (create(url=URL + "?page=1"), "query"),
    (create(headers={KEY_HEADER: None}), "key"),
    (create(headers={KEY_HEADER: ""}), "key"),
    (create(headers={OTHER_HEADER: "k"}), "key"),
    (create(headers={"authorization": "Bearer k"}), "key: authorization"),
    (create(headers={"accept": "application/json"}), "accept"),
    (create(headers={"content-type": None}), "content-type"),
    (create(b'{"images": [NaN]}'), "body: no JSON: NaN"),
    (create(b'{"images": [], "images": ["x"]}'), "body: no JSON: an object has a name twice"),
    (create({}), "the whole"),
    (create({**BODY, "images": [5]}), "images.0"),
    (create({**BODY, "webhook_url": "https://ä.example"}), "webhook_url"),
    (create({**BODY, "image": IMAGE}), "image: not a field"),
    (status("a%20b"), "task-id"),
    (status(content=b"{}"), "body: the operation takes none"),
]


def test_departures_are_told() -> None:
    """A request that departs from the document in one way is complained of in the words of that way."""
    with_charset = create(headers={"content-type": "application/json; charset=utf-8"})
    assert [request_faults(request) for request in (create(), with_charset, status())] == [[], [], []]
    for request, complaint in BAD:
        faults = request_faults(request)
        assert any(fault.startswith(complaint) for fault in faults), (complaint, faults)


def test_unknown_limits_are_told() -> None:
    """A limit, a type or a format that nothing is generated for is told, and not passed over."""
    date = {"type": "string", "format": "date"}
    for schema in ({"type": "integer", "multipleOf": 5}, {"type": "file"}, date):
        with pytest.raises(UnknownKeyword, match="teach it"):
            values(schema)
