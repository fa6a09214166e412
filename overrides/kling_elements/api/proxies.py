"""Proxies: which hosts never need one, and which environment variable names the one in use."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from kling_elements.images.urls import address_of

# As systems' files of hosts name this machine.
_LOOPBACK_NAMES = frozenset(
    {
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost4.localdomain4",
        "localhost6",
        "localhost6.localdomain6",
        "ip6-localhost",
        "ip6-loopback",
    }
)
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_KEY_LOG = "SSLKEYLOGFILE"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: its requests never leave for a proxy."""
    name = host.rstrip(".").lower()
    if address := address_of(name.strip("[]")):
        return address.is_loopback or address.is_unspecified
    return name in _LOOPBACK_NAMES or name.endswith(".localhost")


def describe_proxy(host: str, port: int) -> str:
    """Name a proxy in use, and the environment variable that it comes from."""
    for name in _set_variables(_PROXY_VARIABLES):
        value = os.environ[name]
        try:
            parts = urlsplit(value if "://" in value else f"http://{value}")
            is_it = parts.hostname == host.lower() and parts.port in {port, None}
        except ValueError:
            continue
        if is_it:
            return f"the proxy {host}:{port} (from {name})"
    return f"the proxy {host}:{port}"


def environment_advice() -> str:
    """Name the environment variables that a client can fail over, those of certificates with their paths."""
    names = _set_variables((*_PROXY_VARIABLES, "NO_PROXY"))
    names += [f"{name}={os.environ[name]}" for name in _set_variables((*CERTIFICATE_VARIABLES, _KEY_LOG))]
    return f"check {', '.join(names or (*_PROXY_VARIABLES, 'NO_PROXY', *CERTIFICATE_VARIABLES))}"


def certificate_advice() -> str:
    """Say how to trust another certificate."""
    set_now = [f"{name} is {os.environ[name]}" for name in _set_variables(CERTIFICATE_VARIABLES)]
    return (
        "To trust your own certificate authority, set SSL_CERT_FILE to its certificate file"
        f" ({', '.join(set_now) or 'it is not set'})"
    )


def _set_variables(names: tuple[str, ...]) -> list[str]:
    return [spelled for name in names for spelled in (name, name.lower()) if os.environ.get(spelled)]
