"""Checks of `format`. Libraries skip those they lack, as JSON Schema allows; here each one bites."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from jsonschema import FormatChecker  # type: ignore[import-untyped]  # it ships no types

# RFC 3986, without the rarely seen IPvFuture.
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
_MOMENT: Final = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def is_uri(value: object) -> bool:
    """Tell whether a string is a URI (RFC 3986); anything but a string passes."""
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


def is_uuid(value: object) -> bool:
    """Tell whether a string is a UUID of any version."""
    return not isinstance(value, str) or _UUID.fullmatch(value) is not None


def is_moment(value: object) -> bool:
    """Tell whether a string is a date and time (RFC 3339)."""
    return not isinstance(value, str) or _MOMENT.fullmatch(value) is not None


def is_base64(value: object) -> bool:
    """Tell whether a string is base64."""
    if not isinstance(value, str):
        return True
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def is_int32(value: object) -> bool:
    """Tell whether a whole number has 32 bits at most."""
    return isinstance(value, bool) or not isinstance(value, int) or -(2**31) <= value < 2**31


def is_int64(value: object) -> bool:
    """Tell whether a whole number has 64 bits at most."""
    return isinstance(value, bool) or not isinstance(value, int) or -(2**63) <= value < 2**63


FORMATS: Final = FormatChecker(("date", "email", "ipv4", "ipv6", "regex"))
"""All checks, as the validator takes them."""

for _name, _check in (
    ("uri", is_uri),
    ("uuid", is_uuid),
    ("date-time", is_moment),
    ("byte", is_base64),
    ("int32", is_int32),
    ("int64", is_int64),
):
    FORMATS.checks(_name)(_check)
