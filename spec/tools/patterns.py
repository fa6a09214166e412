"""Tell which patterns every reader of the document can check values by."""

from __future__ import annotations

import re
import warnings

import jsonschema_rs


def is_portable(pattern: str) -> bool:
    """Return whether the readers of the document agree on a pattern.

    The client reads ECMA-262, as OpenAPI has it; the mock, the contract suite and these tools, Python's `re`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # `re` reads `[[:alpha:]]` in its own way
            re.compile(pattern)
        jsonschema_rs.Draft4Validator({"pattern": pattern})
    except (re.error, ValueError, ArithmeticError, RecursionError, FutureWarning):
        return False
    return True
