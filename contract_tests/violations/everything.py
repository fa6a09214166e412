"""All mutants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contract_tests.violations import document, server

if TYPE_CHECKING:
    from contract_tests.violations.mutant import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (*server.MUTANTS, *document.MUTANTS)
