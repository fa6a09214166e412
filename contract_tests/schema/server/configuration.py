"""How a run of the server side is set up, from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args
from urllib.parse import urlsplit

from contract_tests.schema.server.guard import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "CONTRACT_"
_FEW_EXAMPLES: Final = 20
_SHORTEST_KEY: Final = 8
_FAR_SECONDS: Final = 1800.0  # tasks of sibling endpoints take up to half an hour


class ConfigurationError(Exception):
    """The environment says something that can't be; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One run."""

    url: str | None = None
    key: str = ""
    other_key: str | None = None
    webhook_secret: str | None = None
    profile: Profile = "full"
    cap: int | None = None
    seed: int = 1
    examples: int = _FEW_EXAMPLES
    wait: float = 60.0
    images: tuple[str, ...] = ()
    known: Path | None = None


def from_environment(environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read the run's set-up."""

    def get(name: str) -> str | None:
        return environment.get(PREFIX + name, "").strip() or None

    url, profile, cap = get("URL"), get("PROFILE"), _number(get("CAP"), "CAP", 0)
    key = get("KEY")
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ConfigurationError(f"URL={url} is no origin: write e.g. URL=https://staging.example")
        if key is None:
            raise ConfigurationError(f"There is no key for {url}: put it into the variable {PREFIX}KEY")
        if profile is None:
            raise ConfigurationError(
                "Tasks cost money: write PROFILE=free (makes none) or PROFILE=full CAP=N (makes N at most)"
            )
        if profile == "full" and cap is None:
            raise ConfigurationError("PROFILE=full makes tasks: write how many at most, e.g. CAP=20")
        if environment.get("PYTEST_XDIST_WORKER"):
            raise ConfigurationError("With URL the run is one process, so that it can count: leave out -n")
    _check_key("KEY", key)
    _check_key("OTHER_KEY", get("OTHER_KEY"))
    found = next((known for known in get_args(Profile) if known == (profile or "full")), None)
    if found is None:
        raise ConfigurationError(f"PROFILE={profile} is unknown: write PROFILE=free or PROFILE=full")
    return Configuration(
        url.rstrip("/") if url else None,
        key or "contract-suite-key",
        get("OTHER_KEY"),
        get("WEBHOOK_SECRET"),
        found,
        cap,
        _number(get("SEED"), "SEED", 0) or 1,
        _number(get("EXAMPLES"), "EXAMPLES", 1) or _FEW_EXAMPLES,
        _number(get("WAIT"), "WAIT", 1) or (60.0 if _is_here(url) else _FAR_SECONDS),
        tuple((get("IMAGES") or "").split()),
        _known(get("KNOWN")),
    )


def _is_here(url: str | None) -> bool:
    return url is None or urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _known(name: str | None) -> Path | None:
    if name is not None and not Path(name).is_file():
        raise ConfigurationError(f"KNOWN={name} is no file")
    default = Path("known.yaml")
    return Path(name) if name else default if default.is_file() else None


def _number(text: str | None, name: str, least: int) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < least:
        raise ConfigurationError(f"{name}={text} is no number from {least} on")
    return int(text)


def _check_key(name: str, key: str | None) -> None:
    if key is not None and len(key) < _SHORTEST_KEY:
        raise ConfigurationError(
            f"{PREFIX}{name} has fewer than {_SHORTEST_KEY} characters: it can't be told from ordinary words,"
            " and so not be kept out of a report"
        )
