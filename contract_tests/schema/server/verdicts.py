"""Rules and what became of them: broken, accepted, held, or not reached."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import yaml
from attrs import asdict, frozen

from contract_tests.schema.exercised import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from contract_tests.schema.server.exchange import Exchange

F = TypeVar("F", bound="Callable[..., Any]")
Outcome = Literal["broken", "accepted", "held", "skipped"]
SUFFIX: Final = ".verdicts"


class KnownError(Exception):
    """The file of accepted breaches can't be used. The message says which entry to fix."""


@frozen
class Rule:
    """One rule."""

    name: str
    sentence: str
    stricter: str = ""


def stricter(why: str) -> Callable[[F], F]:
    """Mark a rule that asks for more than the document's text, and say why."""

    def mark(function: F) -> F:
        function.__dict__["stricter"] = why
        return function

    return mark


@cache
def rule_of(function: Callable[..., Any]) -> Rule:
    """Return the rule that a function checks: its name, and its docstring's first paragraph."""
    sentence = " ".join((function.__doc__ or "").split("\n\n")[0].split())
    return Rule(function.__name__.removeprefix("test_"), sentence, function.__dict__.get("stricter", ""))


@frozen
class Breach:
    """A rule that an answer broke."""

    rule: Rule
    text: str
    exchange: Exchange | None = None

    @property
    def place(self) -> str:
        """Method and path of the request."""
        return f"{self.exchange.sent.method} {self.exchange.sent.path}" if self.exchange else ""


@frozen
class Acceptance:
    """A breach that is known and accepted for a time."""

    rule: str
    why: str
    until: date
    where: str = "*"

    def covers(self, breach: Breach, today: date) -> bool:
        """Tell whether it accepts a breach."""
        named = fnmatchcase(breach.rule.name, self.rule) and fnmatchcase(breach.place, self.where)
        return named and today <= self.until

    def __str__(self) -> str:
        return f"{self.rule} at {self.where} until {self.until}: {self.why}"


def read_known(file: Path | None) -> tuple[Acceptance, ...]:
    """Read the accepted breaches; none without a file."""
    if file is None:
        return ()
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
        found = tuple(Acceptance(**entry) for entry in entries)
    except (OSError, TypeError, yaml.YAMLError) as error:
        raise KnownError(
            f"{file}: {error}. Each entry has `rule`, `why`, `until` and perhaps `where`"
        ) from None
    for entry in found:
        if type(entry.until) is not date or not str(entry.why).strip():
            raise KnownError(f"{file}: {entry.rule} needs `why`, and `until` as a day, e.g. 2027-01-31")
    return found


def today() -> date:
    """Return the day, in UTC."""
    return datetime.now(UTC).date()


@frozen
class Line:
    """What was seen of one rule, once."""

    rule: str
    sentence: str
    stricter: str
    outcome: Outcome
    text: str = ""
    check: str = ""
    place: str = ""
    told: str = ""
    accepted: str = ""


_seen: set[tuple[str, str]] = set()


def note(rule: Rule, outcome: Outcome, **more: str) -> None:
    """Write what was seen of a rule, if this is a run that is counted; `held` is written once a process."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None or (outcome == "held" and (folder, rule.name) in _seen):
        return
    if outcome == "held":
        _seen.add((folder, rule.name))
    file = Path(folder) / f"{os.getpid()}{SUFFIX}"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        line = Line(rule.name, rule.sentence, rule.stricter, outcome, **more)
        lines.write(json.dumps(asdict(line)) + "\n")


def read(folder: Path) -> list[Line]:
    """Return what all processes of a run have seen."""
    files: Iterable[Path] = sorted(folder.glob(f"*{SUFFIX}"))
    return [Line(**json.loads(line)) for f in files for line in f.read_text(encoding="utf-8").splitlines()]
