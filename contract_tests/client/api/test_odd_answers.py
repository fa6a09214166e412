"""Answers that are odd in every way end as a task or as an error of the tree, and never as anything else."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.support.answers import ID, IMAGE, Pieces, reply, shown
from contract_tests.support.clients import Script
from kling_elements import ApiError, KlingError, OutcomeUnknown, ResponseFormatError, Task
from kling_elements.api.outcomes import Operation, Raise, Retry, Return, decide
from kling_elements.api.parsing import MAX_RESPONSE_BYTES
from kling_elements.types import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver

GOOD: dict[str, Any] = {"data": {"task_id": ID, "status": "IN_PROGRESS", "generated": []}}
TEXT = json.dumps(GOOD)
BIG = json.dumps({"data": {**GOOD["data"], "padding": "x" * 10_000_000}}).encode()
HTML = {"content-type": "text/html"}

# Each answers 200. What the status operation makes of it: a task's status word, or None for an error.
ODD: list[tuple[str, Callable[[httpx.Request], httpx.Response], str | None]] = [
    ("HTML", reply(content=b"<html><title>Hi</title></html>", headers=HTML), None),
    ("empty", reply(content=b""), None),
    ("white space", reply(content=b" \n\t"), None),
    ("truncated", reply(content=TEXT[:-9].encode()), None),
    ("cut by the network", reply(content=TEXT[:30].encode(), cut=httpx.ReadError("reset")), None),
    ("whole, then cut", reply(content=TEXT.encode(), cut=httpx.RemoteProtocolError("cut")), "IN_PROGRESS"),
    ("two documents", reply(content=TEXT.encode() * 2), None),
    ("null", reply(content=b"null"), None),
    ("a number", reply(content=b"5"), None),
    ("a string", reply(content=b'"x"'), None),
    ("a list", reply(body=[GOOD]), None),
    ("no data", reply(body={}), None),
    ("data of another kind", reply(body={"data": "x"}), None),
    ("data is null", reply(body={"data": None}), None),
    ("data is a list", reply(body={"data": [GOOD["data"]]}), None),
    ("no wrapper", reply(body=GOOD["data"]), None),
    ("no id", reply(body={"data": {"status": "CREATED"}}), None),
    ("an empty id", reply(body={"data": {"task_id": " ", "status": "CREATED"}}), None),
    ("a null id", reply(body={"data": {"task_id": None, "status": "CREATED"}}), None),
    ("no status", reply(body={"data": {"task_id": ID}}), None),
    ("a null status", reply(body={"data": {"task_id": ID, "status": None}}), None),
    ("an empty status", reply(body={"data": {"task_id": ID, "status": ""}}), None),
    ("a number for a status", reply(body={"data": {"task_id": ID, "status": 3}}), None),
    ("an unknown status", shown("QUEUED"), "QUEUED"),
    ("a status in lower case", shown("completed"), "completed"),
    ("a number for an id", reply(body={"data": {"task_id": 42, "status": "CREATED"}}), "CREATED"),
    ("an id of another form", shown(task_id="abc"), "CREATED"),
    ("no generated", reply(body={"data": {"task_id": ID, "status": "CREATED"}}), "CREATED"),
    ("null generated", reply(body={"data": {"task_id": ID, "status": "X", "generated": None}}), "X"),
    ("generated of a kind", reply(body={"data": {"task_id": ID, "status": "X", "generated": "u"}}), "X"),
    (
        "odd entries",
        reply(body={"data": {"task_id": ID, "status": "X", "generated": [None, 5, {}, ""]}}),
        "X",
    ),
    ("more fields", shown("CREATED", has_nsfw=[True], error=None, nested={"a": [1]}), "CREATED"),
    ("NaN", reply(content=TEXT.replace("[]", "[NaN, Infinity]").encode()), "IN_PROGRESS"),
    ("duplicate keys", reply(content=b'{"data":1,' + TEXT[1:].encode()), "IN_PROGRESS"),
    ("10 MB", reply(content=BIG), None),
    ("deep nesting", reply(content=b"[" * 100_000), None),
    ("deep and closed", reply(content=b'{"a":' * 50_000 + b"1" + b"}" * 50_000), None),
    ("a huge integer", reply(content=TEXT.replace("[]", "9" * 5000).encode()), None),
    ("a large integer", reply(content=TEXT.replace("[]", "9" * 400).encode()), "IN_PROGRESS"),
    ("another charset", reply(content=TEXT.replace("[]", '"\xe9"').encode("latin-1")), None),
    (
        "a charset that lies",
        reply(content=TEXT.encode(), headers={"content-type": "text/x; charset=klingon"}),
        "IN_PROGRESS",
    ),
    ("UTF-16", reply(content=TEXT.encode("utf-16")), "IN_PROGRESS"),
    ("a byte order mark", reply(content=b"\xef\xbb\xbf" + TEXT.encode()), "IN_PROGRESS"),
    ("no media type", reply(content=TEXT.encode(), headers={"content-type": ""}), "IN_PROGRESS"),
    ("JSON as HTML", reply(content=TEXT.encode(), headers=HTML), "IN_PROGRESS"),
    (
        "gzip",
        reply(content=gzip.compress(TEXT.encode()), headers={"content-encoding": "gzip"}),
        "IN_PROGRESS",
    ),
    ("gzip that is none", reply(content=TEXT.encode(), headers={"content-encoding": "gzip"}), "IN_PROGRESS"),
    ("control characters", reply(content=TEXT.replace("[]", '"\x00\x01"').encode()), None),
    ("half a character", reply(content=TEXT.replace("[]", '["\\ud800"]').encode()), "IN_PROGRESS"),
]
IDS = [row[0] for row in ODD]


@pytest.mark.parametrize(("step", "status"), [row[1:] for row in ODD], ids=IDS)
def test_odd_answers_to_a_status(
    driver: Driver, step: Callable[[httpx.Request], httpx.Response], status: str | None
) -> None:
    """An odd answer is a task if it has an id and a status where they belong, else a ResponseFormatError."""
    client = driver.open(Script.of(step))
    if status is not None:
        task = client.get(ID)
        assert task.status == status
        assert all(isinstance(url, str) and url for url in task.urls)
        return
    with pytest.raises(ResponseFormatError) as caught:
        client.get(ID)
    error = caught.value
    assert (error.status_code, error.request_id) == (200, "req-1")
    assert len(error.body) <= 64 * 1024
    assert len(str(error)) < 400


@pytest.mark.parametrize("step", [row[1] for row in ODD], ids=IDS)
def test_odd_answers_to_create_and_list(
    driver: Driver, step: Callable[[httpx.Request], httpx.Response]
) -> None:
    """To a create it is a task or OutcomeUnknown; to a list it is tasks or a ResponseFormatError."""
    client = driver.open(Script.of(step))
    outcomes: list[object] = []
    for call in (lambda: client.create([IMAGE]), client.list):
        try:
            outcomes.append(call())
        except KlingError as error:
            outcomes.append(error)
    created, listed = outcomes
    assert isinstance(created, (Task, OutcomeUnknown))
    assert created.request_id == "req-1"
    assert isinstance(listed, (list, ResponseFormatError))


def test_no_numbers_that_json_has_not(driver: Driver) -> None:
    """NaN and the infinities are null in a task's object, so that it can be stored as JSON."""
    step = reply(content=TEXT.replace("[]", '[], "a": NaN, "b": [Infinity, -Infinity]').encode())
    raw = driver.open(Script.of(step)).get(ID).raw
    assert (raw["a"], raw["b"]) == (None, [None, None])


def test_answers_without_end(driver: Driver) -> None:
    """An answer beyond the limit is cut there: a status can't be read, and a create keeps its id."""
    client = driver.open(Script.of(reply(content=TEXT[:-1].encode() + b" " * MAX_RESPONSE_BYTES + b"}")))
    with pytest.raises(ResponseFormatError, match="larger"):
        client.get(ID)
    assert client.create([IMAGE]).id == ID


LISTS = [
    {"data": [None]},
    {"data": ["x"]},
    {"data": [{}]},
    {"data": [[{"task_id": ID}]]},
    [GOOD["data"]],
    {"data": {}},
]


@pytest.mark.parametrize("body", LISTS)
def test_a_list_with_something_else_in_it(driver: Driver, body: object) -> None:
    """A list that holds anything but tasks is no list: a hidden task could be paid for twice."""
    with pytest.raises(ResponseFormatError):
        driver.open(Script.of(reply(body=body))).list()


def test_a_list_keeps_tasks_of_odd_status(driver: Driver) -> None:
    """A task of the list without a usable status is still listed."""
    body = {"data": [{"task_id": ID}, {"task_id": 7, "status": 5}]}
    assert [task.id for task in driver.open(Script.of(reply(body=body))).list()] == [ID, "7"]


BODIES = [
    b"",
    b"<html>x</html>",
    b'{"message":"m"}',
    b'{"message":',
    b"[1]",
    b"null",
    b"\xff\xfe\x00",
    b'"x"',
]


@pytest.mark.parametrize("status", [*range(100, 104), *range(200, 600), 600, 700, 999])
def test_every_status_code(status: int) -> None:
    """Every status code with every kind of body is decided, for every operation."""
    for body in BODIES:
        for operation in Operation:
            decision = decide(operation, Response(status, {}, body))
            if isinstance(decision, Return):
                assert operation is Operation.LIST or status < 300
            else:
                assert isinstance(decision, (Raise, Retry))
                assert isinstance(decision.error, KlingError)
                assert str(decision.error)


@pytest.mark.parametrize("status", [199, 226, 299, 306, 418, 451, 499, 520, 522, 527, 530, 599, 600, 999])
def test_status_codes_over_the_wire(driver: Driver, status: int) -> None:
    """Status codes that Python has no name for end in errors of the tree."""
    server = Script.of(lambda request: httpx.Response(status, stream=Pieces(b"<html>edge</html>")))
    client = driver.open(server)
    for call in client.operations():
        with pytest.raises(KlingError) as caught:
            call()
        if isinstance(caught.value, ApiError):
            assert caught.value.status_code == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "task_id",
                    "status",
                    "generated",
                    "message",
                    "problem",
                    "invalid_params",
                    "error",
                    "x",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    status=st.integers(100, 599),
    body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200),
    operation=st.sampled_from(Operation),
    headers=st.dictionaries(
        st.sampled_from(
            ["retry-after", "x-ratelimit-reset", "date", "location", "content-type", "x-request-id"]
        ),
        st.text(max_size=12),
    ),
)
def test_any_answer_is_decided(
    status: int, body: bytes, operation: Operation, headers: dict[str, str]
) -> None:
    """Any status, headers and body are decided, without another exception; a found id is in the body."""
    decision = decide(operation, Response(status, headers, body))
    if isinstance(decision, Return) and isinstance(decision.value, Task):
        assert decision.value.id
        assert isinstance(decision.value.status, str)
    elif not isinstance(decision, Return):
        assert str(decision.error).encode("utf-8")
