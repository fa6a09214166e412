"""Bad input is refused by the name of what is wrong, with what was meant, before anything is sent."""

from __future__ import annotations

import json
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from contract_tests.support.answers import ID, IMAGE, completed, png, shown
from contract_tests.support.clients import KEY, Script
from kling_elements import KlingError, ValidationError
from kling_elements_api.models import KlingElementsRequestAspectRatio, KlingElementsRequestDuration

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.support.clients import Driver


class Length(Enum):
    """An enum of a caller's own, whose members are no strings."""

    LONG = "10"


def test_what_a_field_may_be(driver: Driver, tmp_path: Path) -> None:
    """None leaves a field out, enums count by value, a path is an image, a webhook may be plain http."""
    (tmp_path / "a.png").write_bytes(png())
    for given, sent in (
        (
            {"prompt": None, "duration": Length.LONG, "webhook_url": "HTTP://127.0.0.1:80/a"},
            {"duration": "10", "webhook_url": "HTTP://127.0.0.1:80/a"},
        ),
        (
            {
                "duration": KlingElementsRequestDuration.SECONDS_5,
                "aspect_ratio": KlingElementsRequestAspectRatio.SQUARE_1_1,
            },
            {"duration": "5", "aspect_ratio": "square_1_1"},
        ),
    ):
        server = Script.of(shown())
        driver.open(server).create([IMAGE, str(tmp_path / "a.png"), tmp_path / "a.png"], **given)
        body = json.loads(server.requests[0].content)
        first, second, third = body.pop("images")
        assert (first, second, body) == (IMAGE, third, sent)


# What create and generate are given, and words of the problem.
FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"duration": 10**5000}, "duration must be the string '5' or '10'"),
    ({"aspect_ratio": "16:9"}, "(did you mean 'widescreen_16_9'?)"),
    ({"image": IMAGE}, "(did you mean 'images'?)"),
    ({"promt": "x"}, "did you mean 'prompt'"),
    ({"zzz": 1}, "zzz is not a field of the request"),
    ({"prompt": object()}, "prompt must be a string"),
    ({"prompt": "a\ud800"}, "prompt holds half of a surrogate pair"),
    ({"images": ["https://a.example/\ud800"]}, "images[0]"),
    ({"images": None}, "images must be"),
    ({"images": [IMAGE, None]}, "images[1]"),
    ({"images": {"a": IMAGE}}, "images must be"),
    ({"images": ["nowhere/at-all.png"]}, "images[0]"),
    ({"images": [png(100, 100)]}, "images[0]"),
    ({"webhook_url": "file:///etc/passwd"}, "webhook_url"),
    ({"webhook_url": "http://[::1"}, "webhook_url"),
    ({"model": "ultra"}, "model must be 'std' or 'pro'"),
    ({"model": []}, "model must be"),
    ({"check_images": "no"}, "check_images must be True or False: got 'no'"),
    ({"job": 5}, "job must be a Job: got int"),
    ({"target": 5}, "target must be a path: got int"),
    ({"local_files": "s3"}, "local_files must be"),
]
# What generate, wait and watch are given.
WAITING: list[tuple[dict[str, Any], str]] = [
    ({"timout": 5}, "(did you mean 'timeout'?)"),
    ({"timeout": "5"}, "timeout must be a number of seconds: got '5'"),
    ({"timeout": True}, "timeout must be a number of seconds: got True"),
    ({"timeout": -1}, "timeout must be zero or more seconds: got -1"),
    ({"timeout": float("nan")}, "timeout must be zero or more seconds: got nan"),
    ({"poll_interval": -0.1}, "poll_interval must be zero or more seconds"),
    ({"on_update": 5}, "on_update must be a function: got int"),
    ({"sleep": 5}, "sleep must be a function: got int"),
]
CASES: list[tuple[dict[str, Any], str, tuple[str, ...]]]
CASES = [(fields, words, ("create", "generate")) for fields, words in FIELDS]
CASES += [(fields, words, ("generate", "wait", "watch")) for fields, words in WAITING]


@pytest.mark.parametrize(("given", "words", "methods"), CASES, ids=[words[:40] for _, words, _ in CASES])
def test_nothing_is_sent(driver: Driver, given: dict[str, Any], words: str, methods: tuple[str, ...]) -> None:
    """What a call can't use is told before anything is sent: by `generate`, before money is spent."""
    server = Script.of(completed())
    client: Any = driver.open(server).client
    for method in methods:
        options = {**({"images": [IMAGE]} if "create" in methods or method == "generate" else {}), **given}
        first = options.pop("images", ID)
        with pytest.raises(ValidationError) as caught:
            getattr(client, method)(first, **options)
        assert words in str(caught.value)
    assert server.requests == []


def test_all_faults_are_told_at_once(driver: Driver) -> None:
    """One error lists every fault, a sentence for each."""
    with pytest.raises(ValidationError) as caught:
        driver.open(Script.of(shown())).create([IMAGE, None], duration=5, promt="x")
    names = [problem.split()[0] for problem in caught.value.problems]
    assert sorted(names) == ["duration", "images[1]:", "promt"]


CALLS: dict[str, tuple[Any, ...]] = {
    "get": (ID, {"timout": 5}, "timeout"),
    "list": ({"modl": "std"}, "model"),
    "find_unrecorded": ({"modle": "std"}, "model"),
    "download": (ID, "a.mp4", {"overwite": True}, "overwrite"),
    "batch": ([], {"worker": 3}, "workers"),
    "resume": ({"directry": "."}, "directory"),
}


def test_every_call_knows_its_options(any_driver: Driver) -> None:
    """A misspelled option gets the right spelling, whatever the call."""
    client = any_driver.open(Script.of(completed())).client
    for name, (*args, options, right) in CALLS.items():
        method = getattr(client, name)
        with pytest.raises(ValidationError, match=f"did you mean '{right}'"):
            any_driver.run(partial(method, *args, **options))


HTTPX2 = type("Client", (), {"__module__": "httpx2._client"})()  # of httpx's successor
ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"limits": "off"}, "limits must be kling_elements.Limits: got str"),
    ({"http_client": HTTPX2}, r"http_client must be httpx\.(Async)?Client: got httpx2\.Client"),
    ({"schedule": 5}, "schedule must be"),
    ({"retries": 3}, "retries must be"),
    ({"clock": 5}, "clock must be a function"),
    ({"sleep": 5}, "sleep must be a function"),
    ({"on_event": []}, "on_event must be a function"),
    ({"journal": 5}, "journal must be a path"),
    ({"base_url": 5}, "base_url must be a string"),
    ({"auth_header": 5}, "auth_header must be a string"),
    ({"timeout": "5"}, "timeout must be a number"),
    ({"timeout": httpx.Timeout(0)}, "timeout.connect must be above zero"),
    ({"default_headers": "x"}, "default_headers must map names to values: got str"),
    ({"default_headers": {"X-Freepik-API-Key": "k"}}, "can't replace X-Freepik-API-Key: pass the key as"),
    ({"default_headers": {"Host": "h"}}, "can't replace Host"),
    ({"default_headers": {"a b": "c"}}, "'a b' is not the name of an HTTP header"),
    ({"default_headers": {"a": "b\r\nc: d"}}, "the value of a must be a line of ASCII text"),
    ({"poll_interval": "5"}, "poll_interval must be a number"),
    ({"timout": 5}, "did you mean 'timeout'"),
    ({"api_key": 5}, "api_key must be a string"),
]


@pytest.mark.parametrize(("arguments", "problem"), ARGUMENTS, ids=[row[1][:30] for row in ARGUMENTS])
def test_an_argument_of_a_client(any_driver: Driver, arguments: dict[str, Any], problem: str) -> None:
    """It is refused when the client is made, and clients that were made before go on as they were."""
    before = any_driver.open(Script.of(completed()))
    with pytest.raises(ValidationError, match=problem):
        any_driver.make(None, {"api_key": KEY, **arguments})
    assert before.get(ID).id == ID


def test_a_closed_client_says_so(any_driver: Driver) -> None:
    """Every call of a closed client is refused, and nothing is sent; it may be closed twice."""
    server = Script.of(completed())
    client: Any = any_driver.open(server).client
    for _ in range(2):
        any_driver.run(client.close if any_driver.backend is None else client.aclose)
    calls: list[Any] = [client.list, client.with_options, client.find_unrecorded, client.resume]
    names = ("create", "generate", "upload", "get", "wait", "watch", "batch")
    calls += [partial(getattr(client, name), IMAGE) for name in names]
    for call in [*calls, partial(client.download, ID, "a.mp4")]:
        with pytest.raises(KlingError, match="closed"):
            any_driver.run(call)
    assert server.requests == []
