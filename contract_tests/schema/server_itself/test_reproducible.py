"""Same seed, same requests; and a failure that can be repeated."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from contract_tests.schema.server import engine, sources
from contract_tests.schema.server.configuration import Configuration
from contract_tests.schema.server.exchange import Sent, curl
from kling_elements_mock import MockSettings, serve

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("phase", ["fuzzing", "stateful"])  # the other two draw nothing
def test_the_same_seed_sends_the_same_requests(phase: engine.Phase) -> None:
    """Two runs with one seed send the same requests, byte for byte and in order; another seed others."""

    def sent(seed: int) -> list[Sent]:
        with sources.opened(Configuration(key="contract-suite-key", seed=seed)) as make:
            target = make()
            engine.run(target, phase, seed, 2)
            return target.record

    first = sent(7)
    assert first
    assert first == sent(7)
    assert phase != "fuzzing" or first != sent(8)


SENT = (
    Sent(
        "POST",
        "/v1/x?a=b&c=%20",
        (("x-key", "the-key"), ("content-type", "application/json")),
        b'{"a": "it\'s"}',
    ),
    Sent("GET", "/v1/x", (("authorization", "Bearer the-key"), ("x-empty", ""))),
    Sent("POST", "/v1/x/the-key", (("x-key", "other-key"),), b"\x00\xff%s\\n'\n"),
    Sent("HEAD", "/v1/x[1]/../{y}", (("accept", "*/*"),)),
    Sent("MADE-UP", "/v1/x", (("x-odd", "$HOME `id` \"q\" 'q'"),), b"plain"),
)


@pytest.mark.parametrize("sent", SENT, ids=lambda sent: f"{sent.method} {sent.target}")
def test_a_curl_line_has_no_key(sent: Sent) -> None:
    """The line names a variable where the request has a key, in any place."""
    line = curl(sent, "http://h", ("the-key", "other-key"))
    assert "the-key" not in line
    assert "other-key" not in line
    assert ('"$CONTRACT_KEY"' in line) == ("-key" in f"{sent.target} {dict(sent.headers).values()}")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: install it to try the lines")
def test_a_curl_line_repeats_the_request(tmp_path: Path) -> None:
    """A shell that runs the line sends the same request: method, target, headers and body."""
    body = b'{"images": ["https://example.com/it\'s.png"], "prompt": "a\\u00e9 $HOME `id`"}'
    with serve(MockSettings(keys=("the-key",))) as served:
        for content, status in ((body, "200"), (body + b"\xff", "400")):
            headers = (("x-freepik-api-key", "the-key"), ("content-type", "application/json"))
            sent = Sent("POST", "/v1/ai/image-to-video/kling-elements-std", headers, content)
            done = subprocess.run(  # noqa: S602 - the line is for a shell
                f"{curl(sent, served.url, ('the-key',))} -s --noproxy '*'",
                shell=True, env={"CONTRACT_KEY": "the-key", "PATH": "/usr/bin:/bin:/usr/local/bin"},
                cwd=tmp_path, capture_output=True, check=False, timeout=300, text=True,
            )  # fmt: skip
            assert f" {status} " in done.stdout.splitlines()[0], (done.stdout, done.stderr)
        assert served.mock.tasks[0].body["prompt"] == "aé $HOME `id`"
