"""The judge of requests bites: each way to depart from the document is told."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE
from contract_tests.support.contract import key_headers, place
from contract_tests.support.judge import Place, place_of, request_faults
from contract_tests.support.strategies import UnknownKeyword, values

CREATE, STATUS = (Place("", *place(name)) for name in ("createKlingElementsStdTask", "getKlingElementsTask"))
(FIRST, KEY_HEADER), (SECOND, OTHER_HEADER) = key_headers().items()
BODY = {"images": [IMAGE], "duration": "5"}


def create(body: Any = None, content: bytes | None = None, **changes: Any) -> httpx.Request:
    """A create that fits the document, but for what is changed."""
    headers = {"content-type": "application/json", KEY_HEADER: "k", **changes.pop("headers", {})}
    sent = json.dumps(BODY if body is None else body).encode() if content is None else content
    kept = {name: value for name, value in headers.items() if value is not None}
    return httpx.Request(
        **{"method": CREATE.method, "url": FIRST + CREATE.path, **changes}, headers=kept, content=sent
    )


def status(task_id: str = ID, **changes: Any) -> httpx.Request:
    """A status that fits the document, but for what is changed."""
    url = FIRST + STATUS.path.replace("{task-id}", task_id)
    return httpx.Request(STATUS.method, url, headers={KEY_HEADER: "k"}, **changes)


def test_good_requests_pass() -> None:
    """Requests that fit the document are not complained of."""
    assert request_faults(create()) == []
    assert request_faults(create(headers={"content-type": "application/json; charset=utf-8"})) == []
    assert request_faults(status()) == []
    assert [found.path for found in map(place_of, (create(), status())) if found] == [
        CREATE.path,
        STATUS.path,
    ]


BAD = [
    (create(method="PUT"), "no operation"),
    (create(url=FIRST + CREATE.path + "/"), "no operation"),
    (create(url="https://elsewhere.example" + CREATE.path), "no server"),
    (create(url=SECOND + CREATE.path), "key"),
    (create(url=FIRST + CREATE.path + "?page=1"), "query"),
    (create(headers={KEY_HEADER: None}), "key"),
    (create(headers={KEY_HEADER: ""}), "key"),
    (create(headers={OTHER_HEADER: "k"}), "key"),
    (create(headers={"authorization": "Bearer k"}), "key: authorization"),
    (create(headers={"accept": "application/json"}), "accept"),
    (create(headers={"content-type": None}), "content-type"),
    (create(headers={"content-type": "application/x-www-form-urlencoded"}), "content-type"),
    (create(content=b""), "body: no JSON"),
    (create(content=b'{"images": [NaN]}'), "body: no JSON: NaN"),
    (create(content=b'{"images": [], "images": ["x"]}'), "body: no JSON: a member"),
    (create(content='{"images": ["ä"]}'.encode("latin-1")), "body: no JSON"),
    (create([]), "the whole"),
    (create({}), "the whole"),
    (create({**BODY, "duration": 5}), "duration"),
    (create({**BODY, "duration": None}), "duration"),
    (create({**BODY, "images": []}), "images"),
    (create({**BODY, "images": [IMAGE] * 5}), "images"),
    (create({**BODY, "images": [5]}), "images.0"),
    (create({**BODY, "prompt": "x" * 2501}), "prompt"),
    (create({**BODY, "webhook_url": "hooks.example"}), "webhook_url"),
    (create({**BODY, "webhook_url": "https://ä.example"}), "webhook_url"),
    (create({**BODY, "image": IMAGE}), "image: not a field"),
    (status("a%20b"), "task-id"),
    (status("x" * 129), "task-id"),
    (status(""), "task-id"),
    (status("a/b"), "no operation"),
    (status(content=b"{}"), "body: the operation takes none"),
]


@pytest.mark.parametrize(
    ("request_", "complaint"), BAD, ids=[f"{n}-{text}" for n, (_, text) in enumerate(BAD)]
)
def test_departures_are_told(request_: httpx.Request, complaint: str) -> None:
    """A request that departs from the document in one way is complained of in the words of that way."""
    faults = request_faults(request_)
    assert any(fault.startswith(complaint) for fault in faults), faults


def test_unknown_limits_are_told() -> None:
    """A limit, a type or a format that nothing is generated for is told, and not passed over."""
    for schema in (
        {"type": "integer", "multipleOf": 5},
        {"type": "file"},
        {"type": "string", "format": "date"},
    ):
        with pytest.raises(UnknownKeyword, match="teach it"):
            values(schema)
