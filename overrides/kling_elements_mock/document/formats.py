"""Check every `format` that the document may use. Libraries skip those that they don't know."""

from __future__ import annotations

import base64
import re
from typing import Final

from jsonschema import FormatChecker  # type: ignore[import-untyped]  # it ships no types

# RFC 3986, without IPvFuture, which nobody uses.
_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_REST = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(?://(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\d*)?(?:/" + _PATH + r")?"
    r"|(?!//)" + _PATH + r")"
    r"(?:\?" + _REST + r")?(?:#" + _REST + r")?",
    re.ASCII,
)

# A name that jsonschema has no check for, here or in this environment, is a KeyError at import.
FORMATS: Final = FormatChecker(("date", "date-time", "email", "ipv4", "ipv6", "regex", "uuid"))
"""All checks, as the validator takes them."""


@FORMATS.checks("uri")  # type: ignore[untyped-decorator]
def is_uri(value: object) -> bool:
    """Return whether a string is a URI (RFC 3986)."""
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@FORMATS.checks("byte", raises=ValueError)  # type: ignore[untyped-decorator]
def is_base64(value: object) -> bool:
    """Return whether a string is base64; the library's check fails on text that is not ASCII."""
    return not isinstance(value, str) or base64.b64decode(value, validate=True) is not None


@FORMATS.checks("int32")  # type: ignore[untyped-decorator]
def is_int32(value: object) -> bool:
    """Return whether an integer fits in 32 bits."""
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@FORMATS.checks("int64")  # type: ignore[untyped-decorator]
def is_int64(value: object) -> bool:
    """Return whether an integer fits in 64 bits."""
    return not isinstance(value, int) or -(2**63) <= value < 2**63
