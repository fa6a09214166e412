"""What is sent: method, path, headers and body, and nothing at all on invalid input."""

from __future__ import annotations

import base64
import json
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, IMAGE, completed, png, reply, shown
from contract_tests.support.clients import Script
from contract_tests.support.contract import key_headers, place, request_schema
from kling_elements import ValidationError
from kling_elements_api.models import KlingElementsRequestAspectRatio, KlingElementsRequestDuration

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from contract_tests.support.clients import Driver

SERVERS = list(key_headers().items())
PROPERTIES: dict[str, Any] = request_schema()["properties"]


class Length(Enum):
    """An enum of a caller's own, whose members are no strings."""

    LONG = "10"


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


def test_create_is_the_documents_operation(any_driver: Driver) -> None:
    """Create is sent once, to the document's method and path, as JSON in UTF-8."""
    server = Script.of(shown())
    any_driver.open(server).create([IMAGE], prompt="Gruß 日本", duration="10")
    method, path = place("createKlingElementsStdTask")
    [request] = server.requests
    assert (request.method, request.url.path) == (method, path)
    assert str(request.url).startswith(SERVERS[0][0])
    assert request.headers["content-type"] == "application/json"
    assert body(request) == {"images": [IMAGE], "prompt": "Gruß 日本", "duration": "10"}
    assert "Gruß 日本".encode() in request.content


def test_status_and_list_are_the_documents_operations(driver: Driver) -> None:
    """Status and list go to their own paths, without a body: the status path has no `-std`."""
    server = Script.of(shown(), reply(body={"data": []}))
    client = driver.open(server)
    client.get(ID)
    client.list()
    status, listing = server.requests
    method, path = place("getKlingElementsTask")
    assert (status.method, status.url.path) == (method, path.replace("{task-id}", ID))
    assert (listing.method, listing.url.path) == place("listKlingElementsStdTasks")
    assert [request.content for request in server.requests] == [b"", b""]
    assert all("content-type" not in request.headers for request in server.requests)
    assert all(request.headers["accept"].startswith("application/json") for request in server.requests)


def test_none_and_enum_members(driver: Driver) -> None:
    """None leaves a field out, defaults are left to the service, and generated enums count by value."""
    server = Script.of(shown())
    driver.open(server).create(
        IMAGE,
        prompt=None,
        duration=KlingElementsRequestDuration.SECONDS_5,
        aspect_ratio=KlingElementsRequestAspectRatio.SQUARE_1_1,
    )
    assert body(server.requests[0]) == {"images": [IMAGE], "duration": "5", "aspect_ratio": "square_1_1"}
    server = Script.of(shown())
    driver.open(server).create([IMAGE], duration=Length.LONG)
    assert body(server.requests[0]) == {"images": [IMAGE], "duration": "10"}
    server = Script.of(shown())
    driver.open(server).create([IMAGE])
    assert body(server.requests[0]) == {"images": [IMAGE]}


def test_local_images_are_sent_as_base64(driver: Driver, tmp_path: Path) -> None:
    """Paths, bytes and base64 text become base64 in `images`, in the caller's order, beside URLs."""
    picture = png()
    text = base64.b64encode(picture).decode()
    file = tmp_path / "a.png"
    file.write_bytes(picture)
    server = Script.of(shown())
    driver.open(server).create([str(file), IMAGE, picture, file])
    assert body(server.requests[0])["images"] == [text, IMAGE, text, text]


MOST_IMAGES = PROPERTIES["images"]["maxItems"]
MOST_PROMPT = PROPERTIES["prompt"]["maxLength"]

# What is given, and a word of the problem: the field's name, what was given, or what was meant.
INVALID: list[tuple[dict[str, Any], str]] = [
    ({"duration": 5}, "duration must be the string '5' or '10': got the integer 5"),
    ({"duration": "5s"}, "got the string '5s'"),
    ({"duration": True}, "got the boolean True"),
    ({"duration": float("nan")}, "got the number nan"),
    ({"duration": 10**5000}, "duration must be"),
    ({"aspect_ratio": "16:9"}, "(did you mean 'widescreen_16_9'?)"),
    ({"aspect_ratio": "square_11"}, "(did you mean 'square_1_1'?)"),
    ({"image": IMAGE}, "(did you mean 'images'?)"),
    ({"zzz": 1}, "zzz is not a field of the request"),
    ({"prompt": 5}, "prompt must be a string"),
    ({"prompt": object()}, "prompt must be a string"),
    ({"prompt": "a\ud800"}, "prompt holds half of a surrogate pair"),
    ({"prompt": "x" * (MOST_PROMPT + 1)}, f"at most {MOST_PROMPT} characters"),
    ({"images": ["https://a.example/\ud800"]}, "images[0]"),
    ({"images": []}, "images must have at least 1 item"),
    ({"images": [IMAGE] * (MOST_IMAGES + 1)}, f"images must have at most {MOST_IMAGES} items"),
    ({"images": None}, "images must be"),
    ({"images": [IMAGE, None]}, "images[1]"),
    ({"images": {"a": IMAGE}}, "images must be"),
    ({"images": ["nowhere/at-all.png"]}, "images[0]"),
    ({"images": [png(100, 100)]}, "images[0]"),
    ({"webhook_url": "hooks.example"}, "webhook_url"),
    ({"webhook_url": "file:///etc/passwd"}, "webhook_url"),
    ({"webhook_url": "http://[::1"}, "webhook_url"),
    ({"model": "pro-max"}, "model must be"),
    ({"model": []}, "model must be"),
]


@pytest.mark.parametrize(("fields", "words"), INVALID, ids=[row[1][:40] for row in INVALID])
def test_invalid_input_sends_nothing(driver: Driver, fields: dict[str, Any], words: str) -> None:
    """Invalid input is an error that names the field and what was meant, and nothing is sent."""
    server = Script.of(completed())
    for operation in ("create", "generate"):
        asked = {"images": [IMAGE], **fields}
        with pytest.raises(ValidationError) as caught:
            getattr(driver.open(server), operation)(asked.pop("images"), **asked)
        assert words in str(caught.value)
    assert server.requests == []


def test_all_faults_are_told_at_once(driver: Driver) -> None:
    """One error lists every fault, a sentence for each."""
    with pytest.raises(ValidationError) as caught:
        driver.open(Script.of(shown())).create([IMAGE, None], duration=5, promt="x")
    names = [problem.split()[0] for problem in caught.value.problems]
    assert sorted(names) == ["duration", "images[1]:", "promt"]


@pytest.mark.parametrize(
    "task_id",
    ["", "..", "a/b", "a?b", "a b", "abc\n", "é", "\ud800", "x" * 129, None, 5, b"x"],
)
def test_odd_ids_are_not_asked_for(driver: Driver, task_id: object) -> None:
    """An id that would change the path, or that the document refuses, is refused before anything is sent."""
    server = Script.of(shown())
    client = driver.open(server)
    for call in (client.get, client.wait):
        with pytest.raises(ValidationError, match="task-id"):
            call(task_id)
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"timout": 5}, "timout is not an option of wait (did you mean 'timeout'?)"),
        ({"timeout": "5"}, "timeout must be a number of seconds: got '5'"),
        ({"timeout": True}, "timeout must be a number of seconds: got True"),
        ({"timeout": -1}, "timeout must be zero or more seconds: got -1"),
        ({"timeout": float("nan")}, "timeout must be zero or more seconds: got nan"),
        ({"poll_interval": -0.1}, "poll_interval must be zero or more seconds"),
        ({"on_update": 5}, "on_update must be a function: got int"),
        ({"sleep": 5}, "sleep must be a function: got int"),
    ],
)
def test_odd_options_of_wait_are_told_first(driver: Driver, options: dict[str, Any], sentence: str) -> None:
    """What `wait` can't use is told before anything is sent: by `generate`, before money is spent."""
    server = Script.of(completed())
    client = driver.open(server)
    with pytest.raises(ValidationError) as caught:
        client.wait(ID, **options)
    assert sentence in str(caught.value)
    with pytest.raises(ValidationError):
        client.generate([IMAGE], **options)
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hook", "HTTPS://hooks.example"])
def test_a_webhook_may_have_either_scheme(driver: Driver, url: str) -> None:
    """https, and http for trials with the mock, in letters of any size; it is sent as it was given."""
    server = Script.of(shown())
    driver.open(server).create([IMAGE], webhook_url=url)
    assert body(server.requests[0])["webhook_url"] == url
