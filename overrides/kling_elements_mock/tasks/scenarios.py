"""Scenarios: how each is written, what it does, and how a test's text is read.

A scenario is `NAME` or `NAME=VALUE`, with `;key=value` options. Several are joined by commas, as in
`instant, webhook-duplicate`. Commas and semicolons inside a value are percent-encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from attrs import evolve, field, frozen

from kling_elements_mock.tasks.life_cycle import FAILED, INSTANT, Polls, Seconds
from kling_elements_mock.tasks.script import Forced, Script

HEADER: Final = "x-mock-scenario"
MOST_TIMES: Final = 10_000
"""The largest number that a scenario takes, and the most requests that a queued one acts on."""

_DAY: Final = 86_400
_FIRST_FINAL, _LAST_STATUS = 200, 599

Act = Callable[[Script, str, Mapping[str, str]], Script]
"""Adds a scenario to a script, given its value (empty if none) and options; ValueError for a bad value."""


class ScenarioError(ValueError):
    """A scenario is unknown or badly written; the message lists what there is."""


@frozen
class Scenario:
    """One scenario.

    Attributes:
        example: A complete way to write it.
        summary: One sentence.
        act: Adds it to a script.
        options: The names of its options.
    """

    example: str
    summary: str
    act: Act = field(repr=False)
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The part before `=` or `;`."""
        return self.example.split("=")[0].split(";")[0]


def _sets(**changes: Any) -> Act:
    """Return an act that takes no value."""

    def act(script: Script, value: str, options: Mapping[str, str]) -> Script:
        del options
        if value:
            raise ValueError("it takes no value")
        return evolve(script, **changes)

    return act


def _takes(name: str, read: Callable[[str], Any], default: str = "") -> Act:
    """Return an act that reads its value into one attribute of the script."""

    def act(script: Script, value: str, options: Mapping[str, str]) -> Script:
        del options
        return evolve(script, **{name: read(value or default)})

    return act


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= _DAY:
        raise ValueError(f"expected seconds from 0 to {_DAY}")
    return seconds


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_TIMES:
        raise ValueError(f"expected a number from 1 to {MOST_TIMES}")
    return count


def _code(text: str) -> int:
    status = int(text)
    if not _FIRST_FINAL <= status <= _LAST_STATUS:
        raise ValueError(f"expected a status code from {_FIRST_FINAL} to {_LAST_STATUS}")
    return status


def _word(text: str) -> str:
    if not (text.isidentifier() and text.isascii()):
        raise ValueError("expected one word of letters")
    return text


def _line(text: str) -> str:
    if not (text and text.isascii() and text.isprintable()):
        raise ValueError("expected plain ASCII")
    return text


def _status(script: Script, value: str, options: Mapping[str, str]) -> Script:
    headers = {"retry-after": _line(options["retry-after"])} if "retry-after" in options else {}
    hint = options.get("hint", "").lower()
    return evolve(script, forced=Forced(_code(value), hint, headers, hint_is_asked_for=bool(hint)))


def _rate(text: str) -> Forced:
    seconds = str(_count(text))
    headers = {"retry-after": seconds, "x-ratelimit-remaining": "0", "x-ratelimit-reset": seconds}
    return Forced(429, "rate", headers)


def _redirect(script: Script, value: str, options: Mapping[str, str]) -> Script:
    location = {"location": _line(unquote(value))}
    return evolve(script, forced=Forced(_code(options.get("status", "302")), "", location, empty=True))


def _fail_after(script: Script, value: str, options: Mapping[str, str]) -> Script:
    del options
    return evolve(script, end=FAILED, pace=Seconds(_seconds(value)))


def _flaky(script: Script, value: str, options: Mapping[str, str]) -> Script:
    return evolve(script, status_faults=(_count(options.get("times", "1")), _code(value)))


CATALOGUE: Final = (
    # On the request itself.
    Scenario(
        "status=503;retry-after=2",
        "This request gets the status and its documented body; `hint` chooses among examples.",
        _status,
        ("retry-after", "hint"),
    ),
    Scenario(
        "rate=2",
        "429 for a rate, with retry-after and x-ratelimit-reset in seconds.",
        _takes("forced", _rate, "1"),
    ),
    Scenario(
        "quota", "429 because the day's quota or a free trial is used up.", _sets(forced=Forced(429, "quota"))
    ),
    Scenario("html-502", "502 with an HTML page.", _sets(forced=Forced(502, html=True))),
    Scenario("html-503", "503 with an HTML page.", _sets(forced=Forced(503, html=True))),
    Scenario("empty-200", "200 without a body.", _sets(forced=Forced(200, empty=True))),
    Scenario("truncated", "The real response, cut off in the middle.", _sets(truncated=True)),
    Scenario("reset", "The connection is reset; nothing is done.", _sets(reset=True)),
    Scenario("slow=3", "The request is handled this many seconds late.", _takes("delay", _seconds)),
    Scenario(
        "redirect=http://127.0.0.1:9/",
        "A redirect to the URL, 302 unless `status` says otherwise.",
        _redirect,
        ("status",),
    ),
    Scenario("created-but-500", "The task is created, and the response is a 500.", _sets(after_create="500")),
    Scenario(
        "created-but-reset", "The task is created, and the connection is reset.", _sets(after_create="reset")
    ),
    # On the task.
    Scenario("instant", "The task ends at the first status request.", _sets(pace=INSTANT)),
    Scenario(
        "polls=3",
        "The task ends at the Nth status request.",
        _takes("pace", lambda text: Polls(_count(text))),
    ),
    Scenario(
        "seconds=2",
        "The task ends after so many seconds.",
        _takes("pace", lambda text: Seconds(_seconds(text))),
    ),
    Scenario("fail", "The task ends as FAILED.", _sets(end=FAILED)),
    Scenario("fail-after=3", "The task ends as FAILED after so many seconds.", _fail_after),
    Scenario("never-finish", "The task stays IN_PROGRESS.", _sets(end=None)),
    Scenario("complete-empty", "The task is COMPLETED, and `generated` is empty.", _sets(no_result=True)),
    Scenario("expire", "The result's URL is expired from the start.", _sets(expired=True)),
    Scenario(
        "unknown-status=QUEUED",
        "An undocumented status comes before IN_PROGRESS; QUEUED by default.",
        _takes("interlude", _word, "QUEUED"),
    ),
    Scenario(
        "not-found-first=2",
        "The first N status requests get 404; one by default.",
        _takes("status_faults", lambda text: (_count(text), 404), "1"),
    ),
    Scenario(
        "flaky=503;times=2",
        "The first `times` status requests get this status; one by default.",
        _flaky,
        ("times",),
    ),
    Scenario("missing-generated", "Responses about the task lack `generated`.", _sets(omit_generated=True)),
    Scenario("error-null", "Status responses have `error: null`.", _sets(null_error=True)),
    Scenario("bad-id", "The task's id is not a UUID.", _sets(bad_id=True)),
    Scenario("seed=abc", "The task's id is derived from this text.", _takes("seed", str)),
    # On the task's webhooks.
    Scenario(
        "webhook-duplicate",
        "Each delivery is sent twice, with the same webhook-id.",
        _sets(webhook_duplicate=True),
    ),
    Scenario(
        "webhook-reorder",
        "Deliveries wait until the task has ended; the last change comes first.",
        _sets(webhook_reorder=True),
    ),
    Scenario(
        "webhook-bad-signature",
        "Deliveries are signed with another secret.",
        _sets(webhook_bad_signature=True),
    ),
    Scenario(
        "webhook-retry=3",
        "A failed delivery is retried at once, up to N times; 3 by default.",
        _takes("webhook_retries", _count, "3"),
    ),
)
"""All scenarios."""

_BY_NAME: Final = {scenario.name: scenario for scenario in CATALOGUE}


def read(text: str) -> Script:
    """Read scenarios as they stand in the header; ScenarioError if a name, value or option is not valid."""
    script = Script()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        head, *tail = (piece.strip() for piece in part.split(";"))
        name, _, value = (piece.strip() for piece in head.partition("="))
        scenario = _BY_NAME.get(name)
        if scenario is None:
            raise ScenarioError(f"Unknown scenario {name[:40]!r}. There are: {', '.join(sorted(_BY_NAME))}")
        pairs = (piece.partition("=") for piece in tail)
        options = {key.strip().lower(): given.strip() for key, _, given in pairs}
        unknown = sorted(set(options) - set(scenario.options))
        if unknown:
            known = ", ".join(scenario.options) or "none"
            said = f"The scenario {name!r} has no option {unknown[0][:40]!r}"
            raise ScenarioError(f"{said}. Its options: {known}")
        try:
            script = scenario.act(script, value, options)
        except ValueError as error:
            said = f"The scenario {part[:60]!r} is not valid ({error})"
            raise ScenarioError(f"{said}. Write e.g. {scenario.example}") from None
    return script
