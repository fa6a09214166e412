"""Fetching a page: bounded, without anything of the user's, and to the right file."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from spec.tools.errors import SpecError
from spec.tools.fetch_page import MOST_BYTES, fetch_page, file_for

URL = "https://docs.example.com/things.md"
PAGE = b"# T\n\n````yaml get /v1/things\nopenapi: 3.0.3\n````\n"


def fetch(answer: Callable[[httpx.Request], httpx.Response], url: str = URL) -> bytes:
    return fetch_page(url, transport=httpx.MockTransport(answer), clock=lambda: 0.0)


def test_it_goes_without_the_users_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key of the environment, no password of ~/.netrc, and no cookie goes with the request."""
    (tmp_path / "netrc").write_text("machine docs.example.com login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("FREEPIK_API_KEY", "fpk-secret-secret")
    seen: list[httpx.Request] = []

    moved = httpx.Response(302, headers={"location": "/new.md", "set-cookie": "a=b; Domain=example.org"})

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return moved if len(seen) == 1 else httpx.Response(200, content=PAGE)

    assert fetch(answer) == PAGE
    assert [str(one.url) for one in seen] == [URL, "https://docs.example.com/new.md"]
    names = {name for one in seen for name in one.headers}
    assert not names & {"authorization", "cookie", "x-freepik-api-key"}
    assert "secret" not in str([one.headers for one in seen])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(404), "answered 404"),
        (httpx.Response(200, content=b"x" * (MOST_BYTES + 1)), "larger than"),
        (httpx.Response(302, headers={"location": "http://docs.example.com/"}), "only https"),
        (httpx.Response(302, headers={"location": "https://me:you@docs.example.com/"}), "without a user"),
        (httpx.Response(302, headers={"location": URL}), "redirects"),
    ],
)
def test_what_cannot_be_used_is_said(answer: httpx.Response, words: str) -> None:
    """A wrong status, size or way there is one error that names the address."""
    with pytest.raises(SpecError, match=words) as caught:
        fetch(lambda _: answer)
    assert "docs.example.com" in str(caught.value)


def test_a_slow_page_is_given_up() -> None:
    """A page that trickles in ends after a minute, however patient each read is."""
    now = iter([0.0, *[61.0] * 9])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=PAGE))
    with pytest.raises(SpecError, match="more than 60 s"):
        fetch_page(URL, transport=transport, clock=lambda: next(now))


WHOLE = b"openapi: 3.0.0\npaths: {/v1/things: {get: {}}, /v1/more: {get: {}}}\n"
OTHER = PAGE.replace(b"things", b"other")


@pytest.mark.parametrize(
    ("page", "content", "known", "expected"),
    [
        ("/downloads/download(1).md", PAGE, {"get-things.md": PAGE}, "get-things.md"),
        ("https://docs.example.com/get-things", PAGE, {"get-things.md": b"broken"}, "get-things.md"),
        ("https://docs.example.com/api/things.mdx?x=1", PAGE, {"other.md": OTHER}, "things.md"),
        ("https://docs.example.com/../..%2F..%2Fetc%2Fpasswd", PAGE, {}, "passwd.md"),
        ("https://docs.example.com/", PAGE, {}, "page.md"),
        # A document takes the place of a document, whatever its name, and of no page.
        ("https://docs.example.com/v1", WHOLE, {"api.yaml": WHOLE, "things.md": PAGE}, "api.yaml"),
        ("https://docs.example.com/api-v2.yml", WHOLE, {"things.md": PAGE}, "api-v2.yaml"),
        ("api", b'{"openapi": "3.0.0", "paths": {"/v1/more": {"get": {}}}}', {"old.yaml": WHOLE}, "old.yaml"),
        ("things.md", PAGE, {"api.yaml": WHOLE}, "things.md"),
    ],
)
def test_the_right_file_is_found(page: str, content: bytes, known: dict[str, bytes], expected: str) -> None:
    """By its operations, else by its name, else a new file whose name leads nowhere else."""
    assert file_for(page, content, known) == expected
    with pytest.raises(SpecError, match=r"a\.md, b\.md"):
        file_for("page.md", PAGE + OTHER, {"a.md": PAGE, "b.md": OTHER})
