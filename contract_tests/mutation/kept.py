"""Verdicts of earlier runs, kept in a file that is added to as they come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contract_tests.mutation.running import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contract_tests.mutation.mutant import Mutant

FILE: Final = Path(__file__).resolve().parents[2] / ".cache" / "mutation" / "verdicts.jsonl"


@dataclass(frozen=True, slots=True)
class Kept:
    """The file.

    Attributes:
        path: Where it is, or will be.
    """

    path: Path = FILE

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict; it takes the place of an earlier one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps([verdict.mutant.key, verdict.outcome, verdict.test])
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def verdicts(self, mutants: Iterable[Mutant]) -> list[Verdict]:
        """The last verdicts of those mutants whose function is as it was, in their order."""
        if not self.path.is_file():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        known = {key: (outcome, test) for key, outcome, test in map(json.loads, lines)}
        return [Verdict(mutant, *known[mutant.key]) for mutant in mutants if mutant.key in known]
