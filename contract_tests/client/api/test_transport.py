"""What the shells share of httpx, piece by piece: requests, faults, heads, bodies, and clients made late."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from contract_tests.support.clients import KEY
from kling_elements import ValidationError
from kling_elements.api import httpx_adapter as transport
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.api.httpx_adapter import (
    Body,
    LazyClient,
    external_request,
    no_response,
    response_head,
    service_request,
    timed_out,
    without_frames,
)
from kling_elements.types import ExternalRequest, NoResponse, Request, Response, ResponseHead

URL = "https://a.example/x?token=exp=1~hmac=ab"


def times(seconds: float) -> dict[str, float]:
    """The time of each phase, as httpx has it."""
    return dict.fromkeys(("connect", "read", "write", "pool"), seconds)


def test_a_request_for_the_service() -> None:
    """It has the origin, what was asked for, its time and its trace; and the key is not in it yet."""

    def trace(event: str, info: object) -> None:
        pass

    settings = Settings("https://a.example/prefix", "x-key", ApiKey(KEY), 30.0)
    asked = Request("POST", "/v1/x", {"x-a": "b"}, b"{}")
    with httpx.Client(headers={"x-mine": "c"}, cookies={"d": "e"}, timeout=99) as client:
        request = service_request(client, settings, asked, 4.0, trace)
        own = {"host": "a.example", "x-a": "b", "content-length": "2", "cookie": "d=e"}
        assert request.headers == {**client.headers, **own}
    assert (request.method, str(request.url)) == ("POST", "https://a.example/prefix/v1/x")
    assert request.content == b"{}"
    assert request.extensions == {"timeout": times(4.0), "trace": trace}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            ExternalRequest(URL, {"range": "bytes=5-"}, 7.0),
            ("GET", URL, [("host", "a.example"), ("range", "bytes=5-")], b"", {"timeout": times(7.0)}),
        ),
        (
            ExternalRequest(URL, {"content-type": "image/png"}, 7.0, "PUT", b"png"),
            (
                "PUT",
                URL,
                [("host", "a.example"), ("content-type", "image/png"), ("content-length", "3")],
                b"png",
                {"timeout": times(7.0)},
            ),
        ),
    ],
    ids=["get", "put"],
)
def test_a_request_for_another_host(asked: ExternalRequest, expected: tuple[Any, ...]) -> None:
    """It has its own headers and its time, and nothing else."""
    request = external_request(asked)
    headers = request.headers.multi_items()
    assert (request.method, str(request.url), headers, request.content, request.extensions) == expected


FAULTS: list[tuple[Exception, dict[str, Any], NoResponse]] = [
    (httpx.ReadError("cut"), {}, NoResponse("cut", was_sent=True)),
    (httpx.ReadError("cut"), {"was_sent": False}, NoResponse("cut", was_sent=False)),
    (httpx.ReadError(""), {}, NoResponse("ReadError", was_sent=True)),
    (httpx.ReadTimeout("long words"), {}, NoResponse("timed out (ReadTimeout)", was_sent=True)),
    (httpx.ConnectTimeout(""), {}, NoResponse("timed out (ConnectTimeout)", was_sent=False)),
    (httpx.ConnectError("refused"), {}, NoResponse("refused", was_sent=False)),
    (httpx.ProxyError("407"), {}, NoResponse("407", was_sent=False)),
    (httpx.PoolTimeout(""), {}, NoResponse("timed out (PoolTimeout)", was_sent=False)),
    (httpx.UnsupportedProtocol("ftp"), {}, NoResponse("ftp", was_sent=False)),
    (httpx.InvalidURL("odd"), {}, NoResponse("odd", was_sent=False)),
    (ValueError(f"odd {KEY}"), {"key": ApiKey(KEY)}, NoResponse("odd [API key]", was_sent=True)),
]


@pytest.mark.parametrize(("error", "more", "fault"), FAULTS, ids=lambda value: repr(value)[:40])
def test_what_an_error_means(error: Exception, more: dict[str, Any], fault: NoResponse) -> None:
    """It is told in its own words, without the key; of errors before there is a connection none was sent."""
    assert no_response(error, **more) == fault


@pytest.mark.parametrize("was_sent", [True, False])
def test_a_request_that_outlived_its_time(was_sent: bool) -> None:  # noqa: FBT001 - a case of the table
    """It is told as httpx's own time-outs are."""
    assert timed_out(was_sent=was_sent) == no_response(httpx.ReadTimeout(""), was_sent=was_sent)


def test_the_head_of_an_answer() -> None:
    """It has the status, the headers by their names in lower case, and where it came from."""
    response = httpx.Response(206, headers=[("X-A", "1"), ("x-a", "2"), ("ETag", '"e"')])
    response.request = httpx.Request("GET", URL)
    assert response_head(response) == ResponseHead(206, {"x-a": "1, 2", "etag": '"e"'}, URL)


def test_a_body_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks are taken up to the limit, to the byte; at it no more are wanted."""
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 8)
    body = Body()
    assert [body.add(chunk) for chunk in (b"123", b"4567")] == [True, True]
    assert body.response(httpx.Response(200), ApiKey(KEY)) == Response(200, {}, b"1234567")
    assert [body.add(chunk) for chunk in (b"89", b"0")] == [False, False]
    assert body.response(httpx.Response(200), ApiKey(KEY)) == Response(200, {}, b"12345678")
    exact = Body()
    assert exact.add(b"12345678") is False


def test_a_key_is_struck_out_of_any_bytes() -> None:
    """An echoed key is struck out of headers and body, and whatever bytes are around it stay."""
    body = Body()
    for chunk in (b"\xff\x00", KEY[:5].encode(), KEY[5:].encode(), b"\xe4\xf6"):
        body.add(chunk)
    answer = body.response(httpx.Response(200, headers={"x-echo": f"a {KEY} b"}), ApiKey(KEY))
    assert answer == Response(200, {"x-echo": "a [API key] b"}, b"\xff\x00[API key]\xe4\xf6")


def raised(error: BaseException, context: BaseException | None = None) -> BaseException:
    """An error that was raised, while another one was handled if there is one."""
    with pytest.raises(type(error)) as caught:
        raise error
    caught.value.__context__ = context
    return caught.value


def test_frames_are_dropped_down_to_the_caller_s_own() -> None:
    """An error and all that led to it lose their frames, but not the one that the caller was handling."""
    own = raised(ValueError("own"))
    first = raised(KeyError("first"), own)
    second = raised(LookupError("second"), first)
    last = raised(KeyboardInterrupt(), second)
    assert without_frames(last, own) is last
    assert [error.__traceback__ for error in (last, second, first)] == [None] * 3
    assert own.__traceback__ is not None
    assert without_frames(own, None).__traceback__ is None


class Made(httpx.Client):
    """A client that tells with which options it is made."""

    made_with: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:
        self.made_with.append(options)
        super().__init__(**options)


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ({}, {}),
        ({"keeps_alive": True}, {}),
        ({"keeps_alive": False}, {"limits": httpx.Limits(max_keepalive_connections=0)}),
    ],
    ids=["by default", "kept", "not kept"],
)
def test_a_client_is_made_once_and_late(more: dict[str, Any], options: dict[str, Any]) -> None:
    """It is made when it is first needed, and then is the same; on request it keeps no connections."""
    Made.made_with = []
    late = LazyClient[httpx.Client](Made, **more)
    assert late.own is None
    client = late.get()
    assert client is late.get() is late.own
    assert Made.made_with == [options]
    client.close()


def test_a_given_client_is_used() -> None:
    """A caller's client is used, and none is made."""
    with httpx.Client() as given:
        late = LazyClient(httpx.Client, given)
        assert late.get() is given
        assert late.own is None


@pytest.mark.parametrize("kind", [httpx.Client, httpx.AsyncClient])
@pytest.mark.parametrize(
    ("name", "value"), [("ALL_PROXY", "nonsense://proxy.example"), ("SSL_CERT_FILE", "/not/there.pem")]
)
def test_an_environment_that_cant_be_used(
    kind: Any, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies or certificates that can't be used are bad input, told with the variables to look at."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        LazyClient(kind).get()
    [problem] = caught.value.problems
    assert problem.startswith("no HTTP client can be made: ")
    assert problem.endswith(" (look at SSL_CERT_FILE, SSL_CERT_DIR and *_PROXY)")
    assert caught.value.__cause__ is None
