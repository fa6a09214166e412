"""`doctor` and `check` show what a paid call needs and does not have, without spending."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from inline_snapshot import snapshot

from contract_tests.client.cli.conftest import KEY, Cli, plain
from contract_tests.support.answers import png
from contract_tests.support.contract import key_headers, place
from kling_elements import Journal, KlingElements

ORIGIN = "http://service.localhost"
OTHER = "key-of-another-account"


def answer(
    status: int = 200, body: Any = None, date: int | str | None = None
) -> Callable[[], httpx.Response]:
    """Return a response to a list, with the date in so many seconds."""

    def make() -> httpx.Response:
        at = time.gmtime(time.time() + date) if isinstance(date, int) else None
        sent = time.strftime("%a, %d %b %Y %H:%M:%S GMT", at) if at else date
        return httpx.Response(status, json=body or {"data": []}, headers={"date": str(sent)} if sent else {})

    return make


def tasks(status: str) -> Callable[[], httpx.Response]:
    return answer(body={"data": [{"task_id": "1", "status": status}]})


VENDOR, HEADER = next(iter(key_headers().items()))
NONE = answer(404, {"message": "Tasks not found"})


FINDINGS: tuple[tuple[str, Any, int, str], ...] = (
    # the key: where it comes from, and which are not used
    ("", NONE, 0, "key: ok from KLING_ELEMENTS_API_KEY"),
    (f"KLING_ELEMENTS_API_KEY= MAGNIFIC_API_KEY={KEY}", NONE, 0, "key: ok from MAGNIFIC_API_KEY"),
    ("--api-key-file key", NONE, 0, "key: ok from the file key"),
    (f"--api-key-file key FREEPIK_API_KEY={OTHER}", NONE, 0, "key: warn from the file key; another"),
    (f"FREEPIK_API_KEY={KEY} MAGNIFIC_API_KEY={OTHER}", NONE, 0, "key: warn from KLING_ELEMENTS_API_KEY; "),
    ("--api-key-file none", None, 2, "key: fail --api-key-file none"),
    ("--api-key-file void", None, 2, "key: fail --api-key-file void"),
    ("KLING_ELEMENTS_API_KEY=", None, 2, "key: fail no API key: set KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY"),
    ("KLING_ELEMENTS_API_KEY=", None, 2, "service: warn not asked"),
    ("KLING_ELEMENTS_API_KEY=", None, 2, "clock: warn not compared"),
    # the origin: where requests go, and why
    ("", NONE, 0, f"origin: ok {VENDOR} (from the document), the key in the header {HEADER}"),
    (f"KLING_ELEMENTS_BASE_URL={ORIGIN}/", NONE, 0, f"origin: warn {ORIGIN} (from KLING_ELEMENTS_BASE_URL)"),
    (f"--base-url {ORIGIN}", NONE, 0, f"origin: warn {ORIGIN} (from --base-url)"),
    ("--base-url ftp://x", None, 2, "origin: fail base_url"),
    ("all_proxy=http://h HTTPS_PROXY=http://h", NONE, 0, "proxy: ok set by HTTPS_PROXY, ALL_PROXY"),
    # the service: its failure has the exit code of a call's
    ("", tasks("CREATED"), 0, "service: ok reached in N ms, the key is accepted; 1 task, 1 not done"),
    ("", tasks("COMPLETED"), 0, "service: ok reached in N ms, the key is accepted; 1 task, 0 not done"),
    ("", NONE, 0, "service: ok reached in N ms, the key is accepted; 0 tasks, 0 not done"),
    ("", answer(401, {"message": f"{KEY} is bad"}), 3, "service: fail HTTP 401: [API key] is bad"),
    ("", httpx.Response(200, html="hello"), 1, "service: fail "),
    ("", answer(503, {"message": "\x1b[2J\nok  key"}), 3, "service: fail HTTP 503: \\x1b[2J\\nok key"),
    ("", httpx.ConnectError("refused"), 8, "service: fail "),
    ("", httpx.ConnectError("refused"), 8, "clock: warn not compared: the service did not answer"),
    # the clock: more than a minute's difference is a warning
    ("", answer(date=0), 0, "clock: ok agrees"),
    ("", answer(date=3600), 0, "clock: warn N s behind"),
    ("", answer(date=-3600), 0, "clock: warn N s ahead"),
    ("", NONE, 0, "clock: warn not compared"),
    ("", answer(date="Thu, 26 Nov 99999999999999999999 12:00:00 GMT"), 0, "clock: warn not compared"),
)


@pytest.mark.parametrize(("line", "std", "code", "shown"), FINDINGS)
def test_each_finding(cli: Cli, line: str, std: Any, code: int, shown: str) -> None:
    """Each finding is a line with its level; the service is asked at most once, and no key is shown."""
    cli.environ(KLING_ELEMENTS_JOURNAL="off", KLING_ELEMENTS_BASE_URL=None)
    cli.environ(**dict(word.split("=") for word in line.split() if "=" in word))
    Path("key").write_text(KEY)
    Path("void").write_text("\n")
    given: Any = std() if callable(std) else std
    with respx.mock(assert_all_called=False) as router:
        method, path = place("listKlingElementsStdTasks")
        router.route(method=method, path=path).mock(side_effect=[given])
        ended = cli("doctor", *(word for word in line.split() if "=" not in word))
        assert (ended.code, router.calls.call_count) == (code, 0 if std is None else 1)
    assert not any(hidden in ended.out + ended.err for hidden in (KEY, OTHER, "\x1b"))
    rows = (re.sub(r"\d+ (m?s)\b", r"N \1", row).split(maxsplit=2) for row in ended.out.splitlines())
    found = {name: f"{name} {level} {text}" for level, name, text in rows}
    assert found[shown.split(maxsplit=1)[0]].startswith(shown)
    assert ("journal:" in found) is ("fail" not in found["key:"])


def test_all_is_in_order(cli: Cli) -> None:
    """Each check is a line; nothing is created; the key is never shown."""
    ended = cli("doctor")
    assert (ended.code, ended.err) == (0, "")
    text = plain(ended.out, **{"http://h": cli.url, "TMP": str(Path.cwd().parent)})
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
    as_json = cli("doctor", "--json")
    assert [set(check) for check in as_json.json["checks"]] == [{"level", "name", "text"}] * 10
    assert KEY not in ended.out + as_json.out
    assert {request.method for request in cli.served.mock.requests} == {"GET"}


def test_the_journal(cli: Cli) -> None:
    """What is unfinished, doubtful and unrecorded is shown, with what to type."""
    cli.next("never-finish", times=1000)
    cli.begun("-o", "a.mp4")
    cli.in_doubt()
    ids = [cli.foreign(model="pro") for _ in range(6)]
    ended = cli("doctor")
    assert ended.code == 0
    assert "1 task unfinished, 1 create of unknown" in ended.out
    assert ended.out.count("kling-elements resume") == 2
    assert "6 tasks of the model pro" in ended.out
    assert "kling-elements resume --adopt ID" in ended.out
    assert sum(each in ended.out for each in ids) == 5
    assert "of the model std" not in ended.out
    with KlingElements(KEY, cli.url) as client:
        Journal.open().quota_exhausted(client.journal_owner, time.time() + 7200)
    assert "warn  limits:" in cli("doctor").out
    cli.served.mock.reset()
    cli.next("instant", operation="list")
    cli.next("status=403", operation="list", times=2)
    assert "the model pro could not be compared" in cli("doctor").out
    cli.environ(KLING_ELEMENTS_JOURNAL=str(Path.cwd()))
    assert f"warn  journal:   {Path.cwd()} can't be used" in cli("doctor").out
    cli.environ(KLING_ELEMENTS_JOURNAL="off")
    assert "warn  journal:   off" in cli("doctor").out


PICTURE = png()
HOST = "https://pictures.example"
IMAGES = [
    "a.png", "small.png", "none.png", f"{HOST}/atlas.png?size=all", f"{HOST}/long.png", f"{HOST}/small.png",
    "http://127.0.0.1/a.png", "http://printer.local/a.png",
]  # fmt: skip


def picture(request: httpx.Request) -> httpx.Response:
    """Answer as the host of each picture."""
    match request.url.host, request.url.path:
        case ("127.0.0.1", _) | (_, "/atlas.png"):
            return httpx.Response(200, content=PICTURE)
        case _, "/long.png":
            return httpx.Response(200, content=iter([PICTURE, b"\0" * 100_000]))  # of unknown length
        case _, "/small.png":
            return httpx.Response(200, content=png(200, 150))
    return httpx.Response(404)


def test_images_are_shown_in_their_order(cli: Cli) -> None:
    """Each image is a line: what is known of it, why it is unfit, what else to know. One unfit is code 2."""
    cli.environ(KLING_ELEMENTS_API_KEY=None)
    Path("a.png").write_bytes(PICTURE)
    Path("small.png").write_bytes(png(200, 150))
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=picture)
        ended, as_json = cli("check", *IMAGES), cli("check", "--json", *IMAGES)
    assert (ended.code, ended.err, as_json.code, as_json.err) == (2, "", 2, "")
    assert plain(ended.out, **{"N bytes": f"{len(PICTURE):,} bytes"}) == snapshot("""\
ok    a.png: PNG, 320x320 px, N bytes
unfit small.png is 200x150 px: at least 300x300 is needed
unfit none.png does not exist
ok    https://pictures.example/atlas.png?…: PNG, 320x320 px, N bytes
ok    https://pictures.example/long.png: PNG, 320x320 px
unfit https://pictures.example/small.png is 200x150 px: at least 300x300 is needed
ok    http://127.0.0.1/a.png: PNG, 320x320 px, N bytes (warning: the service can't fetch an address
      of this machine or a private network)
unfit http://printer.local/a.png can't be fetched: its host answers HTTP 404; the service can't
      fetch an address of this machine or a private network
""")
    facts = ("ok", "format", "width", "height", "bytes")
    rows = as_json.json["images"]
    assert [[row[fact] for fact in facts] for row in rows[2:5]] == [
        [False, None, None, None, None], [True, "png", 320, 320, len(PICTURE)], [True, "png", 320, 320, None],
    ]  # fmt: skip
    assert [len(row["warnings"]) for row in rows] == [0, 0, 0, 0, 0, 0, 1, 1]
    assert all(bool(row["problems"]) is not row["ok"] for row in rows)
    assert rows[3]["image"] == f"{HOST}/atlas.png?…"
    assert cli("check", "--", "a.png").code == 0
