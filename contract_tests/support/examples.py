"""How many examples the client side draws, and that they are the same ones each time."""

import os

from hypothesis import HealthCheck, settings


def examples(count: int) -> settings:
    """So many examples, multiplied by `EXAMPLES`: the same ones on every machine and in every run."""
    most = count * int(os.environ.get("EXAMPLES", "1"))
    # The fixtures that are shared between examples hold no state.
    never = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    fixed = settings(max_examples=most, derandomize=True, database=None, deadline=None)
    return settings(fixed, suppress_health_check=never)
