"""schemathesis' phases, with all its checks, and this suite's rules over the same traffic."""

import pytest

from contract_tests.schema.server import engine
from contract_tests.schema.server.configuration import Configuration
from contract_tests.schema.server.target import Target


@pytest.mark.parametrize("phase", engine.PHASES)
def test_generated_requests_break_no_rule(
    target: Target, configuration: Configuration, phase: engine.Phase
) -> None:
    """Whatever is generated from the document, valid or not: no check fails, and no answer breaks a rule."""
    kept_back = engine.run(target, phase, configuration.seed, configuration.examples)
    if kept_back:
        pytest.skip(kept_back)
    if not target.record and target.guard.profile == "free":
        pytest.skip("PROFILE=free: all of this phase could make tasks. To send it: PROFILE=full CAP=20")
    if not target.record:
        pytest.skip("the document would have to have examples of requests, or links")
