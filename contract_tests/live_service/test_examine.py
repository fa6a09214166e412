"""How the canary asks: which key goes with which question, in which order, and what comes of each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.live_service.small import JSON, TASK, document, of
from contract_tests.support.clients import KEY
from contract_tests.support.loopback import serving
from kling_elements.canary import WRONG_KEY, Deviation, Key, Probe, UnsafeProbeError, examine
from kling_elements.settings import resolve_settings
from kling_elements.types import Request

if TYPE_CHECKING:
    from contract_tests.support.loopback import Answer, Asked
    from kling_elements.api.auth import Settings

DOCUMENT = document(of(TASK), ("401", {}))


def probe(key: Key, expected: int = 200) -> Probe:
    """A question with that key."""
    return Probe(key.value, "/tasks", Request("GET", "/tasks", {"x-own": key.name}), key, (expected,))


def settings(url: str) -> Settings:
    """The client's settings for a service."""
    return resolve_settings(api_key=KEY, base_url=url, auth_header="x-key", timeout=10, environ={})


def answer(asked: Asked) -> Answer:
    """A service that knows one key, and has an odd task."""
    if asked.headers.get("x-key") != KEY:
        return 401, {}, b""
    return 200, JSON, b'{"id": 5}'


ODD = Deviation('the body.id: 5 is not of type "string"')


@pytest.mark.parametrize(
    ("keys", "has_key", "sent", "told"),
    [
        pytest.param(
            [Key.NONE, Key.OWN, Key.WRONG],
            True,
            [("NONE", None), ("OWN", KEY), ("WRONG", WRONG_KEY)],
            [(Key.NONE, []), (Key.OWN, [ODD]), (Key.WRONG, [])],
            id="all keys",
        ),
        pytest.param(
            [Key.NONE, Key.OWN, Key.WRONG],
            False,
            [("NONE", None), ("WRONG", WRONG_KEY)],
            [(Key.NONE, []), (Key.WRONG, [])],
            id="none of one's own",
        ),
    ],
)
def test_each_question_is_asked_with_its_key_and_judged(
    keys: list[Key],
    has_key: bool,  # noqa: FBT001  a parameter of the table
    sent: list[tuple[str, str | None]],
    told: list[tuple[Key, list[Deviation]]],
) -> None:
    """Each is asked once, in turn, with its own key or none; without a key of one's own the rest is asked."""
    probes = [probe(key, 200 if key is Key.OWN else 401) for key in keys]
    with serving(answer) as service:
        found = list(examine(DOCUMENT, probes, settings(service.url), has_key=has_key))
        assert [(asked.headers["x-own"], asked.headers.get("x-key")) for asked in service.asked] == sent
        assert all("authorization" not in asked.headers for asked in service.asked)
    assert [(asked.key, deviations) for asked, deviations in found] == told
    assert [asked for asked, _ in found] == [each for each in probes if has_key or each.key is not Key.OWN]


def test_what_is_asked_before_an_unsafe_question_is_told() -> None:
    """An unsafe question ends the examination, unsent; what came before it has been told."""
    unsafe = Probe("create", "/make", Request("POST", "/make", {}, None), Key.OWN, (400,))
    with serving(answer) as service:
        examining = examine(DOCUMENT, [probe(Key.NONE, 401), unsafe], settings(service.url))
        assert next(examining) == (probe(Key.NONE, 401), [])
        with pytest.raises(UnsafeProbeError) as caught:
            next(examining)
        assert len(service.asked) == 1
    assert str(caught.value) == "create: the body might be taken as valid; it was not sent"
