"""How many examples the client side draws, and that they are the same ones each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FACTOR_VARIABLE = "EXAMPLES"


def examples(count: int) -> settings:
    """Settings for a property: the same examples on every machine and in every run.

    Args:
        count: How many in `make test`; the environment variable `EXAMPLES` multiplies it, for a longer look.
    """
    return settings(
        max_examples=count * int(os.environ.get(FACTOR_VARIABLE, "1")),
        derandomize=True,
        database=None,
        deadline=None,
        # The fixtures that are shared between examples hold no state.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
