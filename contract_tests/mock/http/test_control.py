"""The control routes: another process can look and steer, and nobody can break the mock by them."""

from typing import Any

import httpx
import pytest

from contract_tests.mock.api import CREATE, KEY, Api


def post(api: Api, route: str, body: Any, **headers: str) -> httpx.Response:
    given = {"content": body} if isinstance(body, bytes) else {"json": body}
    return api.call("POST", f"/_mock/{route}", headers=headers, **given)


def test_another_process_can_steer(api: Api) -> None:
    """The control routes queue scenarios, move the clock, show tasks and requests, and reset."""
    assert post(api, "next-scenario", {"scenario": "seconds=5", "operation": "create"}).status_code == 200
    task_id = api.created()
    assert post(api, "advance", {"seconds": 6}).status_code == 200
    shown = api.call("GET", "/_mock/tasks", headers={}).json()["tasks"]
    assert [(task["task_id"], task["status"]) for task in shown] == [(task_id, "COMPLETED")]
    requests = api.call("GET", "/_mock/requests", headers={}).text
    assert CREATE in requests
    assert KEY["x-freepik-api-key"] not in requests
    assert api.call("GET", "/_mock/deliveries", headers={}).json() == {"deliveries": []}
    assert post(api, "reset", b"").json() == {"tasks": 0}
    assert api.call("GET", "/_mock/health", headers={}).json()["status"] == "ok"


def test_unknown_controls(api: Api) -> None:
    """Another path or method is refused in JSON, without a redirect."""
    for method, path, status, allow in (
        ("GET", "reset", 405, "POST"),
        ("PUT", "reset", 405, "POST"),
        ("GET", "nope", 404, None),
        ("GET", "", 404, None),
        ("GET", "health/", 404, None),
        ("HEAD", "health", 200, None),
    ):
        answer = api.call(method, f"/_mock/{path}", headers={})
        assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
        assert answer.headers["content-type"] == "application/json"


NUMBERS = (b"-1", b"true", b"1e308", b"1e999", b"NaN", b"Infinity", b"1" + b"0" * 400, b"null", b'"1"', b"[]")


def test_control_numbers_are_bounded(api: Api) -> None:
    """A number out of bounds is a 400, the clock and the queue stay as they were, and the mock goes on."""
    before = api.clock.time()
    for number in NUMBERS:
        for route, begin in (("advance", b"{"), ("next-scenario", b'{"scenario": "status=503", ')):
            name = b'"seconds": ' if route == "advance" else b'"times": '
            answer = post(api, route, begin + name + number + b"}")
            assert (answer.status_code, list(answer.json())) == (400, ["message"]), number
    assert api.clock.time() == before
    assert api.create().status_code == 200


MISSPELT = b'{"scenario": "fail", "seconds": 1, "opertion": "create"}'
BAD_BODIES = (MISSPELT, b"[]", b"1", b"{", b"\xff", b'{"seconds": 1, "seconds": 2}', b" " * 2**20 + b"{}")


def test_a_bad_control_body_is_refused(api: Api) -> None:
    """What is not one JSON object of at most 1 MiB, or has an unknown name, is a 400, and nothing is done."""
    api.created()
    for route in ("advance", "reset", "next-scenario"):
        assert [post(api, route, body).status_code for body in BAD_BODIES] == [400] * len(BAD_BODIES)
    assert len(api.mock.tasks) == 1


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (None, "127.0.0.1:8080", 200),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", 200),
        ("http://localhost:8080", "localhost:8080", 200),
        ("http://127.0.0.1:9", "127.0.0.1:8080", 403),
        ("https://127.0.0.1:8080", "127.0.0.1:8080", 403),
        ("https://example.com", "127.0.0.1:8080", 403),
        ("http://example.com:8080", "example.com:8080", 403),  # a name that was pointed at this machine
        ("null", "127.0.0.1:8080", 403),
        ("", "127.0.0.1:8080", 403),
    ],
)
def test_web_pages_of_other_origins_are_refused(api: Api, origin: str | None, host: str, status: int) -> None:
    """A browser's post from another origin to any control is a 403, and nothing is done."""
    api.created()
    headers = {"host": host} if origin is None else {"host": host, "origin": origin}
    for route, body in (("advance", {"seconds": 1}), ("next-scenario", {"scenario": "fail"}), ("reset", {})):
        assert post(api, route, body, **headers).status_code == status
    assert (api.clock.monotonic(), len(api.mock.tasks)) == ((1, 0) if status == 200 else (0, 1))
