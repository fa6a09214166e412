"""All seeded violations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contract_tests.violations import client, document, mock, server, webhook

if TYPE_CHECKING:
    from contract_tests.violations.violation import Violation

VIOLATIONS: Final[tuple[Violation, ...]] = (
    *server.VIOLATIONS,
    *client.VIOLATIONS,
    *document.VIOLATIONS,
    *webhook.VIOLATIONS,
    *mock.VIOLATIONS,
)
