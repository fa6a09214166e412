"""Rules and what became of them: broken, accepted, held, or not reached."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from attrs import asdict, frozen

from contract_tests.schema import exercised

F = TypeVar("F", bound="Callable[..., Any]")
Outcome = Literal["broken", "accepted", "held", "skipped"]


@frozen
class Rule:
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
class Acceptance:
    """A breach that is known and accepted for a time."""

    rule: str
    why: str
    until: date
    where: str = "*"

    def covers(self, rule: Rule, place: str, today: date) -> bool:
        return fnmatchcase(rule.name, self.rule) and fnmatchcase(place, self.where) and today <= self.until

    def __str__(self) -> str:
        return f"{self.rule} at {self.where} until {self.until}: {self.why}"


@frozen
class Line:
    rule: Rule
    outcome: Outcome
    text: str = ""
    told: str = ""
    accepted: str = ""


def broken(rule: Rule, text: str, place: str, known: tuple[Acceptance, ...], told: str = "") -> Line:
    day = datetime.now(UTC).date()
    accepted = next((str(entry) for entry in known if entry.covers(rule, place, day)), "")
    return Line(rule, "accepted" if accepted else "broken", text, told, accepted)


_held: set[Rule] = set()


def held(rule: Rule) -> None:
    """Write down, once a process, that a rule was held."""
    if rule not in _held:
        _held.add(rule)
        note(Line(rule, "held"))


def note(line: Line) -> None:
    """Write down what was seen of a rule, if this is a run that is counted."""
    exercised.keep("verdicts", asdict(line, value_serializer=_printable))


def _printable(_line: object, _field: object, value: object) -> object:
    """Mark what neither XML nor a terminal can show: an answer's text is the server's, and may be a film."""
    if not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in value)


def read(folder: Path) -> list[Line]:
    return [Line(Rule(**line.pop("rule")), **line) for line in exercised.kept(folder, "verdicts")]
