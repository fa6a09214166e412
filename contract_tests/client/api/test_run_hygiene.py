"""The watch over the whole run finds what it is there for; results are logged without signatures."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from contract_tests.support import hygiene
from contract_tests.support.answers import ID, RESULT, mp4
from contract_tests.support.clients import KEY
from contract_tests.support.loopback import serving
from kling_elements import AsyncTask, KlingError, Task, ValidationError
from kling_elements.api.auth import ApiKey
from kling_elements.policy.durations import check_seconds

if TYPE_CHECKING:
    from contract_tests.support.clients import Driver

NEW_KEY = "a-key-that-only-this-test-knows"


def found_by_now() -> list[str]:
    hygiene._look_at_errors()
    return hygiene.watch.take()


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.ERROR])
def test_a_key_in_a_log_is_found(level: int) -> None:
    """A key in any library's record is found, at levels that nobody listens to and in the arguments too."""
    ApiKey(NEW_KEY)
    logging.getLogger("some.library").log(level, "sent %s", {"x-key": NEW_KEY})
    assert found_by_now()
    logging.getLogger("some.library").log(level, "sent %s", {"x-key": "***"})
    assert not found_by_now()


def test_a_key_in_a_logged_traceback_is_found() -> None:
    """A key in the text of an exception that is logged is found."""
    logging.getLogger("some.library").debug("it failed", exc_info=ValueError(KEY))
    assert found_by_now()


def test_a_signature_in_a_log_is_found() -> None:
    """A result's whole address in a log is found."""
    logging.getLogger("some.library").info("GET %s", RESULT)
    assert found_by_now()


def test_a_key_in_an_error_is_found() -> None:
    """A key in an error's text, its attributes, or a variable of the package's frames is found."""
    for text, task_id in ((f"no {KEY}", None), ("no", KEY)):
        assert KEY.encode() in pickle.dumps(KlingError(text, task_id=task_id))
        assert found_by_now()
    with pytest.raises(ValidationError):
        check_seconds("timeout", [KEY])
    assert any("check_seconds's variable value" in leak for leak in found_by_now())


def test_a_key_in_output_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """A key that is printed is found; a result's address may be on stdout, not on stderr."""
    print(KEY)  # noqa: T201 - that is the point
    capsys.readouterr()
    assert found_by_now()
    print(RESULT)  # noqa: T201 - as above
    capsys.readouterr()
    assert not found_by_now()


def test_a_key_in_a_journal_is_found(tmp_path: Path) -> None:
    """A key among the bytes of a journal is found."""
    path = tmp_path / "a" / "journal.sqlite3-journal"
    path.parent.mkdir()
    path.write_bytes(b"\0" + KEY.encode())
    hygiene.look_at_journals(tmp_path)
    assert found_by_now()
    path.unlink()


def test_tests_see_the_records_that_they_would_without_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    """The watch sees every record, a test only those of the level that it or its user set."""
    logger = logging.getLogger("some.library")
    logger.info("not seen")
    assert caplog.records == []
    with caplog.at_level(logging.INFO):
        logger.info("seen")
    assert [record.getMessage() for record in caplog.records] == ["seen"]


def test_downloads_are_logged_without_the_signature(
    driver: Driver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The libraries log the fetch of a result, at any level, without the query of its address."""
    video = mp4()

    def answer(asked: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {"content-length": str(len(video)), "location": "/x?token=hmac=0a1b2c"}, video

    with serving(answer) as host, caplog.at_level(logging.DEBUG):
        kind = AsyncTask if driver.backend else Task
        task = kind(ID, "COMPLETED", (f"{host.url}/kling.mp4?token=exp=4102444800~hmac=0a1b2c",))
        driver.run(lambda: task.download(tmp_path / "out.mp4"))
        assert "token=exp=4102444800~hmac=0a1b2c" in host.asked[0].path
    logged = [record.getMessage() for record in caplog.records]
    assert any(f"{host.url}/kling.mp4?…" in text for text in logged)
    assert any(record.name == "httpcore.http11" for record in caplog.records)
    assert not any("hmac" in text for text in logged)


def test_other_requests_are_logged_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    """What the caller asks with httpx is logged with its query: it is theirs."""
    with caplog.at_level(logging.INFO), serving(lambda asked: (200, {}, b"")) as host:
        httpx.get(f"{host.url}/a?b=c")
    assert any("/a?b=c" in record.getMessage() for record in caplog.records)


def test_fixtures_hold_no_key() -> None:
    """No fixture of an exchange tells a value of a header that carries a key."""
    folder = Path(__file__).parents[2] / "fixtures"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not any(key in text for key in hygiene.watch.keys), path
        assert "api-key:" not in text.lower().replace('"', ""), path
