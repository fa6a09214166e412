"""Check the URL of an image without asking anyone."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from kling_elements.printable import printable
from kling_elements.types import redact_url

_MAX_URL = 8192  # characters; RFC 9110 asks servers to take at least 8,000
_MAX_SHOWN = 80
# RFC 6761, RFC 8375, RFC 9476 and what routers hand out: names that only a local resolver answers.
_LOCAL_SUFFIXES = ("localhost", "local", "internal", "lan", "home.arpa", "test", "invalid")


def url_problems(url: str) -> tuple[str, ...]:
    """Check the form of an image's URL; nothing is fetched.

    Returns:
        Short sentences without a subject: not http or https, no host, a user name in it, spaces or control
        characters, too long. Empty when it is in order.
    """
    if len(url) > _MAX_URL:
        return (f"is {len(url):,} characters long: at most {_MAX_URL:,} are taken in a URL",)
    if odd := re.search(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]", url):
        what = "a space" if odd[0] == " " else f"the character {odd[0]!r}"
        remedy = "write it as %20" if odd[0] == " " and url.strip() == url else "remove it"
        return (f"has {what} at position {odd.start() + 1}: {remedy}",)
    parts = _split(url)
    if parts is None:
        return ("is not a URL: its host can't be read",)
    split, port_ok = parts
    if split.scheme not in {"http", "https"}:
        return (f"has the scheme {split.scheme!r}: http or https is needed",)
    found = []
    if not split.hostname:
        found.append("names no host: https://HOST/PATH is needed")
    if not port_ok:
        found.append("has a port that is no number from 0 to 65535")
    if "@" in split.netloc:
        found.append("holds a user name or password: anybody who sees the request could read it; remove it")
    return tuple(found)


def is_private_url(url: str) -> bool:
    """Whether the URL's host is this machine or a private network, where the vendor can't fetch it.

    Goes by the name or address as written; nothing is resolved. False for what is no URL at all.
    """
    parts = _split(url)
    host = (parts[0].hostname or "").rstrip(".") if parts else ""
    if not host:
        return False
    address = address_of(host)
    if address is None:
        return "." not in host or host.endswith(tuple(f".{suffix}" for suffix in _LOCAL_SUFFIXES))
    return not address.is_global or address.is_multicast


def shown_url(url: str) -> str:
    """Return a URL for an error message: redacted, printable and not too long."""
    text = printable(redact_url(url))
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def _split(url: str) -> tuple[SplitResult, bool] | None:
    """Split a URL; the flag says if its port makes sense. None when it can't be split."""
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    try:
        split.port  # noqa: B018  reading it is the check
    except ValueError:
        return split, False
    return split, True


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is written as, in any way that systems take; None if it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return mapped or address
    if not re.fullmatch(r"[0-9a-fx.]+", host) or not host[0].isdigit():
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f.1, 2130706433
    except OSError:
        return None
