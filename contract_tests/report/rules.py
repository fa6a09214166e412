"""The rules of a run by outcome: one entry for each cause, however many requests met it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal
from xml.etree import ElementTree as ET

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contract_tests.schema.server.verdicts import Acceptance, Line

Verdict = Literal["broken", "accepted", "not reached", "held"]
VERDICTS: Final[tuple[Verdict, ...]] = ("broken", "accepted", "not reached", "held")
_RED, _YELLOW, _PLAIN = "\033[31m", "\033[33m", "\033[0m"


@frozen
class Group:
    """One rule, with all that was seen of it."""

    rule: str
    sentence: str
    stricter: str
    verdict: Verdict
    breaches: tuple[Line, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()

    @property
    def first(self) -> Line:
        """The breach to show: of those that are not accepted, if there is one."""
        return next((line for line in self.breaches if line.outcome == "broken"), self.breaches[0])

    @property
    def requests(self) -> int:
        """How many requests broke it."""
        return len(self.breaches)


def group(lines: Iterable[Line]) -> list[Group]:
    """Group what was seen by rule: broken ones first, then those accepted, not reached and held."""
    by_rule: dict[str, list[Line]] = {}
    for line in lines:
        by_rule.setdefault(line.rule, []).append(line)
    found = []
    for name, some in by_rule.items():
        by_weight: dict[str, Verdict] = {
            "broken": "broken", "accepted": "accepted", "held": "held", "skipped": "not reached"
        }  # fmt: skip
        outcomes = {line.outcome for line in some}
        verdict: Verdict = next(verdict for outcome, verdict in by_weight.items() if outcome in outcomes)
        breaches = tuple(line for line in some if line.outcome in {"broken", "accepted"})
        skipped = Counter(line.text for line in some if line.outcome == "skipped")
        sentence, why = some[0].sentence, some[0].stricter
        found.append(Group(name, sentence, why, verdict, breaches, tuple(sorted(skipped.items()))))
    return sorted(found, key=lambda g: (VERDICTS.index(g.verdict), g.rule))


def unneeded(known: Sequence[Acceptance], groups: Sequence[Group]) -> list[str]:
    """Say which acceptances no breach has needed, though their rule was reached."""
    used = {line.accepted for g in groups for line in g.breaches}
    unreached = {g.rule for g in groups if g.verdict == "not reached"}
    return [
        f"{entry} — no breach needs this any more, or its day is over: remove it"
        for entry in known
        if str(entry) not in used and entry.rule not in unreached
    ]


def text(groups: Sequence[Group], stale: Sequence[str], *, colour: bool) -> str:
    """Write the rules for a terminal: what is broken or accepted, what was not reached, and counts."""

    def paint(code: str, words: str) -> str:
        return f"{code}{words}{_PLAIN}" if colour else words

    written = []
    for found in groups:
        if found.verdict in {"broken", "accepted"}:
            code = _RED if found.verdict == "broken" else _YELLOW
            times = f"{found.requests} request{'s' * (found.requests != 1)}"
            written += [
                paint(code, f"{found.verdict.upper()}  {found.rule}  ({times})"),
                f"  {found.sentence}",
            ]
            written += [f"  {line}" for line in notes(found)]
            written += [f"  {found.first.text}", *found.first.told.splitlines(), ""]
    missing = not_reached(groups)
    if missing:
        written.append("NOT CHECKED, and what it would take:")
        for reason, checks in missing.items():
            written += [f"  {reason}", *(f"    {name} ({count})" for name, count in checks)]
        written.append("")
    written += [paint(_RED, f"UNNEEDED  {line}") for line in stale]
    return "\n".join([*written, f"Rules: {sums(groups)}"])


def notes(found: Group) -> list[str]:
    """Say what a reader must know of a broken rule: that it is stricter than the document, or accepted."""
    said = [f"Stricter than the document: {found.stricter}"] if found.stricter else []
    if found.verdict == "broken" and found.stricter:
        said.append(f"To accept it, in known.yaml: - {{rule: {found.rule}, why: …, until: 2027-01-31}}")
    return said + ([f"Accepted: {found.first.accepted}"] if found.first.accepted else [])


def not_reached(groups: Sequence[Group]) -> dict[str, list[tuple[str, int]]]:
    """Return the checks that were not made, by what they would have needed."""
    found: dict[str, list[tuple[str, int]]] = {}
    for some in groups:
        for reason, count in some.skipped:
            found.setdefault(reason, []).append((some.rule, count))
    return found


def sums(groups: Sequence[Group]) -> str:
    """Count the rules by outcome."""
    counts = Counter(found.verdict for found in groups)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)


def junit(groups: Sequence[Group], stale: Sequence[str], tests: ET.Element) -> ET.Element:
    """Return JUnit's XML: one case for each rule, and pytest's cases that are about no rule."""
    whole = ET.Element("testsuites")
    suite = ET.SubElement(whole, "testsuite", name="rules", tests=str(len(groups)))
    for found in groups:
        case = ET.SubElement(suite, "testcase", classname="contract", name=found.rule)
        if found.verdict == "broken":
            said = "\n".join([found.sentence, *notes(found), found.first.text, found.first.told])
            message = f"{found.first.text} ({found.requests} requests)"
            ET.SubElement(case, "failure", message=message).text = said
        elif found.verdict == "not reached":
            ET.SubElement(case, "skipped", message="; ".join(reason for reason, _ in found.skipped))
        elif found.verdict == "accepted":
            ET.SubElement(case, "system-out").text = found.first.accepted
    for line in stale:
        case = ET.SubElement(suite, "testcase", classname="contract", name="known.yaml")
        ET.SubElement(case, "failure", message=line)
    for other in tests.iter("testsuite"):
        kept = ET.SubElement(whole, "testsuite", name="tests")
        kept.extend(case for case in other.iter("testcase") if not _is_of_rules(case))
    for some in whole:
        some.set("tests", str(len(some)))
        for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            some.set(name, str(len(some.findall(f"testcase/{kind}"))))
    return whole


def _is_of_rules(case: ET.Element) -> bool:
    return ".schema.server." in f"{case.get('classname')}." and case.find("error") is None
