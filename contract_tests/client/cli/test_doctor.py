"""`doctor` tells what a paid call needs and does not have: whole outputs and exit codes, over situations."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from contract_tests.client.cli.conftest import KEY
from contract_tests.client.cli.doctoring import (
    DATE,
    HEADER,
    NO_KEY,
    ORIGIN,
    SOUND,
    Doctor,
    Service,
    listed,
    printed,
    refused,
    told,
)
from contract_tests.support.contract import key_headers, place
from kling_elements.cli.commands import doctor as command

OTHER = "key-of-another-variable"
FIRST = next(iter(key_headers()))
LIST = place("listKlingElementsStdTasks")[1]
CHECK = "Check the API key and that it belongs to this host"
FOREIGN = SOUND["origin"].replace("--base-url", "KLING_ELEMENTS_BASE_URL")


@pytest.mark.parametrize(
    ("args", "environment", "changes", "code"),
    [
        pytest.param("", {}, {}, 0, id="all in order"),
        pytest.param("", {"KLING_ELEMENTS_API_KEY": " "}, NO_KEY, 2, id="no key"),
        pytest.param(
            "",
            {"KLING_ELEMENTS_API_KEY": "", "MAGNIFIC_API_KEY": f" {KEY}\n"},
            {"key": "ok from MAGNIFIC_API_KEY"},
            0,
            id="the key in the last variable",
        ),
        pytest.param(
            "--api-key-file key", {}, {"key": "ok from the file key"}, 0, id="the same key in a file"
        ),
        pytest.param(
            "--api-key-file key",
            {"KLING_ELEMENTS_API_KEY": OTHER},
            {"key": "warn from the file key; another one in KLING_ELEMENTS_API_KEY is not used"},
            0,
            id="another key than the file's",
        ),
        pytest.param(
            "",
            {"FREEPIK_API_KEY": KEY, "MAGNIFIC_API_KEY": OTHER},
            {"key": "warn from KLING_ELEMENTS_API_KEY; another one in MAGNIFIC_API_KEY is not used"},
            0,
            id="the key twice, and another",
        ),
        pytest.param(
            "",
            {"MAGNIFIC_API_KEY": OTHER, "FREEPIK_API_KEY": f"{OTHER}-2"},
            {
                "key": "warn from KLING_ELEMENTS_API_KEY; another one in FREEPIK_API_KEY, MAGNIFIC_API_KEY "
                "is not used"
            },
            0,
            id="two others",
        ),
        pytest.param(
            "--api-key-file none",
            {},
            {**NO_KEY, "key": "fail --api-key-file none: No such file or directory"},
            2,
            id="no file of the key",
        ),
        pytest.param(
            "", {"http_proxy": "http://proxy:1"}, {"proxy": "ok set by HTTP_PROXY"}, 0, id="a proxy"
        ),
        pytest.param(
            "",
            {"all_proxy": "http://proxy:1", "HTTPS_PROXY": "http://proxy:1"},
            {"proxy": "ok set by HTTPS_PROXY, ALL_PROXY"},
            0,
            id="two proxies",
        ),
        pytest.param(
            "--auth-header x-mine",
            {},
            {"origin": SOUND["origin"].replace(HEADER, "x-mine")},
            0,
            id="another header",
        ),
    ],
)
def test_key_and_proxies_are_told(
    doctor: Doctor,
    args: str,
    environment: dict[str, str],
    changes: dict[str, str],
    code: int,
) -> None:
    """The report says which key is used, which is not, and which proxies are set; without a key it fails."""
    Path("key").write_text(KEY)
    ended = doctor("--base-url", ORIGIN, *args.split(), environment=environment)
    assert (ended.code, ended.out, ended.err) == (code, printed(told(**changes)), "")


@pytest.mark.parametrize(
    ("args", "environment", "origin", "asked"),
    [
        pytest.param(
            "", {}, f"ok {FIRST} (from the document), the key in the header {HEADER}", FIRST, id="none given"
        ),
        pytest.param("", {"KLING_ELEMENTS_BASE_URL": ORIGIN}, FOREIGN, ORIGIN, id="a variable"),
        pytest.param(
            f"--base-url {ORIGIN}/",
            {"KLING_ELEMENTS_BASE_URL": FIRST},
            SOUND["origin"],
            ORIGIN,
            id="an option over a variable",
        ),
        *(
            pytest.param(
                f"--base-url {url}",
                {},
                f"ok {url} (from --base-url), the key in the header {header}",
                url,
                id=f"the document's {url}",
            )
            for url, header in key_headers().items()
        ),
    ],
)
def test_the_origin_is_told_and_asked(
    doctor: Doctor,
    args: str,
    environment: dict[str, str],
    origin: str,
    asked: str,
) -> None:
    """The report says where requests go and why, warns of a place that the document lacks, and asks it."""
    service = Service()
    ended = doctor(*args.split(), service=service, environment=environment)
    assert (ended.code, ended.out) == (0, printed(told(origin=origin)))
    assert service.asked == [("GET", f"{asked}{LIST}")]


def test_an_origin_that_is_none(doctor: Doctor) -> None:
    """What can't be an origin is told at each check that needs one; the exit code is that of bad input."""
    problem = "fail base_url must be an http or https URL like https://api.example.com"
    ended = doctor("--base-url", "ftp://x")
    expected = told(origin=problem, service=problem, clock=NO_KEY["clock"], journal=problem)
    assert (ended.code, ended.out) == (2, printed(expected))


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ([DATE], "ok agrees with the service's"),
        (["Thu, 26 Nov 2026 12:01:00 GMT"], "ok agrees with the service's"),
        (["Thu, 26 Nov 2026 11:59:00 GMT"], "ok agrees with the service's"),
        (["Thu, 26 Nov 2026 12:01:01 GMT"], "warn 61 s behind the service's: expiry is told wrongly"),
        (["Thu, 26 Nov 2026 11:58:59 GMT"], "warn 61 s ahead of the service's: expiry is told wrongly"),
        (["Thu Nov 26 12:00:30 2026"], "ok agrees with the service's"),
        (["Thu, 26 Nov 2026 11:00:00 -0000"], "warn 3600 s ahead of the service's: expiry is told wrongly"),
        (["Thu, 26 Nov 2026 13:00:00 +0100"], "ok agrees with the service's"),
        ([], "warn not compared: the service told no date"),
        (["soon"], "warn not compared: the service told no date"),
        (["Thu, 26 Nov 99999999999999999999 12:00:00 GMT"], "warn not compared: the service told no date"),
        (["soon", DATE], "ok agrees with the service's"),
    ],
)
def test_the_clock_is_compared(doctor: Doctor, dates: list[str], said: str) -> None:
    """More than a minute's difference is a warning; a date in any of HTTP's forms is understood."""
    ended = doctor("--base-url", ORIGIN, service=Service([listed(dates=dates)]))
    assert (ended.code, ended.out) == (0, printed(told(clock=said)))


@pytest.mark.parametrize(
    ("answer", "service", "code"),
    [
        (
            listed("1"),
            "ok reached in 1234 ms, the key is accepted; 1 task, 1 not done",
            0,
        ),
        (
            listed("1", "2", status="COMPLETED"),
            "ok reached in 1234 ms, the key is accepted; 2 tasks, 0 not done",
            0,
        ),
        (refused(404, "no tasks"), "ok reached in 1234 ms, the key is accepted; 0 tasks, 0 not done", 0),
        (refused(401, f"{KEY} is not known"), f"fail HTTP 401: [API key] is not known. {CHECK}", 3),
        (
            httpx.Response(200, html="hello", headers={"date": DATE}),
            (
                "fail the service's answer can't be used: it is no JSON "
                "(HTTP 200, text/html; charset=utf-8): 'hello'"
            ),
            1,
        ),
    ],
    ids=["a task", "tasks that are done", "no tasks", "a refused key", "no JSON"],
)
def test_the_service_is_asked(doctor: Doctor, answer: httpx.Response, service: str, code: int) -> None:
    """What the service answers to a list is told; its refusal is a failure with the exit code of a call's."""
    ended = doctor("--base-url", ORIGIN, service=Service([answer]))
    assert (ended.code, ended.out) == (code, printed(told(service=service)))


def test_a_service_that_is_not_reached(doctor: Doctor) -> None:
    """A service that is not reached is a failure of its own exit code; the clock can't be compared then."""
    ended = doctor("--base-url", ORIGIN, service=Service([httpx.ConnectError("refused")]))
    service = "fail no answer: refused. Nothing is lost; repeat it"
    assert (ended.code, ended.out) == (8, printed(told(service=service, clock=NO_KEY["clock"])))


def test_the_report_as_json(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--json` gives the same findings in one document, and the same exit code."""
    monkeypatch.setenv("MAGNIFIC_API_KEY", OTHER)
    service = Service([refused(401, f"{OTHER}, {KEY}")])
    ended = doctor("--base-url", ORIGIN, "--json", service=service)
    expected = told(
        key="warn from KLING_ELEMENTS_API_KEY; another one in MAGNIFIC_API_KEY is not used",
        service=f"fail HTTP 401: [API key], [API key]. {CHECK}",
    )
    assert ended.code == 3
    assert ended.json == {
        "checks": [{"level": level, "name": name, "text": text} for level, name, text in expected]
    }


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "av"])
def test_a_mock_that_is_not_installed(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without one of the packages that the mock needs, the report says so, and is in order all the same."""
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == missing else name)
    ended = doctor("--base-url", ORIGIN)
    assert (ended.code, ended.out) == (0, printed(told(mock="ok not installed (optional)")))


def test_a_folder_that_is_gone(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that no file can be put in is a failure, and the other checks are done."""
    Path("gone").mkdir()
    monkeypatch.chdir("gone")
    ended = doctor("--base-url", ORIGIN, meanwhile=Path.cwd().rmdir)
    gone = "fail a file in this folder can't be written: No such file or directory"
    assert (ended.code, ended.out) == (2, printed(told(folder=gone)))


def test_a_check_that_breaks_down(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is a finding, by its kind if it has no text; the rest is done."""

    def break_down(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(command, "check_output", break_down)
    ended = doctor("--base-url", ORIGIN)
    assert (ended.code, ended.out) == (1, printed(told(folder="fail RuntimeError")))
