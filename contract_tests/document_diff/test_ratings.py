"""Each kind of change is noticed, told in words, and rated for the callers of the client."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from spec.tools.diff import compare
from spec.tools.diff.rules import RULES

CASES: list[dict[str, Any]] = [
    case
    for section in yaml.safe_load(
        (Path(__file__).parent / "changes.yaml").read_text(encoding="utf-8")
    ).values()
    for case in section
]


def changed(document: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Give a copy of a document with the change of one case made."""
    made = copy.deepcopy(document)
    *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in case["at"][1:].split("/")]
    here: Any = made
    for step in steps:
        here = here[int(step)] if isinstance(here, list) else here[step]
    key: Any = int(last) if isinstance(here, list) and last != "-" else last
    if "to" not in case:
        del here[key]
    elif last == "-":
        here.append(case["to"])
    else:
        here[key] = case["to"]
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['at']} {case['what']}")
def test_a_change_is_told_and_rated(library: dict[str, Any], case: dict[str, Any]) -> None:
    """The worst of what is told of a change is the rating in the table, at the place, in the words."""
    changes = compare(library, changed(library, case))
    told = [(change.rating.word, change.place, change.what) for change in changes]
    assert max(changes, key=lambda change: change.rating).rating.word == case["rating"], told
    assert any(case["where"] in change.place and case["what"] in change.what for change in changes), told
    assert all(change.why for change in changes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['at']} {case['what']}")
def test_a_change_is_noticed_both_ways(library: dict[str, Any], case: dict[str, Any]) -> None:
    """Taking a change back is a change as well, and no change is told of a document and itself."""
    new = changed(library, case)
    assert compare(new, library)
    assert compare(new, copy.deepcopy(new)) == []


def test_rules_give_their_reasons() -> None:
    """No rule's words need more than name, old and new, and each has a reason for both ways."""
    for name, rule in RULES.items():
        assert "{" not in rule.words.format(name="N", old="O", new="W"), name
        assert rule.why_sent, name
        assert rule.why_received, name
