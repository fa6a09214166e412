"""Bad input is refused by the name of what is wrong, with what was meant, before anything is sent."""

import asyncio
import io
import json
import os
import threading
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.answers import ID, IMAGE, completed, png, shown
from contract_tests.support.clients import KEY, SYNC, Driver, Script
from contract_tests.support.examples import examples
from kling_elements import KlingError, ValidationError
from kling_elements.document import Document
from kling_elements.journal import Job
from kling_elements.validation import Validator
from kling_elements_api.models import KlingElementsRequestAspectRatio


class Length(Enum):
    """An enum of a caller's own, whose members are no strings."""

    LONG = "10"


Text: Any = type("Text", (str,), {"__str__": lambda _: "another"})  # a text that shows itself as another


class Odd(os.PathLike[str]):
    """An object whose methods and attributes all fail."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __fspath__(self) -> str:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


def nested(depth: int) -> list[Any]:
    outer: list[Any] = []
    for _ in range(depth):
        outer = [outer]
    return outer


class File(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        self.thread = threading.current_thread()
        return super().read(size)


def test_what_a_field_may_be(driver: Driver, tmp_path: Path) -> None:
    """None leaves a field out, enums count by value, a text of a class of one's own is a text.

    A path is an image, and so is an open file, read outside the event loop; a webhook may be plain http.
    """
    (tmp_path / "a.png").write_bytes(png())
    webhook = "HTTP://127.0.0.1:80/a"
    server, file = Script.of(shown(), completed()), File(png())
    client = driver.open(server)
    client.create(
        [Text(IMAGE), Text(tmp_path / "a.png"), tmp_path / "a.png", file],
        prompt=None,
        negative_prompt=Text("a"),
        duration=Length.LONG,
        aspect_ratio=KlingElementsRequestAspectRatio.SQUARE_1_1,
        webhook_url=webhook,
    )
    body = json.loads(server.requests[0].content)
    first, *others = body.pop("images")
    assert (first, len(set(others)), body.pop("negative_prompt")) == (IMAGE, 1, "a")
    assert body == {"duration": "10", "aspect_ratio": "square_1_1", "webhook_url": webhook}
    assert (file.thread is threading.main_thread()) == (driver.backend is None)
    assert client.get(Text("a-b")).id == ID


UNREACHABLE = (
    "file:///etc",
    "https://",
    "https:a.example",
    "https:///a",
    "https://:443/",
    "https://a.b:65536/",
)
# What create and generate are given, and words of the problem.
FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"duration": 10**5000}, "duration must be the string '5' or '10'"),
    ({"aspect_ratio": "16:9"}, "(did you mean 'widescreen_16_9'?)"),
    ({"image": IMAGE}, "(did you mean 'images'?)"),
    ({"promt": "x"}, "did you mean 'prompt'"),
    ({"duration": 5, "images": [IMAGE, None]}, "; images[1]"),  # all faults are told at once
    ({"prompt": "a\ud800"}, "prompt holds half of a surrogate pair"),
    ({"images": None}, "images must be"),
    ({"images": [IMAGE, None]}, "images[1]"),
    ({"images": {"a": IMAGE}}, "images must be"),
    ({"images": ["nowhere/at-all.png"]}, "images[0]"),
    ({"images": [png(100, 100)]}, "images[0]"),
    ({"images": ["https://a.example/\ud800"]}, r"images[0]: https://a.example/\ud800 has the character"),
    *(({"webhook_url": url}, "webhook_url must be an http or https URL") for url in UNREACHABLE),
    ({"prompt": nested(300)}, "can't be checked"),
    ({"prompt": nested(5000)}, "the "),  # which limit it meets differs by Python's version
    ({"duration": type("Int", (int,), {})(5)}, "duration must be the string '5' or '10': got the integer 5"),
    ({"model": "ultra"}, "model must be 'std' or 'pro'"),
    ({"model": []}, "model must be"),
    ({"check_images": "no"}, "check_images must be True or False: got 'no'"),
    ({"job": 5}, "job must be a Job of two texts: got 5"),
    ({"job": Job(b"b", "k")}, "job must be a Job of two texts"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ({"target": 5}, "target must be a path: got a value of type int"),
    ({"target": Odd()}, "target must be a path: got a value of type Odd"),
    ({"target": ""}, "target must be a path: got ''"),
    ({"target": "a\0b"}, "its name holds a null byte"),
    ({"target": "none/\ud800/a.mp4"}, "can't be written"),
    ({"target": "x" * 300}, "File name too long"),
    ({"target": os.devnull}, "is not a regular file"),
    ({"target": Path.home()}, "is a folder"),
    ({"target": "none/"}, "is a folder"),
    ({"model": Odd()}, "model must be 'std' or 'pro': got a value of type Odd"),
    ({"prompt": Odd()}, "prompt must be a string: got the Odd a value of type Odd"),
    ({"job": Odd()}, "job must be a Job of two texts: got a value of type Odd"),
    ({"images": Odd()}, "images[0]"),
    ({"check_images": "x" * 10**5}, "got 'xxx"),
    ({"local_files": "x" * 10**5}, "got 'xxx"),
    ({"local_files": "s3"}, "local_files must be"),
]
# What generate, wait and watch are given.
WAITING: list[tuple[dict[str, Any], str]] = [
    ({"timout": 5}, "(did you mean 'timeout'?)"),
    ({"timeout": "5"}, "timeout must be a number of seconds: got '5'"),
    ({"timeout": Odd()}, "timeout must be a number of seconds: got a value of type Odd"),
    ({"timeout": "5" * 10**5}, "timeout must be a number of seconds: got '555"),
    ({"timeout": -1}, "timeout must be zero or more seconds: got -1"),
    ({"timeout": float("nan")}, "timeout must be zero or more seconds: got nan"),
    ({"poll_interval": -0.1}, "poll_interval must be zero or more seconds"),
    ({"on_update": 5}, "on_update must be a function: got int"),
    ({"sleep": 5}, "sleep must be a function: got int"),
]


def test_nothing_is_sent(driver: Driver) -> None:
    """What a call can't use is told before anything is sent: by `generate`, before money is spent."""
    server = Script.of(completed())
    client: Any = driver.open(server).client
    for rows, methods in ((FIELDS, ("create", "generate")), (WAITING, ("generate", "wait", "watch"))):
        for fields, words in rows:
            for method in methods:
                options = {"images": [IMAGE], **fields}
                images = options.pop("images")
                with pytest.raises(ValidationError) as caught:
                    getattr(client, method)(ID if method in {"wait", "watch"} else images, **options)
                assert words in str(caught.value)
                assert len(str(caught.value)) < 1000
    assert server.requests == []


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
    ({"on_event": asyncio.sleep}, "on_event must not be asynchronous"),
    ({"journal": 5}, "journal must be a path"),
    ({"base_url": 5}, "base_url must be a string"),
    ({"auth_header": 5}, "auth_header must be a string"),
    ({"timeout": Odd()}, "timeout must be a number of seconds: got a value of type Odd"),
    ({"timeout": httpx.Timeout(0)}, "timeout.connect must be above zero"),
    ({"default_headers": "x"}, "default_headers must map names to values: got str"),
    ({"poll_interval": "5"}, "poll_interval must be a number"),
    ({"timout": 5}, "did you mean 'timeout'"),
    ({"api_key": 5}, "api_key must be a string"),
]


def test_an_argument_of_a_client(any_driver: Driver) -> None:
    """It is refused when the client is made, and clients that were made before go on as they were."""
    before = any_driver.open(Script.of(completed()))
    for arguments, problem in ARGUMENTS:
        with pytest.raises(ValidationError, match=problem):
            any_driver.make(None, {"api_key": KEY, **arguments})
    with pytest.raises(ValidationError, match="sleep must not be asynchronous here"):
        SYNC.make(None, {"api_key": KEY, "sleep": asyncio.sleep})
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


# --- what is said of a value that doesn't fit a schema

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 4},
        "size": {"type": "integer", "minimum": 2, "maximum": 9},
        "tags": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {"$ref": "#/components/schemas/Tag"},
        },
        "ratio": {"type": "string", "enum": ["wide_16_9", "square_1_1"]},
        "address": {"type": "string", "format": "uri", "pattern": "^http"},
        "note": {"type": "string", "nullable": True},
        "inner": {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "number"}}}},
    },
}
DOCUMENT = Document({"components": {"schemas": {"Tag": {"type": "string", "maxLength": 3}}}})
VALIDATOR = Validator(SCHEMA, DOCUMENT)
RATIO = "ratio must be the string 'wide_16_9' or 'square_1_1': got the"
# A member, a value, and how what is said of it begins.
SAID: list[tuple[str, object, str]] = [
    ("name", "", "name must have at least 1 character: got none"),
    ("name", ["x" * 57], f"name must be a string: got the array ['{'x' * 57}'…"),
    ("name", "\ud800", "name holds half of a surrogate pair"),
    ("size", 1, "size must be at least 2: got the integer 1"),
    ("size", float("nan"), "size must be an integer: got the number nan"),
    ("tags", ["a", "abcd"], "tags[1] must have at most 3 characters: got 4"),
    ("inner", {"list": [1, "x"]}, "inner.list[1] must be a number: got the string 'x'"),
    ("ratio", 5, f"{RATIO} integer 5"),
    ("address", "http:// ", "address must be a valid uri: got the string 'http:// '"),
    ("note", ["x" * 300], "note does not fit the document: "),
    ("more", {1}, "more can't be written as JSON: got the set {1}"),
]
MEANT = {
    "16:9": "wide_16_9",
    "1_1": "square_1_1",
    "SQARE_1_1": "square_1_1",
    **dict.fromkeys(("4:3", "169", "", "something")),
}


def test_what_is_said() -> None:
    """A fault is reported by the member, by what the schema wants there, and by what was given, cut short.

    The same words in another spelling, or a slip of the keys, are known; digits alone are no slip.
    """
    for member, value, sentence in SAID:
        (problem,) = VALIDATOR.problems({"name": "a", member: value})
        assert problem.startswith(sentence)
        assert len(problem) < 220
    for text, meant in MEANT.items():
        (problem,) = VALIDATOR.problems({"name": "a", "ratio": text})
        hint = f" (did you mean {meant!r}?)" if meant else ""
        assert problem == f"{RATIO} string {text!r}{hint}"
    fit = {"name": "abcd", "size": 2, "tags": ["abc"], "note": None, "more": 1}
    assert VALIDATOR.problems(fit) == VALIDATOR.problems({"name": "a", "size": 9, "note": "x"}) == []
    assert VALIDATOR.names == tuple(SCHEMA["properties"])
    # All that is wrong is told at once, in the order of the schema.
    problems = VALIDATOR.problems({"inner": {"list": [""]}, "tags": ["abcd"], "size": float("inf"), "x": {1}})
    assert [problem.split()[0] for problem in problems] == ["x", "name", "size", "tags[0]", "inner.list[0]"]
    assert problems[1] == "name is missing"


TEXTS = ("", "a", "a_B-9", "aaaaa", "a\n", "a b", "é", "a.b", None, 5)
NARROWER: tuple[dict[str, Any], ...] = (
    {},
    {"pattern": "^[a-z]+$"},
    {"pattern": r"^\w+$"},
    {"minLength": 2},
    {"enum": ["a"]},
    {"format": "uri"},
)
OF_TEXTS = [{"type": "string", "maxLength": 4, "x-of-ours": 1, **more} for more in NARROWER]
VALUES = st.recursive(
    st.sampled_from(TEXTS),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from("abc"), some, max_size=3),
)
CHOICES = st.just([[], ["a"], {}, {"a": "a"}])


def _of_type(name: str, **keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(name)}, optional={"enum": CHOICES, **keywords})


SCHEMAS = st.recursive(
    st.sampled_from(OF_TEXTS),
    lambda some: (
        _of_type("array", items=some, minItems=st.integers(0, 3), maxItems=st.integers(0, 3))
        | _of_type(
            "object",
            properties=st.dictionaries(st.sampled_from("ab"), some),
            required=st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True),
            additionalProperties=st.just(False),
        )
    ),
    max_leaves=4,
)


@given(SCHEMAS, VALUES)
@examples(1500)
def test_what_is_plain_is_checked_as_the_validator_does(schema: dict[str, Any], value: object) -> None:
    """A value that is taken without the JSON Schema library is one that the library takes."""
    validator = Validator(schema, DOCUMENT)
    assert bool(validator.problems(value, "x")) == bool(list(validator.misfits(value)))


@pytest.mark.parametrize("schema", OF_TEXTS, ids=repr)
def test_a_plain_text_is_checked_as_the_validator_does(schema: dict[str, Any]) -> None:
    """The same of texts that are at the edge of what a rule says."""
    validator = Validator(schema, DOCUMENT)
    assert list(filter(validator.problems, TEXTS)) == [
        text for text in TEXTS if list(validator.misfits(text))
    ]


def test_a_value_without_a_name() -> None:
    """What has no name is called the request; choices are told without a type if the schema has none."""
    assert Validator({"type": "string"}, DOCUMENT).problems(5)[0].startswith("the request must be a string")
    assert Validator({"enum": [1, 2]}, DOCUMENT).problems(3, "it") == [
        "it must be the value 1 or 2: got the integer 3"
    ]
