"""Resolve where requests go, and with which key, from arguments and the environment."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from kling_elements.api.auth import ApiKey, GivenKey, Settings
from kling_elements.api.proxies import is_loopback
from kling_elements.arguments import check_seconds
from kling_elements.document import load_document
from kling_elements.errors import ValidationError
from kling_elements.log import logger
from kling_elements.printable import shown_value

API_KEY_VARIABLES = ("KLING_ELEMENTS_API_KEY", "FREEPIK_API_KEY", "MAGNIFIC_API_KEY")
BASE_URL_VARIABLE = "KLING_ELEMENTS_BASE_URL"
REQUEST_TIMEOUT = 60.0
LONGEST_REQUEST_TIMEOUT = 86_400.0
_OWN_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
    }
)
# Those that proxies read, or servers write into logs; the key in one of them would not stay a secret.
_NOT_FOR_KEYS = _OWN_HEADERS | {
    "accept",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "upgrade",
    "user-agent",
}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def resolve_settings(  # noqa: PLR0913 - keyword options
    *,
    api_key: str | GivenKey | None,
    base_url: str | None,
    auth_header: str | None,
    timeout: object,
    headers: object = None,
    environ: Mapping[str, str],
) -> Settings:
    """Resolve settings from a client's arguments, then the environment, then the document.

    Raises:
        ValidationError: If there is no key, or one of the values can't be used. Neither its text nor a
            variable of its frames holds the key.
    """
    key, problem = _find_key(api_key, environ)
    origin_variable = environ.get(BASE_URL_VARIABLE)
    del api_key, environ
    if base_url is None:
        base_url = origin_variable or load_document().servers[0].url
    origin = _base_url(base_url)
    header = load_document().key_header(origin) if auth_header is None else auth_header
    if not isinstance(header, str) or not _HEADER_NAME.fullmatch(header):
        raise ValidationError(["auth_header must be the name of an HTTP header"])
    if header.lower() in _NOT_FOR_KEYS:
        raise ValidationError([f"auth_header can't be {header}, which is for something else than a key"])
    seconds, connect = _read_timeout(timeout)
    if key is None:
        raise ValidationError([problem])
    added = _check_headers("default_headers", headers, header)
    return Settings(origin, header, key, seconds, connect_timeout=connect, headers=added)


def adjust_settings(settings: Settings, *, timeout: object = None, headers: object = None) -> Settings:
    """Return settings with another timeout, and with more headers.

    Raises:
        ValidationError: If one of the values can't be used.
    """
    if timeout is not None:
        seconds, connect = _read_timeout(timeout)
        settings = settings._replace(timeout=seconds, connect_timeout=connect)
    added = _check_headers("headers", headers, settings.key_header)
    names = {name.lower() for name in added}
    kept = {name: value for name, value in settings.headers.items() if name.lower() not in names}
    return settings._replace(headers={**kept, **added})


def _read_timeout(value: Any) -> tuple[float, float | None]:
    """Return the seconds for a request and for its connection, from a number or an `httpx.Timeout`."""
    connect = None
    try:
        is_pair = hasattr(value, "read") and hasattr(value, "connect")
    except Exception:  # noqa: BLE001 - whatever a caller's object raises: it is refused below
        is_pair = False
    if is_pair:
        if value.connect is not None:
            connect = check_seconds("timeout.connect", value.connect, above_zero=True)
        value = math.inf if value.read is None else value.read
    # Sockets refuse an infinite timeout, so it becomes the longest.
    return min(check_seconds("timeout", value, above_zero=True), LONGEST_REQUEST_TIMEOUT), connect


def _check_headers(argument: str, headers: object, key_header: str) -> dict[str, str]:
    """Return a caller's own headers. No message shows a value, which may be a secret."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ValidationError([f"{argument} must map names to values: got {type(headers).__name__}"])
    problems = []
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            problems.append(f"{argument}: {shown_value(name)} is not the name of an HTTP header")
        elif name.lower() == key_header.lower():
            problems.append(f"{argument} can't replace {name}: pass the key as api_key")
        elif name.lower() in _OWN_HEADERS:
            problems.append(f"{argument} can't replace {name}: the client sets it")
        elif not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            problems.append(f"{argument}: the value of {name} must be a line of ASCII text")
    if problems:
        raise ValidationError(problems)
    return dict(headers)


def _find_key(given: str | GivenKey | None, environ: Mapping[str, str]) -> tuple[ApiKey | None, str]:
    """Return the key, or what is wrong. It raises nothing, as its variables hold the key."""
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
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        logger.warning("the API key will travel unencrypted to %s", parts.netloc)
    return value.strip().rstrip("/")
