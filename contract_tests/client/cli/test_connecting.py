"""Where a command connects to, with which key, and what its run learns of it."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import KEY, parsed, session_of
from contract_tests.support.answers import IMAGE, png
from kling_elements import Limits, ValidationError
from kling_elements.cli.connection import _creates_a_task, find_key, open_client
from kling_elements.cli.exit_codes import CommandError
from kling_elements.settings import API_KEY_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements import KlingElements
    from kling_elements_mock import ServedMock

    Serve = Callable[..., ServedMock]


@pytest.mark.parametrize(
    ("call", "statuses", "creates"),
    [
        (lambda client: client.list(), [404], False),
        (lambda client: client.upload(png()), [200, 200], False),
        (lambda client: client.create([IMAGE]), [200], True),
        (lambda client: client.create([IMAGE], model="pro"), [200], True),
    ],
    ids=["list", "upload", "create", "create-pro"],
)
def test_a_run_knows_where_it_asked_and_whether_it_may_have_cost(
    serve_mock: Serve, call: Callable[[KlingElements], object], statuses: list[int], *, creates: bool
) -> None:
    """The run learns the origin of a request and sees the answer; only a create is told as one."""
    served, (session, _, _) = serve_mock(), session_of()
    seen: list[int] = []
    with open_client(parsed("list"), session, lambda response: seen.append(response.status_code)) as client:
        assert (session.contacted, session.was_create_sent) == (None, False)
        call(client)
    assert (session.contacted, seen, session.was_create_sent) == (served.url, statuses, creates)


def test_another_listener_is_told_of_creates_instead(serve_mock: Serve) -> None:
    """A command with many creates hears of each itself, and its signals are not held."""
    serve_mock()
    session, _, _ = session_of()
    heard: list[str] = []
    with open_client(parsed("list"), session, on_create=lambda: heard.append("a create")) as client:
        client.list()
        client.create([IMAGE])
        client.create([IMAGE])
    assert (heard, session.was_create_sent) == (["a create", "a create"], False)


@pytest.mark.parametrize("limits", [None, Limits(tasks=7)])
def test_a_client_keeps_to_the_limits_it_is_given(serve_mock: Serve, limits: Limits | None) -> None:
    """A command's own limits are the client's; without them the vendor's are."""
    serve_mock()
    session, _, _ = session_of()
    with open_client(parsed("list"), session, limits=limits) as client:
        assert client.usage
        assert client.usage.limits == (limits or Limits())


def test_a_client_that_cannot_be_made(serve_mock: Serve) -> None:
    """Options that the client refuses are its own error."""
    serve_mock()
    session, _, _ = session_of()
    with (
        pytest.raises(ValidationError, match="base_url must be"),
        open_client(parsed("--base-url", "x", "list"), session),
    ):
        pass


def test_what_costs_is_known_by_the_document() -> None:
    """Of the document's paths the creates' are known, also behind a proxy's prefix, and no others."""
    ai = "/v1/ai"
    paths = {
        f"{ai}/image-to-video/kling-elements-std": True,
        f"{ai}/image-to-video/kling-elements-pro": True,
        f"/prefix{ai}/image-to-video/kling-elements-pro": True,
        f"{ai}/image-to-video/kling-elements/{{task-id}}": False,
        f"{ai}/image-to-video/kling-elements/046b6c7f": False,
        f"{ai}/image-to-video/kling-elements-std/046b6c7f": False,
        f"{ai}/uploads/request-url": False,
        "/": False,
    }
    assert {path: _creates_a_task(path) for path in paths} == paths


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (("a", "b", "c"), ("a", API_KEY_VARIABLES[0])),
        ((None, "b", None), ("b", API_KEY_VARIABLES[1])),
        (("", "b", "c"), ("b", API_KEY_VARIABLES[1])),
        (("", " ", "\tc\n"), ("c", API_KEY_VARIABLES[2])),
    ],
)
def test_the_first_variable_that_says_something_is_the_key(
    monkeypatch: pytest.MonkeyPatch, given: tuple[str | None, ...], found: tuple[str, str]
) -> None:
    """The key is that of the first variable that is not blank, without the space around it."""
    for name, value in zip(API_KEY_VARIABLES, given, strict=True):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    session, _, _ = session_of()
    assert find_key(parsed("list"), session) == found
    assert (session.key, session.keys) == (found, {found[0]})


def test_no_key_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key every way to give one is told."""
    monkeypatch.delenv(API_KEY_VARIABLES[0])
    session, _, _ = session_of()
    with pytest.raises(CommandError) as caught:
        find_key(parsed("list"), session)
    assert str(caught.value) == (
        "no API key: set KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY, or use --api-key-file. "
        "Nothing was sent"
    )


def test_a_key_from_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key on stdin serves all clients of a run, though stdin can be read once."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"  {KEY}\n"))
    (session, _, _), args = session_of(), parsed("list", "--api-key-file", "-")
    assert find_key(args, session) == (KEY, "the file -")
    assert find_key(args, session) == (KEY, "the file -")


def test_a_key_from_a_file(tmp_path: Path) -> None:
    """A file's key counts before the environment's, without the mark that some editors put before it."""
    path = tmp_path / "key"
    path.write_text("another-key\r\n", encoding="utf-8-sig")
    session, _, _ = session_of()
    assert find_key(parsed("list", "--api-key-file", str(path)), session) == (
        "another-key",
        f"the file {path}",
    )


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("missing", ": No such file or directory"),
        ("nul\0", ": it can't be read"),
        ("-", ": it can't be read"),
        ("blank", " is empty"),
        ("image", " is no text"),
    ],
)
def test_a_key_file_that_is_of_no_use(monkeypatch: pytest.MonkeyPatch, name: str, fault: str) -> None:
    """What is wrong with a key's file is told with its name; so is a stdin that isn't there."""
    Path("blank").write_text(" \n", encoding="utf-8")
    Path("image").write_bytes(png())
    monkeypatch.setattr(sys, "stdin", None)
    session, _, _ = session_of()
    with pytest.raises(CommandError) as caught:
        find_key(parsed("list", "--api-key-file", name), session)
    assert str(caught.value) == f"--api-key-file {name}{fault}. Nothing was sent"
