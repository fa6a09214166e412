"""What a request asks of a stand-in server through its documented scenario header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contract_tests.schema.server.exchange import Sent

CATALOGUE_PATH: Final = "/_mock/scenarios"
HEADER: Final = "x-mock-scenario"


def asked(sent: Sent) -> dict[str, str]:
    """Give the scenarios of a request by name, with their values."""
    parts = [part.split(";")[0].strip() for part in (sent.header(HEADER) or "").split(",")]
    return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts if part)}


def asks_for_status(sent: Sent, status: int) -> bool:
    """Tell whether a request's scenario asks for this status."""
    scenarios = asked(sent)
    return str(status) in {scenarios.get("status"), scenarios.get("flaky")} or any(
        re.fullmatch(rf".*-{status}", name) for name in scenarios
    )


def forces_an_answer(sent: Sent) -> bool:
    """Tell whether a request's scenario replaces the answer, so that it says nothing about tasks."""
    names = asked(sent).keys()
    return bool(names & {"status", "rate", "quota", "redirect"}) or any(
        name.startswith(("html-", "empty-", "truncated", "created-but-")) for name in names
    )
