"""Where requests go, and with which key: resolved once from arguments and the environment."""

from __future__ import annotations

import ipaddress
import logging
import math
import re
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from attrs import field, frozen

from kling_elements.defaults import API_KEY_VARIABLES, BASE_URL_VARIABLE, LONGEST_REQUEST_TIMEOUT
from kling_elements.document import load_document
from kling_elements.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger("kling_elements")

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ESCAPABLE, _BACKSLASH = '"/\\', r"\\?"  # what JSON may write with a backslash before it
_MIN_REDACTED = 8  # characters; a shorter key would be found in ordinary words


class ApiKey:
    """A key that shows itself to nobody: not in a repr, not in a format, not in a pickle."""

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        # In a closure, so that no tool that walks attributes prints it.
        self._reveal: Callable[[], str] = lambda: value

    def __repr__(self) -> str:
        return "ApiKey('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled: make the client anew where it is needed")

    def reveal(self) -> str:
        """The key itself, for the one header that carries it."""
        return self._reveal()

    def redact(self, text: str) -> str:
        """`text` with every occurrence of the key struck out, should a server echo it, in JSON or not."""
        key = self._reveal()
        return re.sub(_spelled(key), "[API key]", text) if len(key) >= _MIN_REDACTED else text


@frozen
class GivenKey:
    """What a caller gave as the key, hidden from tracebacks that show variables."""

    value: object = field(repr=False)


@frozen
class Settings:
    """What the requests of one client have in common.

    Attributes:
        base_url: The origin, with a path prefix if there is one, without a trailing slash.
        key_header: The name of the header that carries the key.
        key: The key.
        timeout: Seconds that one request may take.
    """

    base_url: str
    key_header: str
    key: ApiKey
    timeout: float


def resolve_settings(
    *,
    api_key: str | GivenKey | None,
    base_url: str | None,
    auth_header: str | None,
    timeout: float,
    environ: Mapping[str, str],
) -> Settings:
    """Settings from a client's arguments, then the environment, then the document.

    Raises:
        ValidationError: If there is no key, or one of the values can't be used. Neither its text nor a
            variable of its frames holds the key.
    """
    key, problem = _find_key(api_key, environ)
    origin_variable = environ.get(BASE_URL_VARIABLE)
    del api_key, environ
    origin = _base_url(base_url or origin_variable or load_document().servers[0].url)
    header = auth_header or load_document().key_header(origin)
    if not _HEADER_NAME.fullmatch(header):
        raise ValidationError(["auth_header must be the name of an HTTP header"])
    # Sockets refuse an infinite time; so it stands for the longest.
    seconds = min(check_seconds("timeout", timeout, above_zero=True), LONGEST_REQUEST_TIMEOUT)
    if key is None:
        raise ValidationError([problem])
    return Settings(origin, header, key, seconds)


def check_seconds(name: str, value: object, *, above_zero: bool = False) -> float:
    """A number of seconds as a float; infinity is allowed.

    Raises:
        ValidationError: If it is no number, or below zero (or zero, with `above_zero`).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValidationError([f"{name} must be a number of seconds: got {value!r}"])
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf if value > 0 else -math.inf
    if math.isnan(seconds) or seconds < 0 or (above_zero and seconds == 0):
        least = "above zero" if above_zero else "zero or more"
        raise ValidationError([f"{name} must be {least} seconds: got {value!r}"])
    return seconds


def _find_key(given: str | GivenKey | None, environ: Mapping[str, str]) -> tuple[ApiKey | None, str]:
    """The key, or what is wrong. It raises nothing, as its variables hold the key."""
    value = given.value if isinstance(given, GivenKey) else given
    if value is not None and not isinstance(value, str):
        return None, f"api_key must be a string: got {type(value).__name__}"
    if value is None:
        value = next((environ[name] for name in API_KEY_VARIABLES if environ.get(name, "").strip()), "")
    key = value.strip()
    if not key:
        return None, f"no API key: pass api_key, or set {' or '.join(API_KEY_VARIABLES)}"
    # Nothing else is checked: the vendor's keys come in several formats.
    if not (key.isascii() and key.isprintable()):
        return None, "the API key holds characters that no HTTP header can carry (was it copied whole?)"
    return ApiKey(key), ""


def _spelled(key: str) -> str:
    """A pattern for a key as it is, and as JSON may write it: some services escape slashes, or more."""
    return "".join(
        rf"(?:{_BACKSLASH if char in _ESCAPABLE else ''}{re.escape(char)}|\\u(?i:{ord(char):04x}))"
        for char in key
    )


def _base_url(value: str) -> str:
    problem = "base_url must be an http or https URL like https://api.example.com"
    if not isinstance(value, str) or not value.isprintable() or " " in value.strip():
        raise ValidationError([problem])
    try:
        parts = urlsplit(value.strip())
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValidationError([problem]) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid:
        raise ValidationError([problem])
    if parts.username is not None or "?" in value or "#" in value:  # also where nothing follows them
        raise ValidationError([f"{problem}, without a user, a query or a fragment"])
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        logger.warning("the API key will travel unencrypted to %s", parts.netloc)
    return value.strip().rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
