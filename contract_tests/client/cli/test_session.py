"""What one run knows, and the command lines that it hints at."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from contract_tests.client.cli.conftest import parsed, session_of
from kling_elements import Task
from kling_elements.cli.context import quoted
from kling_elements.cli.signals import Interrupted


def test_a_run_begins_with_nothing_known() -> None:
    """A new run knows no task, no file and no key, shows progress, and may replace nothing."""
    session, _, _ = session_of()
    known = {name: value for name, value in vars(session).items() if name not in {"console", "interruptions"}}
    assert known == {
        "is_json": False, "is_quiet": False, "is_verbose": False, "task_id": None, "was_create_sent": False,
        "output": None, "may_overwrite": False, "download_options": {}, "origin": (), "key": None,
        "contacted": None, "keys": set(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ([], {"is_json": False, "is_quiet": False, "is_verbose": False, "origin": ()}),
        (["-q"], {"is_json": False, "is_quiet": True, "is_verbose": False, "origin": ()}),
        (["--json"], {"is_json": True, "is_quiet": True, "is_verbose": False, "origin": ()}),
        (["-v"], {"is_json": False, "is_quiet": False, "is_verbose": True, "origin": ()}),
        (["-vv"], {"is_json": False, "is_quiet": False, "is_verbose": True, "origin": ()}),
        (["--base-url", "u"], {"origin": ("--base-url", "u")}),
        (["--auth-header", "h"], {"origin": ("--auth-header", "h")}),
        (["--api-key-file", "f"], {"origin": ("--api-key-file", "f")}),
        (["--api-key-file", "-"], {"origin": ()}),
        (
            ["--api-key-file", "f", "--auth-header", "h", "--base-url", "u"],
            {"origin": ("--base-url", "u", "--auth-header", "h", "--api-key-file", "f")},
        ),
    ],
)
def test_a_run_takes_every_command_s_options(words: list[str], known: dict[str, Any]) -> None:
    """JSON is quiet, `-v` is verbose, and what leads to the same service is kept for hints; stdin is not."""
    session, _, _ = session_of()
    session.configure(parsed("list", *words))
    assert {name: getattr(session, name) for name in known} == known


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({}, "kling-elements wait t-1 -o t-1.mp4"),
        ({"output": "my out.mp4"}, "kling-elements wait t-1 -o 'my out.mp4'"),
        ({"output": "o.mp4", "may_overwrite": True}, "kling-elements wait t-1 -o o.mp4 --overwrite"),
        (
            {"origin": ("--auth-header", "x-h", "--api-key-file", "a key")},
            "kling-elements --auth-header x-h --api-key-file 'a key' wait t-1 -o t-1.mp4",
        ),
    ],
)
def test_the_line_that_goes_on(known: dict[str, Any], line: str) -> None:
    """The hint leads to the same service and the same file, and may replace it where the command might."""
    session, _, _ = session_of(known)
    assert session.resume("t-1") == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("To resume: kling-elements wait t-1", "To resume: HERE wait t-1"),
        (
            "kling-elements list, kling-elements status x\nand kling-elements download y",
            "HERE list, HERE status x and HERE download y",
        ),
        ("kling-elements resume --adopt x", "HERE resume --adopt x"),
        (
            "kling-elements waits, kling-elements: HERE wait",
            "kling-elements waits, kling-elements: HERE wait",
        ),
    ],
)
def test_the_hints_of_an_error_lead_here(text: str, told: str) -> None:
    """An error's hints are told with what leads to the same service, once; other words stay."""
    session, _, _ = session_of({"origin": ("--base-url", "http://a b")})
    here = "kling-elements --base-url 'http://a b'"
    assert session.told(text.replace("HERE", here)) == told.replace("HERE", here)
    plain, _, _ = session_of()
    assert plain.told("kling-elements wait t-1") == "kling-elements wait t-1"


def test_what_an_error_tells_holds_no_secret() -> None:
    """Neither a key nor a signature stands in what is told of an error."""
    session, _, _ = session_of({"keys": {"a-secret-key"}})
    told = session.told("a-secret-key at https://v.example/a.mp4?token=abc")
    assert told == "[API key] at https://v.example/a.mp4?..."


@pytest.mark.parametrize(
    ("task_id", "name"),
    [
        ("aZ09_-", "aZ09_-.mp4"),
        ("a.b/c ü", "a_b_c__.mp4"),
        ("x" * 100, f"{'x' * 100}.mp4"),
        ("x" * 101, f"{'x' * 100}.mp4"),
    ],
)
def test_the_default_file_is_named_after_the_task(task_id: str, name: str) -> None:
    """The default file's name is the id as far as it is harmless, and 100 characters of it at most."""
    session, _, _ = session_of()
    assert session.target(task_id) == Path(name)


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("plain-1.mp4", "plain-1.mp4"),
        ("a b", "'a b'"),
        ("ü", "'ü'"),
        ("", "''"),
        ("a/b_c-d.e\x07", "$'a/b_c-d.e\\x07'"),
        ("é'\n", "$'\\xc3\\xa9\\x27\\x0a'"),
    ],
)
def test_a_word_is_typed(word: str, typed: str) -> None:
    """What can't be printed is typed as bytes, with the harmless characters around it as they are."""
    assert quoted(word) == typed


def test_a_task_is_told_once() -> None:
    """A task's id is told when it becomes known, if it is news, and no other one after it."""
    session, _, err = session_of()
    session.know(Task("t\n1", "CREATED"))
    session.know(Task("t-2", "CREATED"))
    assert (session.task_id, err.getvalue()) == ("t\n1", "task t 1\n")
    session, _, err = session_of()
    session.know(Task("t-1", "CREATED"), is_new=False)
    assert (session.task_id, err.getvalue()) == ("t-1", "")


def test_a_signal_waits_for_the_id() -> None:
    """A signal during a create is told to wait; the id is told, and then the run is interrupted."""
    session, _, err = session_of()
    with session.interruptions:
        session.begin_create()
        assert session.was_create_sent is True
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted):
            session.know(Task("t-1", "CREATED"))
    assert err.getvalue() == (
        "kling-elements: a create is under way: waiting up to 2 s for its task's id (again: leave now)\n"
        "task t-1\n"
    )
