"""All scenarios: how each is written, what it does, and how it changes the script of a request."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from kling_elements_mock.tasks.life_cycle import FAILED, INSTANT, Polls, Seconds
from kling_elements_mock.tasks.script import Forced, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario.

    Attributes:
        name: As it stands before `=` or `;`.
        example: A complete way to write it.
        summary: One sentence.
        act: Adds it to a script, given its value (empty if none) and options. ValueError: a bad value.
        options: The names of its options.
    """

    name: str
    example: str
    summary: str
    act: Callable[[Script, str, Mapping[str, str]], Script] = field(repr=False)
    options: tuple[str, ...] = ()


_DAY: Final = 86_400
_MOST: Final = 10_000
_FIRST_FINAL, _LAST_STATUS = 200, 599


def _sets(**changes: Any) -> Callable[[Script, str, Mapping[str, str]], Script]:
    """Make an act that takes no value."""

    def act(script: Script, value: str, options: Mapping[str, str]) -> Script:
        del options
        if value:
            raise ValueError("it takes no value")
        return replace(script, **changes)

    return act


def _takes(read: Callable[[str], dict[str, Any]], default: str = "") -> Callable[..., Script]:
    """Make an act that reads its value."""

    def act(script: Script, value: str, options: Mapping[str, str]) -> Script:
        del options
        return replace(script, **read(value or default))

    return act


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= _DAY:
        raise ValueError(f"seconds from 0 to {_DAY} are needed")
    return seconds


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= _MOST:
        raise ValueError(f"a number from 1 to {_MOST} is needed")
    return count


def _code(text: str) -> int:
    status = int(text)
    if not _FIRST_FINAL <= status <= _LAST_STATUS:
        raise ValueError(f"a status code from {_FIRST_FINAL} to {_LAST_STATUS} is needed")
    return status


def _word(text: str) -> str:
    if not (text.isidentifier() and text.isascii()):
        raise ValueError("one word of letters is needed")
    return text


def _line(text: str) -> str:
    if not (text and text.isascii() and text.isprintable()):
        raise ValueError("plain ASCII is needed")
    return text


def _status(script: Script, value: str, options: Mapping[str, str]) -> Script:
    headers = (("retry-after", _line(options["retry-after"])),) if "retry-after" in options else ()
    return replace(script, forced=Forced(_code(value), options.get("hint", "").lower(), headers))


def _rate(script: Script, value: str, options: Mapping[str, str]) -> Script:
    del options
    seconds = str(_count(value or "1"))
    headers = (("retry-after", seconds), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", seconds))
    return replace(script, forced=Forced(429, "rate", headers))


def _redirect(script: Script, value: str, options: Mapping[str, str]) -> Script:
    location = (("location", _line(unquote(value))),)
    return replace(script, forced=Forced(_code(options.get("status", "302")), "", location, empty=True))


def _flaky(script: Script, value: str, options: Mapping[str, str]) -> Script:
    return replace(script, status_faults=(_count(options.get("times", "1")), _code(value)))


_THIS_REQUEST: Final = (
    Scenario(
        "status",
        "status=503;retry-after=2",
        "This request gets the status and its documented body; `hint` chooses among examples.",
        _status,
        ("retry-after", "hint"),
    ),
    Scenario("rate", "rate=2", "429 for a rate, with retry-after and x-ratelimit-reset in seconds.", _rate),
    Scenario(
        "quota",
        "quota",
        "429 because the day's quota or a free trial is used up.",
        _sets(forced=Forced(429, "quota")),
    ),
    Scenario("html-502", "html-502", "502 with an HTML page.", _sets(forced=Forced(502, html=True))),
    Scenario("html-503", "html-503", "503 with an HTML page.", _sets(forced=Forced(503, html=True))),
    Scenario("empty-200", "empty-200", "200 without a body.", _sets(forced=Forced(200, empty=True))),
    Scenario("truncated", "truncated", "The real answer, cut off in the middle.", _sets(truncated=True)),
    Scenario("reset", "reset", "The connection is reset; nothing is done.", _sets(reset=True)),
    Scenario(
        "slow",
        "slow=3",
        "The request is taken up this many seconds late.",
        _takes(lambda v: {"delay": _seconds(v)}),
    ),
    Scenario(
        "redirect",
        "redirect=http://127.0.0.1:9/",
        "A redirect to the URL, 302 unless `status` says otherwise.",
        _redirect,
        ("status",),
    ),
    Scenario(
        "created-but-500",
        "created-but-500",
        "The task is created, and the answer is a 500.",
        _sets(after_create="500"),
    ),
    Scenario(
        "created-but-reset",
        "created-but-reset",
        "The task is created, and the connection is reset.",
        _sets(after_create="reset"),
    ),
)

_THE_TASK: Final = (
    Scenario(
        "instant", "instant", "The task is done when its status is first asked for.", _sets(pace=INSTANT)
    ),
    Scenario(
        "polls",
        "polls=3",
        "The task is done when its status is asked for the Nth time.",
        _takes(lambda v: {"pace": Polls(_count(v))}),
    ),
    Scenario(
        "seconds",
        "seconds=2",
        "The task is done after so many seconds.",
        _takes(lambda v: {"pace": Seconds(_seconds(v))}),
    ),
    Scenario("fail", "fail", "The task ends as FAILED.", _sets(end=FAILED)),
    Scenario(
        "fail-after",
        "fail-after=3",
        "The task ends as FAILED after so many seconds.",
        _takes(lambda v: {"end": FAILED, "pace": Seconds(_seconds(v))}),
    ),
    Scenario("never-finish", "never-finish", "The task stays IN_PROGRESS.", _sets(end=None)),
    Scenario(
        "complete-empty",
        "complete-empty",
        "The task is COMPLETED, and `generated` is empty.",
        _sets(no_result=True),
    ),
    Scenario("expire", "expire", "The result's address has expired from the start.", _sets(expired=True)),
    Scenario(
        "unknown-status",
        "unknown-status=QUEUED",
        "Before IN_PROGRESS comes a status that is documented nowhere; QUEUED if none is given.",
        _takes(lambda v: {"interlude": _word(v)}, "QUEUED"),
    ),
    Scenario(
        "not-found-first",
        "not-found-first=2",
        "The first N status requests get 404; one if no number is given.",
        _takes(lambda v: {"status_faults": (_count(v), 404)}, "1"),
    ),
    Scenario(
        "flaky",
        "flaky=503;times=2",
        "The first `times` status requests get this status; one if no number is given.",
        _flaky,
        ("times",),
    ),
    Scenario(
        "missing-generated",
        "missing-generated",
        "Answers about the task lack `generated`.",
        _sets(omit_generated=True),
    ),
    Scenario("error-null", "error-null", "Status answers have `error: null`.", _sets(null_error=True)),
    Scenario("bad-id", "bad-id", "The task's id is no UUID.", _sets(bad_id=True)),
    Scenario("seed", "seed=abc", "The task's id comes from this text.", _takes(lambda v: {"seed": v})),
)

_ITS_WEBHOOKS: Final = (
    Scenario(
        "webhook-duplicate",
        "webhook-duplicate",
        "Each delivery is sent twice, with the same webhook-id.",
        _sets(webhook_duplicate=True),
    ),
    Scenario(
        "webhook-reorder",
        "webhook-reorder",
        "Deliveries wait until the task has ended, and come the last change first.",
        _sets(webhook_reorder=True),
    ),
    Scenario(
        "webhook-bad-signature",
        "webhook-bad-signature",
        "Deliveries are signed with another secret.",
        _sets(webhook_bad_signature=True),
    ),
    Scenario(
        "webhook-retry",
        "webhook-retry=3",
        "A delivery that fails is tried again at once, up to N times; 3 if no number is given.",
        _takes(lambda v: {"webhook_retries": _count(v)}, "3"),
    ),
)

CATALOGUE: Final = (*_THIS_REQUEST, *_THE_TASK, *_ITS_WEBHOOKS)
