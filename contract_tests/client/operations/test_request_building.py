"""What is sent: method, path, headers and body, and nothing at all on invalid input."""

from __future__ import annotations

import base64
import json
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.answers import ID, IMAGE, completed, png, reply, shown
from contract_tests.support.clients import KEY, Script
from contract_tests.support.contract import key_headers, place, request_schema
from kling_elements import ValidationError
from kling_elements.api.endpoints import find_model
from kling_elements.api.requests import list_request, status_request
from kling_elements.operations.create_request import draft_request, finish_request
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


@pytest.mark.parametrize(("url", "header"), SERVERS)
def test_key_header_goes_by_the_host(driver: Driver, url: str, header: str) -> None:
    """Each server of the document gets the key in its own header, and in that one only."""
    server = Script.of(shown())
    driver.open(server, base_url=url).get(ID)
    [request] = server.requests
    assert request.headers[header] == KEY
    assert [name for name, value in request.headers.items() if KEY in value] == [header]
    assert KEY not in str(request.url)


def test_key_is_in_no_body_and_no_address(driver: Driver) -> None:
    """The key is in one header of a create, and nowhere else in it."""
    server = Script.of(shown())
    driver.open(server).create([IMAGE], prompt="x")
    [request] = server.requests
    assert KEY.encode() not in request.content
    assert KEY not in str(request.url)


def test_own_header_and_base_url_with_a_path(driver: Driver) -> None:
    """A header of the caller's choice carries the key, and a prefix of the base URL is kept."""
    server = Script.of(shown())
    driver.open(server, base_url="https://proxy.example/kling/", auth_header="X-Proxy-Key").get(ID)
    [request] = server.requests
    _, path = place("getKlingElementsTask")
    assert str(request.url) == "https://proxy.example/kling" + path.replace("{task-id}", ID)
    assert request.headers["x-proxy-key"] == KEY


def test_all_fields_are_sent_as_given(driver: Driver) -> None:
    """Every field of the document can be asked for, and comes out as it went in."""
    fields = {
        "prompt": "p",
        "negative_prompt": "n",
        "duration": "5",
        "aspect_ratio": PROPERTIES["aspect_ratio"]["enum"][1],
        "webhook_url": "https://hooks.example/x?y=z",
    }
    assert {"images", *fields} == set(PROPERTIES)
    server = Script.of(shown())
    driver.open(server).create([IMAGE], **fields)
    assert body(server.requests[0]) == {"images": [IMAGE], **fields}


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


CHOICES = " or ".join(map(repr, PROPERTIES["aspect_ratio"]["enum"]))
MOST_IMAGES = PROPERTIES["images"]["maxItems"]
MOST_PROMPT = PROPERTIES["prompt"]["maxLength"]

INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("integer duration", {"duration": 5}, "duration must be the string '5' or '10': got the integer 5"),
    ("other duration", {"duration": "7"}, "duration must be the string '5' or '10': got the string '7'"),
    ("suffixed duration", {"duration": "5s"}, "got the string '5s'"),
    ("true for a duration", {"duration": True}, "got the boolean True"),
    (
        "ratio in numbers",
        {"aspect_ratio": "16:9"},
        f"aspect_ratio must be the string {CHOICES}: got the string '16:9' (did you mean 'widescreen_16_9'?)",
    ),
    ("slip of the keys", {"aspect_ratio": "square_11"}, "(did you mean 'square_1_1'?)"),
    ("`image`", {"image": IMAGE}, "image is not a field of the request (did you mean 'images'?)"),
    ("`negativ_prompt`", {"negativ_prompt": "x"}, "(did you mean 'negative_prompt'?)"),
    ("far from any field", {"zzz": 1}, "zzz is not a field of the request"),
    ("no text", {"prompt": 5}, "prompt must be a string: got the integer 5"),
    ("bytes for text", {"prompt": b"x"}, "prompt must be a string: got the bytes b'x'"),
    ("a set for text", {"prompt": {"x"}}, "prompt must be a string: got the set {'x'}"),
    ("NaN", {"duration": float("nan")}, "got the number nan"),
    ("a huge integer", {"duration": 10**5000}, "duration must be the string '5' or '10'"),
    ("an object", {"prompt": object()}, "prompt must be a string: got the object"),
    ("half a character", {"prompt": "a\ud800"}, "prompt holds half of a surrogate pair"),
    ("half a character in a URL", {"images": ["https://a.example/\ud800"]}, "images[0]: the URL holds half"),
    (
        "long prompt",
        {"prompt": "x" * (MOST_PROMPT + 1)},
        f"at most {MOST_PROMPT} characters: got {MOST_PROMPT + 1}",
    ),
    ("no image", {"images": []}, "images must have at least 1 item: got none"),
    (
        "too many images",
        {"images": [IMAGE] * (MOST_IMAGES + 1)},
        f"images must have at most {MOST_IMAGES} items",
    ),
    ("None for images", {"images": None}, "images must be one image or a list of them: got NoneType"),
    ("None in images", {"images": [IMAGE, None]}, "images[1]: None is no image"),
    ("a dict of images", {"images": {"a": IMAGE}}, "images must be one image or a list of them: got dict"),
    ("a missing file", {"images": ["nowhere/at-all.png"]}, "images[0]: "),
    ("a small image", {"images": [png(100, 100)]}, "images[0]: the bytes object"),
    ("FTP", {"images": ["ftp://a.example/x.png"]}, "images[0]: "),
    ("webhook without scheme", {"webhook_url": "hooks.example"}, "webhook_url must be"),
    (
        "webhook by file",
        {"webhook_url": "file:///etc/passwd"},
        "webhook_url must be an http or https URL",
    ),
    ("webhook with a broken host", {"webhook_url": "http://[::1"}, "webhook_url must be a valid uri"),
    ("unknown model", {"model": "pro-max"}, "model must be"),
    ("no model", {"model": []}, "model must be"),
]


@pytest.mark.parametrize(
    ("fields", "sentence"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID]
)
@pytest.mark.parametrize("operation", ["create", "generate"])
def test_invalid_input_sends_nothing(
    driver: Driver, operation: str, fields: dict[str, Any], sentence: str
) -> None:
    """Invalid input is told in a sentence that names the field and what was meant, and nothing is sent."""
    server = Script.of(completed())
    asked = {"images": [IMAGE], **fields}
    with pytest.raises(ValidationError) as caught:
        getattr(driver.open(server), operation)(asked.pop("images"), **asked)
    assert sentence in str(caught.value)
    assert server.requests == []


def test_all_faults_are_told_at_once(driver: Driver) -> None:
    """One error lists every fault, a sentence for each."""
    with pytest.raises(ValidationError) as caught:
        driver.open(Script.of(shown())).create([IMAGE, None], duration=5, promt="x")
    names = [problem.split()[0] for problem in caught.value.problems]
    assert sorted(names) == ["duration", "images[1]:", "promt"]


NEEDED = "an http(s) URL, a path, bytes, an open binary file, a Pillow image or base64 text is needed"


def test_every_fault_to_the_letter(driver: Driver, tmp_path: Path) -> None:
    """Unknown names, then the schema's words, then images by their places, then what no schema can say."""
    server = Script.of(shown())
    url = f"ftp://hooks.example/{'x' * 60}"
    with pytest.raises(ValidationError) as caught:
        driver.open(server).create([None, IMAGE, 5], promt="x", duration=5, webhook_url=url)
    assert list(caught.value.problems) == [
        "promt is not a field of the request (did you mean 'prompt'?)",
        "duration must be the string '5' or '10': got the integer 5",
        f"images[0]: None is no image: {NEEDED}",
        f"images[2]: a value of type int is no image: {NEEDED}",
        f"webhook_url must be an http or https URL: got '{url[:60]}'",
    ]
    names = [tmp_path / "one.png", tmp_path / "two.png"]
    with pytest.raises(ValidationError) as caught:
        driver.open(server).create([names[0], IMAGE, names[1]])
    assert list(caught.value.problems) == [
        f"images[0]: {names[0]} does not exist",
        f"images[2]: {names[1]} does not exist",
    ]
    with pytest.raises(ValidationError) as caught:
        driver.open(server).create([b"x", IMAGE, b"y"])
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["images[0]", "images[2]"]
    assert server.requests == []


@pytest.mark.parametrize(
    "task_id",
    ["", ".", "..", "a/b", "a?b", "a b", "abc\n", "é", "\ud800", "x" * 129, None, 5, b"x", object()],
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
        ({"sleep": None}, "sleep must be a function: got NoneType"),
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


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/hook", "https://hooks.example/x", "HTTPS://hooks.example"]
)
def test_a_webhook_may_have_either_scheme(url: str) -> None:
    """https, and http for trials with the mock, in letters of any size; it is sent as it was given."""
    request = finish_request(draft_request(find_model("std"), [IMAGE], {"webhook_url": url}))
    assert json.loads(request.content or b"") == {"images": [IMAGE], "webhook_url": url}


def test_requests_by_themselves() -> None:
    """Each has its method and path, takes JSON first, and says what its body is if it has one."""
    model = find_model("std")
    accept = "application/json, application/problem+json;q=0.9, */*;q=0.1"
    create = finish_request(draft_request(model, [IMAGE], {"prompt": "ü"}))
    method, path = place("createKlingElementsStdTask")
    assert (create.method, create.path) == (method, path)
    assert create.headers == {"Accept": accept, "Content-Type": "application/json"}
    assert create.content == f'{{"images":["{IMAGE}"],"prompt":"ü"}}'.encode()
    listing = list_request(model)
    assert (listing.headers, listing.content, listing.task_id) == ({"Accept": accept}, None, None)
    status = status_request(model, ID)
    assert (status.headers, status.content, status.task_id) == ({"Accept": accept}, None, ID)
