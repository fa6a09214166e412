"""How a run of the server side is set up, from the environment."""

# ruff: noqa: E501 - a table

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlsplit

import yaml
from attrs import frozen

from contract_tests.schema.server.guard import Profile
from contract_tests.schema.server.verdicts import Acceptance

_FEW_EXAMPLES: Final = 5
_SHORTEST_KEY: Final = 8
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_NEAR_SECONDS: Final = 60.0
_FAR_SECONDS: Final = 1800.0  # tasks of sibling endpoints take up to half an hour


class ConfigurationError(Exception):
    """The environment says something that can't be; the message says what to write instead."""


@frozen
class Configuration:
    """One run: docs/contract.md says what each variable means. Without a `url` it is of the mock."""

    url: str | None = None
    key: str = "contract-suite-key"
    other_key: str | None = None
    webhook_secret: str | None = None
    profile: Profile = "full"
    cap: int | None = None
    seed: int = 1
    examples: int = _FEW_EXAMPLES
    wait: float = _NEAR_SECONDS
    images: tuple[str, ...] = ()
    known: tuple[Acceptance, ...] = ()
    document: Path | None = None


def from_environment(environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read the run's set-up; raises ConfigurationError if something is missing or can't be."""

    def get(name: str) -> str | None:
        return environment.get(f"CONTRACT_{name}", "").strip() or None

    def number(name: str, least: int) -> int | None:
        text = get(name)
        if text is not None and (not text.isdecimal() or int(text) < least):
            raise ConfigurationError(f"{name}={text} is no number from {least} on")
        return None if text is None else int(text)

    def file(name: str, default: str) -> Path | None:
        path = Path(get(name) or default)
        if get(name) and not path.is_file():
            raise ConfigurationError(f"{name}={path} is no file")
        return path if path.is_file() else None

    url, profile = get("URL"), next((known for known in get_args(Profile) if known == get("PROFILE")), None)
    try:
        parts = urlsplit(url or "http://localhost")
        more = parts.path.strip("/") + parts.query + parts.fragment + (parts.username or "")
        is_origin = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not more
    except ValueError:  # a port that is no number, or half of brackets
        parts, is_origin = urlsplit(""), False
    found = Configuration(
        url=url.rstrip("/") if url else None,
        key=get("KEY") or "contract-suite-key",
        other_key=get("OTHER_KEY"),
        webhook_secret=get("WEBHOOK_SECRET"),
        profile=profile or "full",
        cap=number("CAP", 0),
        seed=number("SEED", 0) or 1,
        examples=number("EXAMPLES", 1) or _FEW_EXAMPLES,
        wait=number("WAIT", 1) or (_NEAR_SECONDS if parts.hostname in _HERE else _FAR_SECONDS),
        images=tuple((get("IMAGES") or "").split()),
        known=_read_known(file("KNOWN", "known.yaml")),
        document=file("DOCUMENT", ""),
    )
    short = next((name for name in ("KEY", "OTHER_KEY") if 0 < len(get(name) or "") < _SHORTEST_KEY), None)
    for is_wrong, message in (
        (short, f"CONTRACT_{short} has fewer than {_SHORTEST_KEY} characters: like ordinary words, it can't be kept out of a report"),
        (not is_origin, f"URL={str(url).rpartition('@')[2]} is no origin: write e.g. URL=https://staging.example, without a user"),
        (url and not get("KEY"), f"There is no key for {url}: put it into the variable CONTRACT_KEY"),
        (get("PROFILE") and not profile, f"PROFILE={get('PROFILE')} is unknown: write PROFILE=free or PROFILE=full"),
        (url and not profile, "Tasks cost money: write PROFILE=free (makes none) or PROFILE=full CAP=N (makes N at most)"),
        (url and profile == "full" and found.cap is None, "PROFILE=full makes tasks: write how many at most, e.g. CAP=20"),
        (url and environment.get("PYTEST_XDIST_WORKER"), "With URL the run is one process, so that it can count: leave out -n"),
    ):  # fmt: skip
        if is_wrong:
            raise ConfigurationError(message)
    return found


def _read_known(file: Path | None) -> tuple[Acceptance, ...]:
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8")) if file else ()
        found = tuple(Acceptance(**entry) for entry in entries or ())
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"{file}: {error}. Each entry has `rule`, `why`, `until` and perhaps `where`"
        ) from None
    for entry in found:
        if type(entry.until) is not date or not str(entry.why).strip():
            raise ConfigurationError(f"{file}: {entry.rule} needs `why`, and `until` as a day (2027-01-31)")
    return found
