"""The rules of a run by outcome: one entry for each cause, however many requests met it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contract_tests.schema.server.verdicts import Acceptance, Line, Outcome, Rule

# What is seen of a rule, the weightiest first, and what that makes it.
VERDICTS: Final[dict[Outcome, str]] = {
    "broken": "broken", "accepted": "accepted", "held": "held", "skipped": "not reached",
}  # fmt: skip
_COLOURS: Final = {"broken": "\033[31m", "accepted": "\033[33m"}
_PLAIN: Final = "\033[0m"


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
    def notes(self) -> list[str]:
        """What a reader must know of a broken rule: that it is stricter than the document, or accepted."""
        said = [f"Stricter than the document: {self.rule.stricter}"] if self.rule.stricter else []
        if self.verdict == "broken" and self.rule.stricter:
            said.append(
                f"To accept it, in known.yaml: - {{rule: {self.rule.name}, why: …, until: 2027-01-31}}"
            )
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
    return [
        f"{entry} — no breach needs this any more, or its day is over: remove it"
        for entry in known
        if str(entry) not in used and entry.rule not in unreached
    ]


def text(groups: Sequence[Group], stale: Sequence[str], *, colour: bool) -> str:
    """Write the rules for a terminal: what is broken or accepted, what was not reached, and counts."""

    def paint(verdict: str, words: str) -> str:
        return f"{_COLOURS[verdict]}{words}{_PLAIN}" if colour else words

    written = []
    for found in (found for found in groups if found.breaches):
        written += [
            paint(found.verdict, f"{found.verdict.upper()}  {found.rule.name}  ({found.times})"),
            *(f"  {line}" for line in (found.rule.sentence, *found.notes, found.first.text)),
            *found.first.told.splitlines(),
            "",
        ]
    missing = not_reached(groups)
    if missing:
        written.append("NOT CHECKED, and what it would take:")
        for reason, checks in missing.items():
            written += [f"  {reason}", *(f"    {name} ({count})" for name, count in checks)]
        written.append("")
    counts = Counter(found.verdict for found in groups)
    sums = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS.values())
    return "\n".join([*written, *(paint("broken", f"UNNEEDED  {line}") for line in stale), f"Rules: {sums}"])


def not_reached(groups: Sequence[Group]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for some in groups:
        for reason, count in some.skipped.items():
            found.setdefault(reason, []).append((some.rule.name, count))
    return found


def junit(groups: Sequence[Group], stale: Sequence[str], tests: ET.Element) -> ET.Element:
    """Return JUnit's XML: one case for each rule, and pytest's cases that are about no rule."""
    whole = ET.Element("testsuites")
    suite = ET.SubElement(whole, "testsuite", name="rules")
    for found in groups:
        case = ET.SubElement(suite, "testcase", classname="contract", name=found.rule.name)
        if found.verdict == "broken":
            said = "\n".join([found.rule.sentence, *found.notes, found.first.text, found.first.told])
            ET.SubElement(case, "failure", message=f"{found.first.text} ({found.times})").text = said
        elif found.verdict == "not reached":
            ET.SubElement(case, "skipped", message="; ".join(found.skipped))
        elif found.verdict == "accepted":
            ET.SubElement(case, "system-out").text = found.first.accepted
    for line in stale:
        case = ET.SubElement(suite, "testcase", classname="contract", name="known.yaml")
        ET.SubElement(case, "failure", message=line)
    others = ET.SubElement(whole, "testsuite", name="tests")
    others.extend(case for case in tests.iter("testcase") if not _is_of_rules(case))
    for some in whole:
        some.set("tests", str(len(some)))
        for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            some.set(name, str(len(some.findall(f"testcase/{kind}"))))
    return whole


def _is_of_rules(case: ET.Element) -> bool:
    return ".schema.server." in f"{case.get('classname')}." and case.find("error") is None
