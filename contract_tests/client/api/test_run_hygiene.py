"""The watch over the whole run finds what it is there for; results are logged without signatures."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from contract_tests.support import hygiene
from contract_tests.support.answers import RESULT
from contract_tests.support.clients import KEY
from kling_elements import KlingError, ValidationError
from kling_elements.api.auth import ApiKey
from kling_elements.policy.durations import check_seconds

NEW_KEY = "a-key-that-only-this-test-knows"


def found_by_now() -> list[str]:
    hygiene._look_at_errors()
    return hygiene.watch.take()


def test_a_leak_in_a_log_is_found() -> None:
    """A key, or a result's signature, is found in any record, its arguments and its traceback."""
    logger = logging.getLogger("some.library")
    ApiKey(NEW_KEY)
    for level in (logging.DEBUG, logging.ERROR):
        logger.log(level, "sent %s", {"x-key": NEW_KEY})
        assert found_by_now()
    logger.debug("it failed", exc_info=ValueError(KEY))
    assert found_by_now()
    logger.info("GET %s", RESULT)
    assert found_by_now()
    logger.info("sent %s", {"x-key": "***"})
    assert not found_by_now()


def test_a_key_in_an_error_is_found() -> None:
    """A key in an error's text, its attributes, or a variable of the package's frames is found."""
    for text, task_id in ((f"no {KEY}", None), ("no", KEY)):
        KlingError(text, task_id=task_id)
        assert found_by_now()
    with pytest.raises(ValidationError):
        check_seconds("timeout", [KEY])
    assert any("check_seconds's variable value" in leak for leak in found_by_now())


def test_a_key_in_output_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """A key that is printed is found; a result's URL may be on stdout, not on stderr."""
    for text, is_found in ((KEY, True), (RESULT, False)):
        print(text)  # noqa: T201 - that is the point
        capsys.readouterr()
        assert bool(found_by_now()) is is_found


def test_fixtures_hold_no_key() -> None:
    """No fixture of an exchange tells a value of a header that carries a key."""
    folder = Path(__file__).parents[2] / "fixtures"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not any(key in text for key in hygiene.watch.keys), path
        assert "api-key:" not in text.lower().replace('"', ""), path
