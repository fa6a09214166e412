"""`doctor --contract`: what it hands to the canary, and what it tells of its findings, to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import KEY
from contract_tests.client.cli.doctoring import HEADER, NO_KEY, ORIGIN, SOUND, Doctor, printed, told
from kling_elements import canary
from kling_elements.api.endpoints import MODELS
from kling_elements.canary import Deviation, Probe
from kling_elements.document import load_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kling_elements.api.auth import Settings
    from kling_elements.document import Document

PROBES, _ = canary.plan(load_document(), MODELS)
SOUND_ONE, NEW_ONE, BAD_ONE = PROBES[:3]
FINDINGS: list[tuple[Probe, list[Deviation]]] = [
    (SOUND_ONE, []),
    (NEW_ONE, [Deviation("one more field", is_grave=False)]),
    (BAD_ONE, [Deviation("no task"), Deviation("a field", is_grave=False)]),
]
TOLD = (
    f"ok {SOUND_ONE.name}: as documented\n"
    f"warn {NEW_ONE.name}: one more field\n"
    f"fail {BAD_ONE.name}: no task\n"
    f"warn {BAD_ONE.name}: a field"
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str | None, float]]:
    """What the canary is told to ask with: origin, header, key and timeout. It finds what is above."""
    asked: list[tuple[str, str, str | None, float]] = []

    def examine(
        document: Document, probes: list[Probe], settings: Settings, *, has_key: bool = True
    ) -> Iterator[tuple[Probe, list[Deviation]]]:
        assert (document, probes) == (load_document(), PROBES)
        key = settings.key.reveal() if has_key else None
        asked.append((settings.base_url, settings.key_header, key, settings.timeout))
        yield from FINDINGS

    monkeypatch.setattr(canary, "examine", examine)
    monkeypatch.setattr(canary, "plan", lambda *_: (PROBES, ["creates of x were not probed"]))
    return asked


@pytest.mark.parametrize(
    ("args", "environment", "changes", "header", "timeout"),
    [
        pytest.param("", {}, {}, HEADER, 60.0, id="a variable"),
        pytest.param(
            "--api-key-file key --auth-header x-mine --request-timeout 7",
            {"KLING_ELEMENTS_API_KEY": ""},
            {"key": "ok from the file key", "origin": SOUND["origin"].replace(HEADER, "x-mine")},
            "x-mine",
            7.0,
            id="options",
        ),
    ],
)
def test_each_finding_is_told(  # noqa: PLR0913, PLR0917 - cases
    doctor: Doctor,
    asked: list[tuple[str, str, str | None, float]],
    args: str,
    environment: dict[str, str],
    changes: dict[str, str],
    header: str,
    timeout: float,
) -> None:
    """The canary asks as the options say; each deviation is a line, and a grave one a failure with code 1."""
    Path("key").write_text(KEY)
    ended = doctor("--contract", "--base-url", ORIGIN, *args.split(), environment=environment)
    expected = told(**changes, contract=f"warn creates of x were not probed\n{TOLD}")
    assert (ended.code, ended.out) == (1, printed(expected))
    assert asked == [(ORIGIN, header, KEY, timeout)]


def test_without_a_key_the_rest_is_asked(
    doctor: Doctor, asked: list[tuple[str, str, str | None, float]]
) -> None:
    """Without a key the canary is told that there is none, and so is the reader."""
    ended = doctor(
        "--contract",
        environment={"KLING_ELEMENTS_API_KEY": "", "KLING_ELEMENTS_BASE_URL": ORIGIN},
    )
    expected = {
        **NO_KEY,
        "origin": SOUND["origin"].replace("--base-url", "KLING_ELEMENTS_BASE_URL"),
        "contract": "warn creates of x were not probed\n"
        f"warn what needs a key was not asked, for want of one\n{TOLD}",
    }
    assert (ended.code, ended.out) == (2, printed(told(**expected)))
    assert asked == [(ORIGIN, HEADER, None, 60.0)]
