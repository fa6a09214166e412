"""What comes in: keys, paths, methods, and bodies of every kind."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract_tests.mock.api import CREATE, DOCUMENT, KEY, STATUS, Api, encoded, image, problems
from kling_elements_mock import CATALOGUE, MockSettings

JSON = {**KEY, "content-type": "application/json"}
GOOD = b'{"images": ["https://example.com/a.png"]}'


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, 401, "Missing API key"),
        ({"x-freepik-api-key": ""}, 401, "Missing API key"),
        ({"x-freepik-api-key": "   "}, 401, "Missing API key"),
        ({"authorization": "Bearer a-key"}, 401, "Missing API key"),
        ({"x-freepik-api-key": "invalid-key"}, 401, "Invalid API key"),
        ({"x-magnific-api-key": "a-key"}, 404, "Tasks not found"),
        ({"X-Freepik-API-Key": "anything at all"}, 404, "Tasks not found"),
    ],
)
def test_a_key_is_asked_for(api: Api, headers: dict[str, str], status: int, message: str) -> None:
    """A missing and an invalid key get the document's words, and either header is good."""
    answer = api.call("GET", CREATE, headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert "x-request-id" in answer.headers
    assert "x-ratelimit-limit" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("GET", CREATE + "/", 404, None),
        ("PUT", CREATE, 405, "GET, HEAD, OPTIONS, POST"),
        ("TRACE", CREATE, 405, "GET, HEAD, OPTIONS, POST"),
        ("POST", STATUS + "x", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS", STATUS + "x", 204, "GET, HEAD, OPTIONS"),
    ],
)
def test_unknown_paths_and_methods(api: Api, method: str, path: str, status: int, allow: str | None) -> None:
    """An unknown path is 404; an unknown method 405 with exactly what is allowed."""
    answer = api.call(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert ("content-length" in answer.headers) == (status != 204)


BAD_BODIES = {
    "empty": b"",
    "cut off": GOOD[:-1],
    "not JSON": b"images=a",
    "a list": b"[]",
    "null": b"null",
    "a string": b'"images"',
    "NaN": b'{"images": [NaN]}',
    "Infinity": b'{"images": ["https://example.com/a.png"], "x": -Infinity}',
    "a number out of range": b'{"images": ["https://example.com/a.png"], "x": 1e999}',
    "thousands of digits": b'{"images": ["https://example.com/a.png"], "x": ' + b"9" * 5000 + b"}",
    "a name twice": b'{"images": ["https://example.com/a.png"], "images": ["https://example.com/b.png"]}',
    "nested deeply": b'{"x": ' + b"[" * 100 + b"]" * 100 + b', "images": ["https://example.com/a.png"]}',
    "nested bottomlessly": b"[" * 100_000,
    "not UTF-8": b'{"images": ["\xff"]}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "half a surrogate pair": b'{"images": ["\\ud800"]}',
    "half a surrogate pair as a name": b'{"\\udfff": 1, "images": ["https://example.com/a.png"]}',
    "trailing text": GOOD + b"x",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_malformed_body_is_a_documented_400(api: Api, body: bytes) -> None:
    """Whatever is wrong with the bytes: 400, in a documented shape, and no task."""
    answer = api.call("POST", CREATE, content=body, headers=JSON)
    assert answer.status_code == 400
    assert problems(answer, "POST", CREATE) == []
    assert api.mock.tasks == ()


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"],
)
def test_another_content_type_is_a_documented_400(api: Api, content_type: str | None) -> None:
    """Only the documented content type is taken, in UTF-8."""
    headers = KEY if content_type is None else {**KEY, "content-type": content_type}
    answer = api.call("POST", CREATE, content=GOOD, headers=headers)
    assert answer.status_code == 400
    assert problems(answer, "POST", CREATE) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"images": []}, "images"),
        ({"images": ["https://example.com/a.png"] * 5}, "images"),
        ({"images": "https://example.com/a.png"}, "images"),
        ({"images": [1]}, "images[0]"),
        ({"images": [[encoded(image()) * 100]]}, "images[0]"),  # which is not echoed
        ({"duration": 5}, "duration"),
        ({"duration": "7"}, "duration"),
        ({"aspect_ratio": "16:9"}, "aspect_ratio"),
        ({"prompt": "x" * 2501}, "prompt"),
        ({"negative_prompt": True}, "negative_prompt"),
        ({"webhook_url": "not a url"}, "webhook_url"),
    ],
)
def test_a_violation_names_its_parameter(api: Api, change: dict[str, object], name: str) -> None:
    """A body that breaks the schema is a 400 whose problem details name exactly the field at fault."""
    body = {"images": ["https://example.com/a.png"], **change}
    headers = {**KEY, "accept": "application/problem+json"}
    answer = api.call("POST", CREATE, json=body, headers=headers)
    assert answer.status_code == 400
    assert [param["name"] for param in answer.json()["invalid_params"]] == [name]
    assert problems(answer, "POST", CREATE) == []


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/problem+json", "application/problem+json"),
        ("application/problem+json, application/json", "application/json"),
        ("application/problem+json, application/json;q=0.9", "application/problem+json"),
        ("application/json;q=0.1, */*;q=0.5", "application/problem+json"),
        ("text/html", "application/json"),
        (";;q=,,", "application/json"),
    ],
)
def test_accept_chooses_the_shape_of_an_error(api: Api, accept: str | None, media_type: str) -> None:
    """Problem details come where the client prefers them, and plain JSON otherwise."""
    headers = {**KEY, "accept": accept} if accept is not None else KEY
    answer = api.call("POST", CREATE, json={}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, media_type)
    assert problems(answer, "POST", CREATE) == []


def test_recorded_bodies_are_bounded() -> None:
    """Only the last 64 MiB of bodies are kept; the requests themselves stay on record."""
    api = Api(MockSettings(max_body_bytes=50 * 2**20))
    for size in (1, 40 * 2**20, 51 * 2**20, 40 * 2**20):
        api.call("POST", CREATE, content=bytes(size), headers={**KEY, "content-type": "text/plain"})
    kept = [None if request.body is None else len(request.body) for request in api.mock.requests]
    assert kept == [None, None, None, 40 * 2**20]
    assert "a-key" not in repr(list(api.mock.requests))


HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
SCENARIOS = st.one_of(
    HEADER_TEXT,
    st.sampled_from([scenario.name for scenario in CATALOGUE if "reset" not in scenario.name]),
    st.tuples(st.sampled_from([s.name for s in CATALOGUE if "reset" not in s.name]), HEADER_TEXT).map(
        "=".join
    ),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["5", "10", encoded(image((8, 8)))]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
PROPERTIES = st.sampled_from(list(DOCUMENT["components"]["schemas"]["itvke-request-content"]["properties"]))
BODIES = st.binary(max_size=60) | st.dictionaries(PROPERTIES, VALUES, max_size=5).map(json.dumps).map(
    str.encode
)


async def _no_sleep(seconds: float) -> None:
    del seconds


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "WEIRD"]),
    path=st.sampled_from(
        [CREATE, STATUS + "x", "/results/x", "/results/kling_x.mp4?token=exp=1~hmac=2", "/_mock/advance"]
    )
    | st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#\\"), max_size=20).map(
        lambda t: f"/{t}"
    ),
    headers=st.fixed_dictionaries(
        {},
        optional={
            "x-freepik-api-key": HEADER_TEXT,
            "x-mock-scenario": SCENARIOS,
            "accept": HEADER_TEXT,
            "content-type": st.just("application/json") | HEADER_TEXT,
            "host": HEADER_TEXT.filter(lambda text: text.strip() == text != ""),
            "range": HEADER_TEXT,
            "cookie": HEADER_TEXT,
        },
    ),
    body=BODIES,
)
def test_nothing_makes_the_mock_fail(method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    """Whatever is sent, the mock never answers 500 by itself."""
    api = Api(sleep=_no_sleep)
    scenario = headers.get("x-mock-scenario", "")
    answer = api.call(method, path, headers={**KEY, **headers}, content=body)
    if "500" not in scenario and "status" not in scenario:
        assert answer.status_code != 500
    if answer.status_code == 500:
        assert "Internal Server Error" in answer.text
    if not path.startswith("/_mock/"):
        assert "x-request-id" in answer.headers
