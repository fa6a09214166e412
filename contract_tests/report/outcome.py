"""What a run came to: rules by outcome, one entry for each cause, and how often each answer was met."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from attrs import frozen

from contract_tests.schema.exercised import SIDES, Row, Side
from contract_tests.schema.server.verdicts import Acceptance, Line, Outcome, Rule, broken

# What is seen of a rule, the weightiest first, and what that makes it.
VERDICTS: Final[dict[Outcome, str]] = {
    "broken": "broken", "accepted": "accepted", "held": "held", "skipped": "not reached",
}  # fmt: skip


@frozen
class Group:
    """One rule, with all that was seen of it."""

    rule: Rule
    verdict: str
    breaches: tuple[Line, ...]
    skipped: Counter[str]

    @property
    def first(self) -> Line:
        """The breach to show: of those that are not accepted, if there is one."""
        return next((line for line in self.breaches if line.outcome == "broken"), self.breaches[0])

    @property
    def times(self) -> str:
        return f"{len(self.breaches)} time{'s' * (len(self.breaches) != 1)}"

    @property
    def said(self) -> list[str]:
        """What a reader must know of a broken rule: that it is stricter than the document, or accepted."""
        said = [self.rule.sentence]
        if self.rule.stricter:
            said.append(f"Stricter than the document: {self.rule.stricter}")
        if self.rule.stricter and self.verdict == "broken":
            entry = f"{{rule: {self.rule.name}, why: …, until: 2027-01-31}}"
            said.append(f"To accept it, in known.yaml: - {entry}")
        return said + ([f"Accepted: {self.first.accepted}"] if self.first.accepted else [])


def group(lines: Iterable[Line]) -> list[Group]:
    """Group what was seen by rule: broken ones first, then those accepted, held and not reached."""
    by_rule: dict[Rule, list[Line]] = {}
    for line in lines:
        by_rule.setdefault(line.rule, []).append(line)
    found = []
    for rule, some in by_rule.items():
        outcomes = {line.outcome for line in some}
        verdict = next(verdict for outcome, verdict in VERDICTS.items() if outcome in outcomes)
        breaches = tuple(line for line in some if line.outcome in {"broken", "accepted"})
        skipped = Counter(line.text for line in some if line.outcome == "skipped")
        found.append(Group(rule, verdict, breaches, skipped))
    return sorted(found, key=lambda g: (list(VERDICTS.values()).index(g.verdict), g.rule.name))


def unneeded(known: Sequence[Acceptance], groups: Sequence[Group]) -> list[str]:
    """Say which acceptances no breach has needed, though their rule was reached."""
    used = {line.accepted for g in groups for line in g.breaches}
    unreached = {g.rule.name for g in groups if g.verdict == "not reached"}
    unused = [entry for entry in known if str(entry) not in used and entry.rule not in unreached]
    return [f"{entry} — no breach needs this any more, or its day is over: remove it" for entry in unused]


def not_reached(groups: Sequence[Group]) -> dict[str, list[tuple[str, int]]]:
    """Return the checks that were not made, by what they would have needed."""
    found: dict[str, list[tuple[str, int]]] = {}
    for some in groups:
        for reason, count in some.skipped.items():
            found.setdefault(reason, []).append((some.rule.name, count))
    return found


@frozen
class Table:
    """How often each side has met each documented answer."""

    counts: Mapping[Row, Mapping[Side, int]]
    sides: Sequence[Side] = SIDES

    def met(self, side: Side) -> int:
        return sum(count[side] > 0 for count in self.counts.values())

    def by_operation(self) -> list[tuple[str, list[Row]]]:
        named = groupby(self.counts, lambda row: f"{row.method} {row.path}")
        return [(name, list(rows)) for name, rows in named]

    def never_met(self, known: tuple[Acceptance, ...]) -> list[Line]:
        """Return a broken rule for each side, with an entry for each answer that it has never met."""
        return [
            broken(
                Rule(f"the_{side}_side_meets_every_answer", f"The {side} side meets each documented answer."),
                f"the {side} side has never met {' '.join(row)}", " ".join(row), known,
                "  record it in a test (contract_tests.schema.exercised.record), or accept it in known.yaml",
            )
            for side in self.sides for row, count in self.counts.items() if not count[side]
        ]  # fmt: skip


def build(
    rows: Iterable[Row], counts: Mapping[tuple[Side, Row], int], sides: Sequence[Side] = SIDES
) -> Table:
    """Put counts to the document's answers: each operation's by status; `default` sorts last."""
    found = list(rows)
    places = {row[:2]: place for place, row in reversed(list(enumerate(found)))}
    ordered = sorted(found, key=lambda row: (places[row[:2]], row.status, row.media_type))
    return Table({row: {side: counts.get((side, row), 0) for side in sides} for row in ordered}, sides)
