"""A run is of any document, can be repeated request by request, and says how to repeat one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import engine, sources
from contract_tests.schema.server.configuration import Configuration
from contract_tests.schema.server.exchange import Sent, curl
from contract_tests.schema.server_itself import small
from contract_tests.support.contract import ROOT
from kling_elements_mock import MockSettings, serve

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "contract_tests/schema/server"


def test_another_document_has_its_servers_held_to_it() -> None:
    """A right server passes; faults at keys and bodies that the own document does not have are found."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pytest", FOLDER, f"--ignore={FOLDER}/test_schemathesis.py", "-q", "--tb=no",
         "-rf", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", small.__name__],
        cwd=ROOT, check=False, timeout=600, capture_output=True, text=True,
        env={**os.environ, "CONTRACT_DOCUMENT": str(small.DOCUMENT), "CONTRACT_WAIT": "3"},
    )  # fmt: skip
    failed = set(re.findall(r"^FAILED .*::test_(\w+)\[(?:\w+ )?(/\w+)/?(\w*)", done.stdout, re.MULTILINE))
    assert re.search(r" \d{3} passed, \d+ skipped in", done.stdout), done.stdout
    assert {place for _, place, _ in failed} == {"/wrong"}, done.stdout
    assert {(name, path) for name, _, path in failed} >= {
        ("nobody_gets_in_without_a_good_key", "vault"),
        ("nobody_gets_in_without_a_good_key", "profile"),
        ("a_body_that_breaks_the_schema_is_refused_by_name", "forms"),
        ("a_body_that_breaks_the_schema_is_refused_by_name", "files"),
    }, done.stdout


@pytest.mark.parametrize("phase", ["fuzzing", "stateful"])  # the other two draw nothing
def test_the_same_seed_sends_the_same_requests(phase: engine.Phase) -> None:
    """Two runs with one seed send the same requests, byte for byte and in order; another seed others."""

    def sent(seed: int) -> list[Sent]:
        with sources.opened(Configuration(seed=seed)) as make:
            target = make()
            engine.run(target, phase, seed, 1)
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
            headers = (
                ("x-freepik-api-key", "the-key"),
                ("content-type", "application/json"),
                ("x-odd", "$(id) 'q'"),
            )
            sent = Sent("POST", "/v1/ai/image-to-video/kling-elements-std", headers, content)
            done = subprocess.run(  # noqa: S602 - the line is for a shell
                f"{curl(sent, served.url, ('the-key',))} -s --noproxy '*'",
                shell=True, env={"CONTRACT_KEY": "the-key", "PATH": "/usr/bin:/bin:/usr/local/bin"},
                cwd=tmp_path, capture_output=True, check=False, timeout=300, text=True,
            )  # fmt: skip
            assert f" {status} " in done.stdout.splitlines()[0], (done.stdout, done.stderr)
        assert served.mock.tasks[0].body["prompt"] == "aé $HOME `id`"
