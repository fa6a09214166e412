"""The lock file and the set-up: complete, without a host or a path, and the same as pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
TOML = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def locked(python: str, platform: str) -> dict[str, str]:
    """Versions by name, as the lock pins them for one Python on one platform."""
    names = {"linux": "posix", "darwin": "posix", "win32": "nt"}
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "os_name": names[platform],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    pins = [Requirement(line.rstrip("\\ ")) for line in LOCK.splitlines() if re.match(r"\w", line)]
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(environment)
    }


def asked() -> list[Requirement]:
    """What pyproject.toml asks for: at run time, for the build, and by each extra."""
    project = TOML["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    texts = [*project["dependencies"], *TOML["build-system"]["requires"], *extras]
    return [asked for asked in map(Requirement, texts) if asked.name != project["name"]]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_lock_holds_what_pyproject_asks_for(platform: str) -> None:
    """Each requirement is pinned, at a version that it allows, for each Python and platform."""
    for python in PYTHONS:
        pins = locked(python, platform)
        found = {one: pins.get(canonicalize_name(one.name), "0") for one in asked()}
        missing = [str(one) for one, version in found.items() if not one.specifier.contains(version)]
        assert not missing, f"run `make lock`: {missing}"


def test_every_pin_has_hashes_of_files() -> None:
    """A pin without a hash would let any file in."""
    pins = re.split(r"\n(?=\w)", LOCK.split("\n", 2)[2])
    assert len(pins) > len(asked()) / 2
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_lock_names_no_host_and_no_path() -> None:
    """The lock is installed from whatever index the reader uses."""
    assert not re.search(r"://|--find-links|--index-url|--trusted-host|^-e| @ ", LOCK, flags=re.MULTILINE)
