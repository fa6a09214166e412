"""Reads scenarios as a test writes them.

A scenario is `NAME` or `NAME=VALUE`, with `;key=value` options. Several are joined by commas, as in
`instant, webhook-duplicate`. Commas and semicolons inside a value are percent-encoded.
"""

from __future__ import annotations

from typing import Final

from kling_elements_mock.tasks.catalogue import CATALOGUE
from kling_elements_mock.tasks.script import Script

HEADER: Final = "x-mock-scenario"
_BY_NAME: Final = {scenario.name: scenario for scenario in CATALOGUE}


class ScenarioError(ValueError):
    """A scenario that is unknown or badly written; the message lists what there is."""


def read(text: str) -> Script:
    """Read scenarios as they stand in the header.

    Raises:
        ScenarioError: A name is unknown, or a value or an option is not what its scenario takes.
    """
    script = Script()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        head, *tail = (piece.strip() for piece in part.split(";"))
        name, _, value = (piece.strip() for piece in head.partition("="))
        scenario = _BY_NAME.get(name)
        if scenario is None:
            raise ScenarioError(f"Unknown scenario {name[:40]!r}. There are: {', '.join(sorted(_BY_NAME))}")
        pairs = (piece.partition("=") for piece in tail)
        options = {key.strip().lower(): given.strip() for key, _, given in pairs}
        odd = sorted(set(options) - set(scenario.options))
        if odd:
            known = ", ".join(scenario.options) or "none"
            raise ScenarioError(f"The scenario {name!r} has no option {odd[0][:40]!r}. Its options: {known}")
        try:
            script = scenario.act(script, value, options)
        except ValueError as error:
            raise ScenarioError(
                f"The scenario {part[:60]!r} is not understood ({error}). Write e.g. {scenario.example}"
            ) from None
    return script
