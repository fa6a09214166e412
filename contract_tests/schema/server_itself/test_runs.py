"""What a run does: it spends no more than it may, is of any document, and can be repeated."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract_tests.schema.server import engine, sources
from contract_tests.schema.server.bodies import example_body
from contract_tests.schema.server.configuration import Configuration, ConfigurationError, from_environment
from contract_tests.schema.server.exchange import Answer, Sent, curl
from contract_tests.schema.server.guard import Guard, NotSentError, Profile
from contract_tests.schema.server.operations import life_cycles
from contract_tests.schema.server_itself import small
from contract_tests.support.contract import ROOT
from kling_elements_mock import MockSettings, Polls, serve

CREATE = life_cycles()[0].create
KEY = "a-good-key"
GOOD = json.dumps(example_body(CREATE)).encode()
LENIENT = GOOD, b"{}", b'{"x": 1}', b"images=a"


def post(body: bytes, key: str = KEY, method: str = "POST") -> Sent:
    return Sent(method, CREATE.url(), (("x-freepik-api-key", key),), body)


@pytest.mark.parametrize("body", [*LENIENT, GOOD[:-1], GOOD.upper(), b"\xff" + GOOD])
def test_free_keeps_back_what_a_lenient_server_could_take(body: bytes) -> None:
    """With a good key no object and nothing that names a parameter is sent, however broken it is."""
    guard = Guard("free", (KEY,))
    for method in ("POST", "PUT", "PATCH", "DELETE", "MADE-UP"):
        with pytest.raises(NotSentError, match="PROFILE=free"):
            guard.admit(post(body, method=method))
    assert guard.spent == 0


@pytest.mark.parametrize("sent", [
    post(GOOD, key=""), post(GOOD, key="wrong"), post(b""), post(b"[]"), post(b"null"), post(b"hello"),
    post(b"[" * 9999), post(b"", method="GET"), post(b"", method="DELETE"),
], ids=repr)  # fmt: skip
def test_free_sends_what_makes_no_task(sent: Sent) -> None:
    """Without a good key, or with a body in which nobody finds a parameter, a request passes."""
    assert not Guard("free", (KEY,)).admit(sent)


def test_the_cap_is_taken_before_a_request_is_sent() -> None:
    """No more creates pass than the cap has; only a refusal gives one back: an error may have made one."""
    guard = Guard("full", (KEY,), cap=3)
    for status in (400, 200, 401, 403, 500, 422, 429, 408):
        assert guard.admit(post(GOOD))
        guard.settle(Answer(status))
    assert guard.spent == 3
    with pytest.raises(NotSentError, match="cap of 3"):
        guard.admit(post(GOOD))


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"URL": "ftp://x", "KEY": KEY}, "no origin"),
        ({"URL": "https://x/v1", "KEY": KEY}, "no origin"),
        ({"URL": "https://me:secret@x", "KEY": KEY}, "URL=x is no origin"),
        *(({"URL": url, "KEY": KEY}, "no origin") for url in ("http://x:port", "http://[::1")),
        ({"URL": "https://x"}, "CONTRACT_KEY"),
        ({"URL": "https://x", "KEY": KEY}, "PROFILE=free"),
        ({"URL": "https://x", "KEY": KEY, "PROFILE": "full"}, "CAP=20"),
        ({"URL": "https://x", "KEY": KEY, "PROFILE": "all"}, "unknown"),
        ({"URL": "https://x", "KEY": "one", "PROFILE": "free"}, "ordinary words"),
        ({"CAP": "-1"}, "no number"),
        ({"SEED": "x"}, "no number"),
    ],
)
def test_a_run_that_could_spend_unseen_is_refused(environment: dict[str, str], said: str) -> None:
    """An origin without a key, a profile or a cap is refused with what to write."""
    with pytest.raises(ConfigurationError, match=said):
        from_environment({f"CONTRACT_{name}": value for name, value in environment.items()})
    assert from_environment({}) == Configuration()


@pytest.mark.parametrize(("profile", "cap"), [("free", None), ("full", 9)])
def test_generated_requests_stay_within_the_profile(profile: Profile, cap: int | None) -> None:
    """With PROFILE=free a run makes no task; with PROFILE=full no more than its cap, and says why."""
    with (
        serve(MockSettings(keys=(KEY,), pace=Polls(2))) as served,
        sources.opened(Configuration(url=served.url, key=KEY, profile=profile, cap=cap)) as make,
    ):
        target = make()
        kept_back = engine.run(target, "coverage", 1, 2, "kling-elements-std")
        assert ("raise CAP" in kept_back) == (profile == "full")
        assert (0 < len(served.mock.tasks) <= 9) == (profile == "full")
        assert profile == "full" or not [*target.breaches, *served.mock.tasks]
        assert len(served.mock.requests) > 20
        with pytest.raises(NotSentError, match=r"CAP=20|raise CAP"):
            make().create(life_cycles()[0])


def test_nothing_of_the_run_imports_the_client() -> None:
    """What `make contract-server` runs knows the document and the mock, never the client."""
    globs = ("schema/server/*.py", "schema/exercised.py", "support/[cdlp][eio]*.py", "report/[!t]*.py")
    places = [path for glob in globs for path in (ROOT / "contract_tests").glob(glob)]
    pattern = re.compile(r"^\s*(?:import|from) (?:kling_elements|kling_elements_api)\b", re.MULTILINE)
    assert [path.name for path in places if pattern.search(path.read_text(encoding="utf-8"))] == []
    assert len(places) > 20


FOLDER = "contract_tests/schema/server"


def run(document: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pytest", FOLDER, "-q", "--tb=short", "-rf", "-p", "no:randomly",
         "-p", "no:cacheprovider", "-p", "no:xdist", *more],
        cwd=ROOT, check=False, timeout=600, capture_output=True, text=True,
        env={**os.environ, "CONTRACT_DOCUMENT": str(document), "CONTRACT_WAIT": "3"},
    )  # fmt: skip


def test_the_mock_and_the_suite_read_a_document_alike() -> None:
    """What OpenAPI allows and the own document does not have: the mock serves it, and breaks no rule."""
    done = run(small.DOCUMENT.with_name("sparse.yaml"))
    assert (done.returncode, "passed" in done.stdout) == (0, True), done.stdout


def test_another_document_has_its_servers_held_to_it() -> None:
    """A right server passes; faults at keys and bodies that the own document does not have are found."""
    done = run(small.DOCUMENT, f"--ignore={FOLDER}/test_schemathesis.py", "-p", small.__name__)
    failed = set(re.findall(r"^FAILED .*::test_(\w+)\[(?:\w+ )?(/\w+)/?(\w*)", done.stdout, re.MULTILINE))
    assert re.search(r" \d{3} passed, \d+ skipped in", done.stdout), done.stdout
    assert {place for _, place, _ in failed} == {"/wrong"}, done.stdout
    assert {(name, path) for name, _, path in failed} >= {
        *(("nobody_gets_in_without_a_good_key", path) for path in ("vault", "profile")),
        *(("a_body_that_breaks_the_schema_is_refused_by_name", path) for path in ("forms", "files")),
    }, done.stdout


@pytest.mark.parametrize("phase", ["fuzzing", "stateful"])  # the other two draw nothing
def test_the_same_seed_sends_the_same_requests(phase: engine.Phase) -> None:
    """Two runs with one seed send the same requests, byte for byte and in order; another seed others."""

    def sent(seed: int) -> list[Sent]:
        with sources.opened(Configuration(seed=seed)) as make:
            target = make()
            examples, path = (4, "request-url") if phase == "fuzzing" else (1, "")
            engine.run(target, phase, seed, examples, path)
            return target.record

    first = sent(7)
    assert first
    assert first == sent(7)
    assert phase != "fuzzing" or first != sent(8)


@pytest.mark.parametrize("sent", [
    Sent("GET", "/v1/x", (("authorization", "Bearer the-key"), ("x-empty", ""))),
    Sent("POST", "/v1/x/the-key", (("x-key", "other-key"),), b"\x00\xff%s\\n'\n"),
], ids=lambda sent: sent.method)  # fmt: skip
def test_a_curl_line_has_no_key(sent: Sent) -> None:
    """The line names a variable where the request has a key, in any place."""
    line = curl(sent, "http://h", ("the-key", "other-key"))
    assert not re.search("the-key|other-key", line)
    assert "$CONTRACT_KEY" in line
    assert ("$CONTRACT_OTHER_KEY" in line) == (sent.method == "POST")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: install it to try the lines")
def test_a_curl_line_repeats_the_request(tmp_path: Path) -> None:
    """A shell that runs the line sends the same request: method, target, headers and body."""
    body = b'{"images": ["https://example.com/it\'s.png"], "prompt": "a\\u00e9 $HOME `id`"}'
    with serve(MockSettings(keys=("the-key",))) as served:
        for content, status in ((body, "200"), (body + b"\xff", "400")):
            odd = ("content-type", "application/json"), ("x-odd", "$(id) 'q'")
            sent = Sent("POST", CREATE.url(), (("x-freepik-api-key", "the-key"), *odd), content)
            done = subprocess.run(  # noqa: S602 - the line is for a shell
                f"{curl(sent, served.url, ('the-key',))} -s --noproxy '*'",
                shell=True, env={"CONTRACT_KEY": "the-key", "PATH": "/usr/bin:/bin:/usr/local/bin"},
                cwd=tmp_path, capture_output=True, check=False, timeout=300, text=True,
            )  # fmt: skip
            assert f" {status} " in done.stdout.splitlines()[0], (done.stdout, done.stderr)
        assert served.mock.tasks[0].body["prompt"] == "aé $HOME `id`"
