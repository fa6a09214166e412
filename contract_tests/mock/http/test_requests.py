"""What comes in. Keys, paths, methods and bodies of most kinds are held by `contract_tests.schema.server`."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.mock.api import CREATE, KEY, STATUS, Api, encoded, image
from kling_elements_mock import CATALOGUE, MockSettings

BAD_BODIES = {
    "a number out of range": b'{"images": [""], "x": 1e999}',
    "thousands of digits": b'{"images": [""], "x": ' + b"9" * 5000 + b"}",
    "a name twice": b'{"images": [""], "images": ["https://example.com/b.png"]}',
    "nested deeply": b'{"images": [""], "x": ' + b"[" * 100 + b"]" * 100 + b"}",
    "half a surrogate pair": b'{"images": ["\\ud800"]}',
    "half a surrogate pair as a name": b'{"images": [""], "\\udfff": 1}',
}
GOOD = b'{"images": ["https://a.example"]}'


def test_what_other_readers_may_take_is_a_400(api: Api) -> None:
    """JSON that is not strict, and JSON in another charset or a coding, is a 400 and makes no task."""
    json_type = {**KEY, "content-type": "application/json"}
    answers = [api.call("POST", CREATE, content=body, headers=json_type) for body in BAD_BODIES.values()]
    odd = {"content-type": "application/json; charset=latin-1"}, {"content-encoding": "gzip"}
    answers += [api.call("POST", CREATE, content=GOOD, headers={**json_type, **more}) for more in odd]
    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, ["message"])] * 8
    assert api.mock.tasks == ()


def test_a_violation_names_its_place_and_repeats_nothing(api: Api) -> None:
    """Problem details name exactly the place at fault, and don't echo what stood there."""
    large: dict[str, Any] = {"images": [[encoded(image()) * 100]], "duration": "x" * 10_000}
    for name, place in (("images", "images[0]"), ("duration", "duration")):
        body = {"images": ["https://example.com/a.png"], name: large[name]}
        answer = api.call("POST", CREATE, json=body, headers={**KEY, "accept": "application/problem+json"})
        assert answer.status_code == 400
        assert [param["name"] for param in answer.json()["invalid_params"]] == [place]
        assert len(answer.content) < 1000


def test_recorded_bodies_are_bounded() -> None:
    """Only the last 64 MiB of bodies are kept; the requests themselves stay on record, without their key."""
    api = Api(MockSettings(max_body_bytes=50 * 2**20))
    for size in (1, 40 * 2**20, 51 * 2**20, 40 * 2**20):
        api.call("POST", CREATE, content=bytes(size), headers={**KEY, "content-type": "text/plain"})
    kept = [None if request.body is None else len(request.body) for request in api.mock.requests]
    assert kept == [None, None, None, 40 * 2**20]
    assert "a-key" not in repr(list(api.mock.requests))


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
NAMES = st.sampled_from([scenario.name for scenario in CATALOGUE if "reset" not in scenario.name])
PATHS = [CREATE, STATUS + "x", "/results/x", "/results/kling_x.mp4?token=exp=1~hmac=2", "/_mock/advance"]
HEADERS = {
    "x-mock-scenario": TEXT | NAMES | st.tuples(NAMES, TEXT).map("=".join),
    "host": TEXT.filter(lambda text: text.strip() == text != ""),
    "content-type": st.just("application/json") | TEXT,
    **dict.fromkeys(("x-freepik-api-key", "accept", "range", "cookie"), TEXT),
}


async def _no_sleep(seconds: float) -> None:
    del seconds


@settings(max_examples=30, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "WEIRD"]),
    path=st.sampled_from(PATHS),
    headers=st.fixed_dictionaries({}, optional=HEADERS),
    body=st.binary(max_size=60) | st.just(GOOD),
)
def test_nothing_makes_the_mock_fail(method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    """Whatever is sent, the mock never answers 500 by itself."""
    scenario = headers.get("x-mock-scenario", "")
    answer = Api(sleep=_no_sleep).call(method, path, headers={**KEY, **headers}, content=body)
    is_asked_for = "500" in scenario or "status" in scenario
    assert answer.status_code != 500 or (is_asked_for and "Internal Server Error" in answer.text)
    assert path.startswith("/_mock/") or "x-request-id" in answer.headers
