"""`make`, the environment script, and the lock file that it installs."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
TOML = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def locked(python: str, platform: str) -> dict[str, str]:
    """Versions by name, as the lock pins them for one Python on one platform."""
    names = {"linux": "posix", "darwin": "posix", "win32": "nt"}
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    environment |= {"sys_platform": platform, "os_name": names[platform]}
    pins = [Requirement(line.rstrip("\\ ")) for line in LOCK.splitlines() if re.match(r"\w", line)]
    fitting = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in fitting}


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


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment}
    return subprocess.run(command, cwd=cwd, env=bare, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_make_alone_lists_every_target_with_one_line() -> None:
    """`make` shows each target once, with what it does."""
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", run("make").stdout, flags=re.MULTILINE))
    assert set(listed) == set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, flags=re.MULTILINE)) - {"environment"}
    assert {"demo", "test", "lint", "regenerate", "setup", "clean"} <= set(listed)


# Claims a version, records how it is called, and installs nothing.
FAKE_PYTHON = """#!/bin/sh
echo "$0 $*" >>"$HOME/calls"
case "$*" in
  *version_info*) exit $OLD ;;
  "-m venv "*) mkdir -p .cache/venv/bin && cp "$0" .cache/venv/bin/python ;;
  *"-m pip install"*--require-hashes*) exit $FAILS ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Just the files that the environment script reads, and an interpreter."""
    for name in ("pyproject.toml", "hatch_build.py", "requirements-dev.txt", "scripts/environment.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "python").write_text(FAKE_PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def prepare(checkout: Path, old: int = 0, fails: int = 0) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the script of a checkout; gives also what the interpreter was asked."""
    (checkout / "calls").write_text("")
    said = {"PYTHON": str(checkout / "python"), "HOME": str(checkout), "OLD": str(old), "FAILS": str(fails)}
    done = run(str(checkout / "scripts" / "environment.sh"), cwd=checkout, **said)
    return done, (checkout / "calls").read_text()


def test_only_what_has_changed_is_installed(checkout: Path) -> None:
    """A finished environment needs no network, another lock a new one, and our own metadata no packages."""
    done, calls = prepare(checkout)
    assert done.returncode == 0
    assert "pip install" in calls
    again, calls = prepare(checkout)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert "pip" not in calls
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    done, calls = prepare(checkout)
    assert done.returncode == 0
    assert "--no-deps --no-build-isolation --editable ." in calls
    assert "--require-hashes" not in calls
    (lingering := checkout / ".cache/venv/of-an-older-lock").touch()
    (checkout / "requirements-dev.txt").write_text("# another\n")
    _, calls = prepare(checkout)
    assert "-m venv .cache/venv" in calls
    assert not lingering.exists()


def test_an_interrupted_installation_is_done_again(checkout: Path) -> None:
    """A failed installation says what to do, leaves no stamp, and is made from the start by the next run."""
    failed, _ = prepare(checkout, fails=1)
    assert failed.returncode == 1
    assert "run the same command again" in failed.stderr
    done, calls = prepare(checkout)
    assert done.returncode == 0
    assert "-m venv .cache/venv" in calls


def test_an_old_python_is_refused_by_name(checkout: Path) -> None:
    """Whoever has no Python that will do reads what is needed, and how to name one."""
    refused, _ = prepare(checkout, old=1)
    assert refused.returncode == 1
    assert "3.11 or newer" in refused.stderr
    assert not (checkout / ".cache/venv").exists()
