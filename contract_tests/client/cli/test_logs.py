"""The client's log on stderr: which records are shown, how, and what is left behind."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest

from kling_elements.cli.console import Console
from kling_elements.cli.context import Context
from kling_elements.cli.log_output import logged

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "kling_elements"
EVERYTHING = ["debug: d", "info: i", "warning: w", "error: e"]


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger(NAME)
    before = logger.level
    yield logger
    logger.setLevel(before)


@pytest.fixture
def stderr() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def session(stderr: io.StringIO) -> Context:
    return Context(Console(None, stderr, {}))


@pytest.mark.parametrize("before", [logging.NOTSET, logging.DEBUG, logging.ERROR], ids=logging.getLevelName)
@pytest.mark.parametrize(
    ("verbosity", "is_quiet", "shown"),
    [
        (0, False, EVERYTHING[2:]),
        (0, True, EVERYTHING[3:]),
        (1, False, EVERYTHING[1:]),
        (1, True, EVERYTHING[1:]),
        (2, False, EVERYTHING),
        (3, False, EVERYTHING),
    ],
)
def test_how_much_is_shown(  # noqa: PLR0913, PLR0917 - cases
    logger: logging.Logger,
    session: Context,
    stderr: io.StringIO,
    verbosity: int,
    is_quiet: bool,  # noqa: FBT001 - a case
    shown: list[str],
    before: int,
) -> None:
    """Warnings by default, more with `-v`, less with `-q`, whatever the logger's own level, which is kept."""
    logger.setLevel(before)
    handlers = list(logger.handlers)
    with logged(session, verbosity, is_quiet=is_quiet):
        child = logging.getLogger(f"{NAME}.sending")
        child.debug("d")
        child.info("i")
        child.warning("w")
        child.error("e")
        logging.getLogger("another").error("not the client's")
    assert (logger.level, logger.handlers) == (before, handlers)
    logger.error("too late")
    assert stderr.getvalue().splitlines() == shown


def test_whoever_wants_more_of_the_log_gets_it(logger: logging.Logger, session: Context) -> None:
    """A logger that was made to let more through goes on to do so for others."""
    logger.setLevel(logging.DEBUG)
    with logged(session, 0, is_quiet=False):
        assert logger.level == logging.DEBUG
    logger.setLevel(logging.ERROR)
    with logged(session, 1, is_quiet=False):
        assert logger.level == logging.INFO


def test_a_record_is_one_harmless_line(logger: logging.Logger, session: Context, stderr: io.StringIO) -> None:
    """A record is one line without key, signature and control characters; the same again is told once."""
    session.keys.add("a key")
    with logged(session, 0, is_quiet=False):
        for text in (
            "a",
            "a",
            "b",
            "a",
            "1\n2\x1b[0m a key https://cdn.example/v.mp4?token=exp=1",
        ):
            logger.warning("%s", text)
    assert stderr.getvalue().splitlines() == [
        "warning: a",
        "warning: b",
        "warning: a",
        "warning: 1 2\\x1b[0m [API key] https://cdn.example/v.mp4?...",
    ]
