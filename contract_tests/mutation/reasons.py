"""Why mutants may live: reasons written by hand, each for some mutants.

They are told by the function and the changed line, before and after, not by a number that would shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contract_tests.mutation.mutant import Mutant

FOLDER: Final = Path(__file__).with_name("survivors")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a mutant may live.

    Attributes:
        where: `module:function`.
        before: The line before the change.
        after: The line after it; empty for whatever it becomes.
        reason: Why no test finds it.
    """

    where: str
    before: str
    after: str
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        """Tell whether it speaks of a mutant."""
        if mutant.where != self.where:
            return False
        before, after = mutant.difference
        return before == self.before and self.after in {"", after}


def read_reasons(folder: Path = FOLDER) -> list[Reason]:
    """Read the files of reasons in a folder.

    Raises:
        ValueError: An entry lacks something.
    """
    return [reason for path in sorted(folder.glob("*.yaml")) for reason in _read(path)]


def _read(path: Path) -> list[Reason]:
    groups: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    found: list[Reason] = []
    for group in groups:
        reason = " ".join(str(group.get("reason") or "").split())
        for entry in group.get("mutants") or [{}]:
            if not reason or set(entry) - {"after"} != {"where", "before"}:
                raise ValueError(
                    f"{path.name}: a reason, and mutants with where, before and maybe after: {group}"
                )
            found.append(Reason(entry["where"], entry["before"], entry.get("after", ""), reason))
    return found


def reason_for(mutant: Mutant, reasons: Iterable[Reason]) -> str:
    """Find why a mutant may live; empty if nobody knows."""
    return next((reason.reason for reason in reasons if reason.fits(mutant)), "")


def not_needed(
    reasons: Iterable[Reason], survivors: Iterable[Mutant], modules: Iterable[str]
) -> list[Reason]:
    """Find reasons that speak of no survivor, for modules of which all mutants ran."""
    alive, ran = list(survivors), set(modules)
    return [
        reason
        for reason in reasons
        if reason.where.partition(":")[0] in ran and not any(map(reason.fits, alive))
    ]
