"""The rules bite: each is broken on purpose by a server that is right otherwise (docs/proof.md)."""

from collections.abc import Iterator
from datetime import date

import pytest

from contract_tests.schema.exercised import row_of
from contract_tests.schema.server import bodies, leaks, lives, neighbour, rules, sources, verdicts
from contract_tests.schema.server.configuration import Configuration
from contract_tests.schema.server.ledger import Ledger
from contract_tests.schema.server.operations import life_cycles, operations
from contract_tests.schema.server.patience import Patience
from contract_tests.schema.server.target import Target
from contract_tests.support.loopback import Loopback
from contract_tests.violations.server import VIOLATIONS, Served

CYCLE = life_cycles()[0]
BROKEN = {
    "wire-201": "status_is_documented", "invalid-500": "server_fails_only_on_request",
    "wire-text-html": "media_type_is_documented", "wire-nan": "json_is_strict",
    "id-no-uuid": "body_fits_its_schema", "wire-field-more": "no_field_is_undocumented",
    "message-empty": "errors_have_what_their_examples_have",
    "problem-empty": "problem_details_name_their_parameters", "rate-float": "headers_fit_their_schemas",
    "rate-more-than-all": "rate_limits_make_sense", "wire-no-id": "every_answer_has_a_request_id",
    "wire-false-length": "content_length_is_true", "wire-latin-1": "json_is_strict",
    "wire-two-types": "headers_come_once", "wire-empty-200": "an_answer_without_content_has_no_body",
    "wire-one-id": "request_ids_are_new", "rate-random": "rate_limits_count_down",
    "id-not-new": "a_created_task_is_new", "id-echo-other": "a_status_is_of_the_task_asked_for",
    "list-twice": "a_list_has_each_task_once", "list-ghost": "a_list_has_no_other_tasks",
    "leak-hash": "no_answer_shows_the_key", "life-never-ends": "a_task_ends",
    "life-all-fail": "a_valid_task_is_completed", "result-cut": "a_result_can_be_played",
    "result-always-ten": "a_result_can_be_played", "hook-end-only": "each_change_is_delivered_in_order",
    "hook-ms": "a_delivery_is_as_documented", "hook-other-result": "a_delivery_is_the_status",
    "hook-one-id": "each_delivery_has_an_id", "hook-early": "no_delivery_is_ahead_of_the_status",
}  # fmt: skip


@pytest.fixture
def seeded(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Target]:
    name = getattr(request, "param", "lawful-plain")
    served = next(v.apply for v in VIOLATIONS if v.name == name)
    assert isinstance(served, Served)
    monkeypatch.setattr(sources, "stand_in", Served(served.changes, {"seconds": 0.1} | served.settings).serve)
    with sources.opened(Configuration(key="suite-key-7f3a9c")) as make:
        target = make()
        # These two wait for what never comes.
        target.patience = Patience(0.5 if name in {"life-never-ends", "life-all-fail"} else 60.0)
        yield target


@pytest.fixture(scope="module")
def near() -> Iterator[Loopback]:
    with neighbour.listening() as found:
        yield found


def traffic(target: Target) -> None:
    url = CYCLE.create.url()
    for accept in ("application/json", "application/problem+json"):
        for body in ({}, {**bodies.example_body(CYCLE.create), "duration": 7}):
            target.request(CYCLE.create, body=body, headers={"accept": accept})
    target.request(CYCLE.create, body={}, authorized=False)
    target.call("GET", CYCLE.status_url("00000000-0000-4000-8000-00000000000f"))
    target.request(CYCLE.create)
    for _ in range(7):
        target.call("GET", url)


@pytest.mark.parametrize(("seeded", "rule"), BROKEN.items(), ids=BROKEN, indirect=["seeded"])
def test_a_violation_breaks_its_rule(seeded: Target, rule: str, near: Loopback) -> None:
    """A server with one fault breaks the rule about it, and the line that repeats the request has no key."""
    try:
        traffic(seeded)
        if rule not in {breach.rule.name for breach in seeded.breaches}:
            lives.hold(seeded, lives.live(seeded, CYCLE, near))
    except Exception as error:  # noqa: BLE001 - as a test that breaks because of the fault
        seeded.broke(error)
    assert rule in {breach.rule.name for breach in seeded.breaches}, seeded.breaches
    with pytest.raises(AssertionError) as caught:
        seeded.assert_clean()
    assert "repeat: curl" in str(caught.value)
    assert seeded.key not in str(caught.value)


def test_an_honest_server_breaks_no_rule(seeded: Target, near: Loopback) -> None:
    """The same traffic leaves nothing to say; a breach that is accepted fails nothing."""
    traffic(seeded)
    lives.hold(seeded, lives.live(seeded, CYCLE, near))
    seeded.assert_clean()
    seeded.known = (verdicts.Acceptance("a_*", "known", date(9999, 1, 1)),)
    seeded.breach("wrong", None, verdicts.Rule("a_rule", ""))
    seeded.assert_clean()


def test_every_rule_of_answers_and_lives_has_its_violation() -> None:
    """A new rule without a server that breaks it fails here; three need a wait, or scenarios."""
    checks = {check.__name__ for check in (*rules.RULES, *lives.OF_EACH, *lives.OF_ALL)}
    checks |= {name for name in vars(Ledger) if name.startswith(("a_", "rate_", "request_"))}
    assert checks - set(BROKEN.values()) == {
        "retry_after_is_seconds_or_a_date", "a_webhook_is_delivered", "a_task_is_in_progress_before_it_ends"
    }  # fmt: skip


def test_a_report_has_no_part_of_a_key(seeded: Target) -> None:
    """What is said of a near miss of a key, which a request had, has no eight letters of it in a row."""
    seeded.breach(f"{seeded.key[:-1]} is let in", seeded.call("GET", "/", key=seeded.key[1:]))
    with pytest.raises(AssertionError) as caught:
        seeded.assert_clean()
    assert not list(leaks.shown(str(caught.value), seeded.keys))


def test_a_key_is_seen_in_any_form() -> None:
    """A key that is whole, cut, masked, encoded or reversed is seen; an ordinary word is not one."""
    for text in (
        "Key Sk-Live-91x7 is unknown", "c2stbGl2ZS05MXg3", "user:Basic dXNlcjpzay1saXZlLTkxeDc6", "sk-live-",
        "736b2d6c6976652d39317837", "7x19-evil-ks", "%73%6b%2dlive-91x7", "\\u0073k-live-91x7", "****91x7",
    ):  # fmt: skip
        assert list(leaks.shown(text, ("sk-live-91x7",))), text
    assert not list(leaks.shown("live sk", ("sk-live-91x7",)))


def test_the_counter_knows_templates_and_defaults() -> None:
    """An answer is counted for its template, its own status or the default one, and its bare media type."""
    assert "default" in operations()[0].responses
    path = CYCLE.status_url("abc")
    row = row_of("get", f"http://x.test{path}?a=b", 200, "application/json; charset=utf-8")
    assert row == ("GET", CYCLE.status.path, "200", "application/json")
    assert row_of("GET", path, 504, "text/html") == ("GET", CYCLE.status.path, "default", "text/html")
    assert row_of("GET", path, 200, "text/html") is None
    assert row_of("GET", "/nowhere", 200, "application/json") is None
