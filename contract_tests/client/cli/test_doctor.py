"""`doctor` shows what a paid call needs and does not have, without spending."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx
from inline_snapshot import snapshot

from contract_tests.client.cli.conftest import KEY
from contract_tests.client.cli.unfinished import begun, in_doubt, plain
from contract_tests.support.contract import key_headers, place
from kling_elements import Journal, KlingElements
from kling_elements_mock import Polls

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]

ORIGIN = "http://service.localhost"
OTHER = "key-of-another-account"


@pytest.fixture(autouse=True)
def _without_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", "off")


def answer(status: int = 200, body: Any = None, *dates: str) -> httpx.Response:
    """Return a response to a list."""
    return httpx.Response(status, json=body or {"data": []}, headers=[("date", date) for date in dates])


def examined(
    run: Run, *words: str, std: httpx.Response | Exception | None = None, pro: httpx.Response | None = None
) -> tuple[Ended, dict[str, str], list[httpx.URL]]:
    """Run `doctor` against these lists; return what it shows, by name, and the URLs it asked."""
    urls = []

    def reply(request: httpx.Request) -> httpx.Response:
        urls.append(request.url)
        assert request.method == "GET"
        is_std = request.url.path == place("listKlingElementsStdTasks")[1]
        given = (std if is_std else pro) or answer()
        if isinstance(given, Exception):
            raise given
        return httpx.Response(given.status_code, content=given.content, headers=given.headers)

    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=reply)
        ended = run("doctor", *words)
    lines = [line for line in ended.out.splitlines() if ":" in line]
    found = {line[6:].partition(":")[0]: f"{line[:5].strip()} {line[17:]}" for line in lines}
    return ended, found, urls


def test_all_is_in_order(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check is a line; nothing is created; the key is never shown."""
    served = serve_mock()
    monkeypatch.delenv("KLING_ELEMENTS_JOURNAL")
    ended = run("doctor")
    assert (ended.code, ended.err) == (0, "")
    text = plain(ended.out, known={served.url: "http://h", str(Path.cwd().parent): "TMP"})
    assert re.sub(r"[\d.]*\d", "N", text) == snapshot("""\
ok    program:   kling-elements N, Python N, Linux
ok    mock:      installed
ok    document:  Kling Elements N, N operations; servers: https://api.freepik.com
      (x-freepik-api-key), https://api.magnific.com (x-magnific-api-key)
ok    folder:    the current folder can be written
ok    key:       from KLING_ELEMENTS_API_KEY
warn  origin:    http://h (from KLING_ELEMENTS_BASE_URL), the key in the header x-freepik-api-key;
      it is not one of the document's servers
ok    service:   reached in N ms, the key is accepted; N tasks, N not done
ok    clock:     agrees with the service's
ok    journal:   TMP/state/kling-elements/journal.sqliteN: N tasks unfinished, N creates of unknown
      outcome
ok    limits:    N of N requests in N s, N of N requests in N s, N of N tasks
""")
    assert KEY not in ended.out
    assert {request.method for request in served.mock.requests} == {"GET"}
    as_json = run("doctor", "--json")
    assert [set(check) for check in as_json.json["checks"]] == [{"level", "name", "text"}] * 10
    assert KEY not in as_json.out


def test_without_a_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the service is not asked, and nothing is said that it did."""
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    ended, found, urls = examined(run, "--base-url", ORIGIN)
    assert (ended.code, urls) == (2, [])
    assert found["key"].startswith("fail no API key: set KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC")
    assert found["service"] == "warn not asked, as there is no key"
    assert found["clock"] == "warn not compared: the service was not asked"
    assert "journal" not in found


@pytest.mark.parametrize(
    ("words", "environment", "shown"),
    [
        ((), {}, "ok from KLING_ELEMENTS_API_KEY"),
        ((), {"KLING_ELEMENTS_API_KEY": "", "MAGNIFIC_API_KEY": f" {KEY}\n"}, "ok from MAGNIFIC_API_KEY"),
        (("--api-key-file", "key"), {}, "ok from the file key"),
        (("--api-key-file", "key"), {"FREEPIK_API_KEY": OTHER},
         "warn from the file key; another one in FREEPIK_API_KEY is not used"),
        ((), {"FREEPIK_API_KEY": KEY, "MAGNIFIC_API_KEY": OTHER},
         "warn from KLING_ELEMENTS_API_KEY; another one in MAGNIFIC_API_KEY is not used"),
        (("--api-key-file", "none"), {}, "fail --api-key-file none: No such file or directory"),
        (("--api-key-file", "void"), {}, "fail --api-key-file void is empty"),
    ],
)  # fmt: skip
def test_the_key(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    environment: dict[str, str],
    shown: str,
) -> None:
    """The report says where the key comes from, and which are not used; it shows none of them."""
    Path("key").write_text(KEY)
    Path("void").write_text("\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    echo = answer(401, {"message": KEY})
    ended, found, _ = examined(run, "--base-url", ORIGIN, *words, std=echo)
    assert found["key"] == shown
    assert ended.code == (2 if shown.startswith("fail") else 3)
    assert KEY not in ended.out
    assert OTHER not in ended.out


def test_the_origin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says where requests go and why, warns of a place that the document lacks, and asks it."""
    first, header = next(iter(key_headers().items()))
    _, found, urls = examined(run)
    assert found["origin"] == f"ok {first} (from the document), the key in the header {header}"
    assert {f"{url.scheme}://{url.host}" for url in urls} == {first}
    monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", f"{ORIGIN}/")
    _, found, urls = examined(run, "--auth-header", "x-mine")
    assert found["origin"].startswith(
        f"warn {ORIGIN} (from KLING_ELEMENTS_BASE_URL), the key in the header x-mine; it is not one of"
    )
    ended, found, urls = examined(run, "--base-url", "ftp://x")
    assert (ended.code, urls) == (2, [])
    assert found["origin"].startswith("fail base_url must be")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert examined(run, "--base-url", ORIGIN)[1]["proxy"] == "ok set by HTTPS_PROXY, ALL_PROXY"


@pytest.mark.parametrize(
    ("std", "code", "said"),
    [
        (answer(body={"data": [{"task_id": "1", "status": "CREATED"}]}), 0, "; 1 task, 1 not done"),
        (answer(body={"data": [{"task_id": "1", "status": "COMPLETED"}]}), 0, "; 1 task, 0 not done"),
        (answer(404, {"message": "Tasks not found"}), 0, "; 0 tasks, 0 not done"),
        (answer(401, {"message": f"{KEY} is not known"}), 3, "fail HTTP 401: [API key] is not known"),
        (httpx.Response(200, html="hello"), 1, "fail "),
        (answer(503, {"message": "x\x1b[2J\nok    key: fine"}), 3, "x\\x1b[2J\\nok key: fine"),
        (httpx.ConnectError("refused"), 8, "fail "),
    ],
)
def test_the_service(run: Run, std: httpx.Response | Exception, code: int, said: str) -> None:
    """What the service answers to one list is shown; its failure has the exit code of a call's."""
    ended, found, urls = examined(run, "--base-url", ORIGIN, std=std)
    assert ended.code == code
    assert said in found["service"]
    assert len(urls) == 1
    assert "\x1b" not in ended.out
    if isinstance(std, Exception):
        assert found["clock"] == "warn not compared: the service did not answer"


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0, "ok agrees with the service's"),
        (3600, "behind the service's: expiry times shown are wrong"),
        (-3600, "ahead of the service's: expiry times shown are wrong"),
        (None, "warn not compared: the service sent no date"),
        ("soon", "warn not compared: the service sent no date"),
        ("Thu, 26 Nov 99999999999999999999 12:00:00 GMT", "warn not compared: the service sent no date"),
    ],
)
def test_the_clock(run: Run, ahead: float | str | None, said: str) -> None:
    """More than a minute's difference is a warning; a date that can't be read is none."""
    date = ahead if isinstance(ahead, str) else None
    if isinstance(ahead, int):
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + ahead))
    _, found, _ = examined(run, "--base-url", ORIGIN, std=answer(200, None, *([date] if date else [])))
    assert said in found["clock"]


def test_the_journal(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unfinished, doubtful and unrecorded is shown, with what to type."""
    served = serve_mock(pace=Polls(9))
    assert "off: what is created is forgotten with the process" in run("doctor").out
    monkeypatch.delenv("KLING_ELEMENTS_JOURNAL")
    begun(run, served, "-o", "a.mp4")
    in_doubt(served.url)
    with KlingElements(KEY, served.url, journal=False) as client:
        ids = [client.create("https://example.com/a.png", model="pro").id for _ in range(6)]
    ended = run("doctor")
    assert ended.code == 0
    assert (
        "1 task unfinished, 1 create of unknown outcome. To finish them: kling-elements resume" in ended.out
    )
    assert "6 tasks of the model pro at the service that the journal does not know" in ended.out
    assert "and 1 more. To take one: kling-elements resume --adopt ID" in ended.out
    assert sum(each in ended.out for each in ids) == 5
    assert "of the model std" not in ended.out
    with KlingElements(KEY, served.url) as client:
        Journal.open().quota_exhausted(client.journal_owner, time.time() + 7200)
    assert "warn  limits:" in run("doctor").out
