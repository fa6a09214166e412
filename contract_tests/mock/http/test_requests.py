"""What comes in. Keys, paths, methods and bodies of most kinds are held by `contract_tests.schema.server`."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract_tests.mock.api import CREATE, DOCUMENT, KEY, STATUS, Api, encoded, image
from kling_elements_mock import CATALOGUE, MockSettings

JSON = {**KEY, "content-type": "application/json"}
GOOD = b'{"images": ["https://example.com/a.png"]}'
BAD_BODIES = {
    "a number out of range": GOOD[:-1] + b', "x": 1e999}',
    "thousands of digits": GOOD[:-1] + b', "x": ' + b"9" * 5000 + b"}",
    "a name twice": GOOD[:-1] + b', "images": ["https://example.com/b.png"]}',
    "nested deeply": GOOD[:-1] + b', "x": ' + b"[" * 100 + b"]" * 100 + b"}",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "half a surrogate pair": b'{"images": ["\\ud800"]}',
    "half a surrogate pair as a name": GOOD[:-1] + b', "\\udfff": 1}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_malformed_body_is_a_400(api: Api, body: bytes) -> None:
    """What other JSON readers may take is a 400, and makes no task."""
    answer = api.call("POST", CREATE, content=body, headers=JSON)
    assert (answer.status_code, list(answer.json())) == (400, ["message"])
    assert api.mock.tasks == ()


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json; charset=latin-1", 400), ('Application/JSON;charset="UTF-8"', 200)],
)
def test_only_utf_8_is_read(api: Api, content_type: str, status: int) -> None:
    """JSON is UTF-8: another charset is a 400."""
    headers = {**KEY, "content-type": content_type}
    assert api.call("POST", CREATE, content=GOOD, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"images": [1]}, "images[0]"),
        ({"images": [[encoded(image()) * 100]]}, "images[0]"),
        ({"duration": "x" * 10_000}, "duration"),
    ],
    ids=["an image", "a large image", "a large text"],
)
def test_a_violation_names_its_place_and_repeats_nothing(
    api: Api, change: dict[str, object], name: str
) -> None:
    """Problem details name exactly the place at fault, and don't echo what stood there."""
    body = {"images": ["https://example.com/a.png"], **change}
    answer = api.call("POST", CREATE, json=body, headers={**KEY, "accept": "application/problem+json"})
    assert answer.status_code == 400
    assert [param["name"] for param in answer.json()["invalid_params"]] == [name]
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("application/*", "application/json"),
        ("application/problem+json, application/json", "application/json"),
        ("application/json;q=0.1, */*;q=0.5", "application/problem+json"),
        (";;q=,,", "application/json"),
        ("application/problem+json;q=2, application/json;q=x", "application/json"),
    ],
)
def test_accept_chooses_the_shape_of_an_error(api: Api, accept: str | None, media_type: str) -> None:
    """Problem details come where the client prefers them, and plain JSON otherwise."""
    headers = {**KEY, "accept": accept} if accept is not None else KEY
    answer = api.call("POST", CREATE, json={}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, media_type)


def test_recorded_bodies_are_bounded() -> None:
    """Only the last 64 MiB of bodies are kept; the requests themselves stay on record, without their key."""
    api = Api(MockSettings(max_body_bytes=50 * 2**20))
    for size in (1, 40 * 2**20, 51 * 2**20, 40 * 2**20):
        api.call("POST", CREATE, content=bytes(size), headers={**KEY, "content-type": "text/plain"})
    kept = [None if request.body is None else len(request.body) for request in api.mock.requests]
    assert kept == [None, None, None, 40 * 2**20]
    assert "a-key" not in repr(list(api.mock.requests))


HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
NAMES = st.sampled_from([scenario.name for scenario in CATALOGUE if "reset" not in scenario.name])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(encoded(image())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
PROPERTIES = st.sampled_from(list(DOCUMENT["components"]["schemas"]["itvke-request-content"]["properties"]))
JSON_BODIES = st.dictionaries(PROPERTIES, VALUES, max_size=5).map(json.dumps).map(str.encode)
PATHS = st.sampled_from(
    [CREATE, STATUS + "x", "/results/x", "/results/kling_x.mp4?token=exp=1~hmac=2", "/_mock/advance"]
)
PATH_LETTERS = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#\\")
HEADERS = {
    "x-freepik-api-key": HEADER_TEXT,
    "x-mock-scenario": HEADER_TEXT | NAMES | st.tuples(NAMES, HEADER_TEXT).map("=".join),
    "accept": HEADER_TEXT,
    "content-type": st.just("application/json") | HEADER_TEXT,
    "host": HEADER_TEXT.filter(lambda text: text.strip() == text != ""),
    "range": HEADER_TEXT,
    "cookie": HEADER_TEXT,
}


async def _no_sleep(seconds: float) -> None:
    del seconds


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "WEIRD"]),
    path=PATHS | st.text(PATH_LETTERS, max_size=20).map("/{}".format),
    headers=st.fixed_dictionaries({}, optional=HEADERS),
    body=st.binary(max_size=60) | JSON_BODIES,
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
