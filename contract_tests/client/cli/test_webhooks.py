"""`webhooks listen` and `mock` on the command line: what they hand on, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.support.deliveries import SECRET
from kling_elements.cli import webhook_output as listening
from kling_elements.cli.commands import mock
from kling_elements.cli.webhook_output import SECRET_VARIABLE
from kling_elements.errors import ValidationError
from kling_elements.webhooks.receiver import PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended

    Run = Callable[..., Ended]

DEFAULTS = (["from the variable"], "127.0.0.1", PORT)
OPTIONS = {"encoding": "utf-8", "tolerance": 300.0, "as_json": False}


@pytest.fixture
def listens(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """What the listener was called with. It tells where it listens, gives a line, and ends like Ctrl-C."""
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def listen(*args: Any, result: Callable[[str], None], note: Callable[[str], None], **options: Any) -> int:
        calls.append((args, options))
        note("listening")
        result("a delivery")
        return 130

    monkeypatch.setattr(listening, "listen", listen)
    monkeypatch.setenv(SECRET_VARIABLE, "from the variable")
    return calls


@pytest.mark.parametrize(
    ("line", "arguments", "options"),
    [
        ("", DEFAULTS, OPTIONS),
        ("--json", DEFAULTS, {**OPTIONS, "as_json": True}),
        (
            "--host ::1 --port 0 --encoding hex --tolerance 1.5",
            (["from the variable"], "::1", 0),
            {**OPTIONS, "encoding": "hex", "tolerance": 1.5},
        ),
        ("--encoding base64 --port 65535", (*DEFAULTS[:2], 65535), {**OPTIONS, "encoding": "base64"}),
        ("--secret-file one --secret-file two", ([SECRET, "older"], *DEFAULTS[1:]), OPTIONS),
    ],
)
def test_the_listener_gets_the_options(
    run: Run,
    listens: list[tuple[tuple[Any, ...], dict[str, Any]]],
    line: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> None:
    """Each option reaches the listener; deliveries go to stdout, all else to stderr."""
    Path("one").write_text(SECRET)
    Path("two").write_text("older")
    ended = run("webhooks", "listen", *line.split())
    assert (ended.code, ended.out, ended.err) == (130, "a delivery\n", "listening\n")
    assert listens == [(arguments, options)]


NO_PORT = "a port is 0 to 65535: got "
HELP = ". See: kling-elements webhooks --help"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("listen --port 65536", f"{NO_PORT}'65536'"),
        ("listen --port 000080", f"{NO_PORT}'000080'"),
        ("listen --port -1", f"{NO_PORT}'-1'"),
        ("listen --port ٣", f"{NO_PORT}'٣'"),
        ("listen --port x", f"{NO_PORT}'x'"),
        (
            "listen --tolerance soon",
            f"argument --tolerance: a number of seconds is needed: got 'soon'{HELP}",
        ),
        ("", f"the following arguments are required: listen{HELP}"),
        (
            "listen --secret-file none --secret-file void",
            "the secret in none can't be read: No such file or directory; the secret in void is empty",
        ),
    ],
)
def test_what_cannot_be_listened_with(run: Run, line: str, told: str) -> None:
    """A port, a number, a word or a secret that can't be used is one line, and exit code 2."""
    Path("void").touch()
    ended = run("webhooks", *line.split())
    assert (ended.code, ended.out, ended.err) == (2, "", f"kling-elements: {told}\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("listen --encoding ascii", "argument --encoding: invalid choice: 'ascii'"),
        ("send", "argument listen: invalid choice: 'send'"),
    ],
)
def test_an_unknown_word(run: Run, line: str, told: str) -> None:
    """A word that is none of the known ones is a usage error, whatever else Python says of it."""
    ended = run("webhooks", *line.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"kling-elements: {told} ")


def test_without_a_secret_nothing_is_served(
    run: Run,
    listens: list[tuple[tuple[Any, ...], dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a secret the line says where it is read from."""
    monkeypatch.delenv(SECRET_VARIABLE)
    ended = run("webhooks", "listen")
    told = f"no webhook secret: set {SECRET_VARIABLE} (several: with commas), or pass --secret-file"
    assert (ended.code, ended.out, ended.err) == (2, "", f"kling-elements: {told}\n")
    assert listens == []


def test_a_listener_that_cannot_serve(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hinders the listener is told on one line, all of it."""

    def listen(*_: object, **__: object) -> int:
        raise ValidationError(["can't listen on x:1: busy", "and more"])

    monkeypatch.setattr(listening, "listen", listen)
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    ended = run("webhooks", "listen")
    assert (ended.code, ended.err) == (2, "kling-elements: can't listen on x:1: busy; and more\n")


def test_the_mock_is_found_by_its_entry_point(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mock` is the entry point of that name in the commands' group, which gets the rest of the line."""
    got: list[list[str]] = []

    def main(arguments: list[str]) -> int:
        got.append(arguments)
        return 5

    points = {("kling_elements.commands", "mock"): [SimpleNamespace(load=lambda: main)]}
    monkeypatch.setattr(mock, "entry_points", lambda *, group, name: points[group, name])
    assert run("mock", "--port", "0", "-q").code == 5
    assert got == [["--port", "0", "-q"]]


def test_a_mock_that_lacks_a_package(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the mock can't be imported, the line names what is missing and how to install it."""

    def load() -> None:
        raise ModuleNotFoundError(name="starlette")

    monkeypatch.setattr(mock, "entry_points", lambda **_: [SimpleNamespace(load=load)])
    ended = run("mock")
    told = "the mock needs starlette, which is not installed: pip install 'kling-elements[mock]'"
    assert (ended.code, ended.out, ended.err) == (2, "", f"kling-elements: {told}\n")
