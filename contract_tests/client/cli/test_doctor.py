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

from contract_tests.client.cli.conftest import KEY, begun, foreign, in_doubt, plain
from contract_tests.support.contract import key_headers, place
from kling_elements import Journal, KlingElements

if TYPE_CHECKING:
    from contract_tests.client.cli.conftest import Ended, Run, Serve

ORIGIN = "http://service.localhost"
OTHER = "key-of-another-account"


def answer(status: int = 200, body: Any = None, **headers: str) -> httpx.Response:
    """Return a response to a list."""
    return httpx.Response(status, json=body or {"data": []}, headers=headers)


def examined(
    run: Run, *words: str, std: httpx.Response | Exception | None = None, origin: str = ORIGIN
) -> tuple[Ended, dict[str, str], list[httpx.URL]]:
    """Run `doctor` against this list; return what it shows, by name, and the URLs it asked."""
    urls: list[httpx.URL] = []

    def reply(request: httpx.Request) -> httpx.Response:
        urls.append(request.url)
        assert request.method == "GET"
        given = (std if request.url.path == place("listKlingElementsStdTasks")[1] else None) or answer()
        if isinstance(given, Exception):
            raise given
        return httpx.Response(given.status_code, content=given.content, headers=given.headers)

    with pytest.MonkeyPatch.context() as patch, respx.mock(assert_all_called=False) as router:
        patch.setenv("KLING_ELEMENTS_JOURNAL", "off")
        router.route().mock(side_effect=reply)
        ended = run("doctor", *(("--base-url", origin) if origin else ()), *words)
    assert KEY not in ended.out + ended.err
    assert OTHER not in ended.out + ended.err
    assert "\x1b" not in ended.out
    lines = [line for line in ended.out.splitlines() if ":" in line]
    return ended, {line[6:].partition(":")[0]: f"{line[:5].strip()} {line[17:]}" for line in lines}, urls


def test_all_is_in_order(run: Run, serve_mock: Serve) -> None:
    """Each check is a line; nothing is created; the key is never shown."""
    served = serve_mock()
    ended = run("doctor")
    assert (ended.code, ended.err) == (0, "")
    text = plain(ended.out, **{"http://h": served.url, "TMP": str(Path.cwd().parent)})
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
    as_json = run("doctor", "--json")
    assert [set(check) for check in as_json.json["checks"]] == [{"level", "name", "text"}] * 10
    assert KEY not in ended.out + as_json.out
    assert {request.method for request in served.mock.requests} == {"GET"}


def test_without_a_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the service is not asked, and nothing is said that it did."""
    monkeypatch.delenv("KLING_ELEMENTS_API_KEY")
    ended, found, urls = examined(run)
    assert (ended.code, urls) == (2, [])
    assert "KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY" in found["key"]
    levels = {name: found[name].split()[0] for name in ("key", "service", "clock")}
    assert levels == {"key": "fail", "service": "warn", "clock": "warn"}
    assert "journal" not in found


@pytest.mark.parametrize(
    ("words", "environment", "shown"),
    [
        ((), {}, "ok from KLING_ELEMENTS_API_KEY"),
        ((), {"KLING_ELEMENTS_API_KEY": "", "MAGNIFIC_API_KEY": f" {KEY}\n"}, "ok from MAGNIFIC_API_KEY"),
        (("--api-key-file", "key"), {}, "ok from the file key"),
        (
            ("--api-key-file", "key"),
            {"FREEPIK_API_KEY": OTHER},
            "warn from the file key; another one in FREEPIK",
        ),
        (
            (),
            {"FREEPIK_API_KEY": KEY, "MAGNIFIC_API_KEY": OTHER},
            "warn from KLING_ELEMENTS_API_KEY; another one",
        ),
        (("--api-key-file", "none"), {}, "fail --api-key-file none"),
        (("--api-key-file", "void"), {}, "fail --api-key-file void"),
    ],
)
def test_the_key(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], environment: dict[str, str], shown: str
) -> None:
    """The report says where the key comes from, and which are not used; it shows none of them."""
    Path("key").write_text(KEY)
    Path("void").write_text("\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended, found, _ = examined(run, *words, std=answer(401, {"message": KEY}))
    assert found["key"].startswith(shown)
    assert ended.code == (2 if shown.startswith("fail") else 3)


def test_the_origin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says where requests go and why, warns of a place that the document lacks, and asks it."""
    first, header = next(iter(key_headers().items()))
    _, found, urls = examined(run, origin="")
    assert found["origin"] == f"ok {first} (from the document), the key in the header {header}"
    assert {f"{url.scheme}://{url.host}" for url in urls} == {first}
    monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", f"{ORIGIN}/")
    _, found, urls = examined(run, "--auth-header", "x-mine", origin="")
    shown = f"warn {ORIGIN} (from KLING_ELEMENTS_BASE_URL), the key in the header x-mine"
    assert found["origin"].startswith(shown)
    ended, found, urls = examined(run, origin="ftp://x")
    assert (ended.code, urls, found["origin"].split()[0]) == (2, [], "fail")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert examined(run)[1]["proxy"] == "ok set by HTTPS_PROXY, ALL_PROXY"


def tasks(status: str) -> httpx.Response:
    return answer(body={"data": [{"task_id": "1", "status": status}]})


@pytest.mark.parametrize(
    ("std", "code", "said"),
    [
        (tasks("CREATED"), 0, "; 1 task, 1 not done"),
        (tasks("COMPLETED"), 0, "; 1 task, 0 not done"),
        (answer(404, {"message": "Tasks not found"}), 0, "; 0 tasks, 0 not done"),
        (answer(401, {"message": f"{KEY} is not known"}), 3, "fail HTTP 401: [API key] is not known"),
        (httpx.Response(200, html="hello"), 1, "fail "),
        (answer(503, {"message": "x\x1b[2J\nok    key: fine"}), 3, "x\\x1b[2J\\nok key: fine"),
        (httpx.ConnectError("refused"), 8, "fail "),
    ],
)
def test_the_service(run: Run, std: httpx.Response | Exception, code: int, said: str) -> None:
    """What the service answers to one list is shown; its failure has the exit code of a call's."""
    ended, found, urls = examined(run, std=std)
    assert (ended.code, len(urls)) == (code, 1)
    assert said in found["service"]


@pytest.mark.parametrize(
    ("date", "said"),
    [
        (0, "ok agrees"),
        (3600, "behind the service's"),
        (-3600, "ahead of the service's"),
        (None, "warn not compared"),
        ("soon", "warn not compared"),
        ("Thu, 26 Nov 99999999999999999999 12:00:00 GMT", "warn not compared"),
    ],
)
def test_the_clock(run: Run, date: int | str | None, said: str) -> None:
    """More than a minute's difference is a warning; a date that can't be read is none."""
    if isinstance(date, int):
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + date))
    _, found, _ = examined(run, std=answer(200, None, **({"date": date} if date else {})))
    assert said in found["clock"]


def test_the_journal(run: Run, serve_mock: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unfinished, doubtful and unrecorded is shown, with what to type."""
    served = serve_mock("never-finish")
    begun(run, served, "-o", "a.mp4")
    in_doubt(served.url)
    ids = [foreign(served, model="pro") for _ in range(6)]
    ended = run("doctor")
    assert ended.code == 0
    assert "1 task unfinished, 1 create of unknown" in ended.out
    assert ended.out.count("kling-elements resume") == 2
    assert "6 tasks of the model pro" in ended.out
    assert "kling-elements resume --adopt ID" in ended.out
    assert sum(each in ended.out for each in ids) == 5
    assert "of the model std" not in ended.out
    with KlingElements(KEY, served.url) as client:
        Journal.open().quota_exhausted(client.journal_owner, time.time() + 7200)
    assert "warn  limits:" in run("doctor").out
    served.mock.reset()
    served.mock.next_scenario("instant", operation="list")
    served.mock.next_scenario("status=403", operation="list", times=2)
    assert "the model pro could not be compared" in run("doctor").out
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", str(Path.cwd()))
    assert f"warn  journal:   {Path.cwd()} can't be used" in run("doctor").out
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", "off")
    assert "warn  journal:   off" in run("doctor").out
