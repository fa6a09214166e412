"""`make` and the environment script."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment}
    return subprocess.run(command, cwd=cwd, env=bare, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_make_alone_lists_every_target_with_one_line() -> None:
    """`make` shows each target once, with what it does."""
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", run("make").stdout, flags=re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, flags=re.MULTILINE)) - {"environment"}
    assert set(listed) == phony
    assert {"demo", "test", "lint", "regenerate", "setup", "clean"} <= set(listed)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Just the files that the environment script reads, with an environment that it takes for finished."""
    for name in ("pyproject.toml", "hatch_build.py", "requirements-dev.txt", "scripts/environment.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def fake_python(folder: Path, version: str) -> Path:
    """An interpreter that claims a version, and records how it is called."""
    python = folder / f"python-{version}"
    python.write_text(
        "#!/bin/sh\n"
        f'echo "$0 $*" >>"{folder}/calls"\n'
        'case "$*" in\n'
        f"  *version_info*) exit {int(tuple(map(int, version.split('.'))) < (3, 11))} ;;\n"
        f'  "-m venv "*) mkdir -p .cache/venv/bin && cp "$0" .cache/venv/bin/python ;;\n'
        f'  *"-m pip install"*--require-hashes*) exit $(cat "{folder}/pip" 2>/dev/null || echo 0) ;;\n'
        "esac\n"
    )
    python.chmod(0o755)
    return python


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return fake_python(tmp_path, "3.11")


def prepare(checkout: Path, python: Path) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the script of a checkout; gives also what the fake interpreters were asked."""
    (checkout / "calls").write_text("")
    done = run(str(checkout / "scripts" / "environment.sh"), cwd=checkout, PYTHON=str(python))
    return done, (checkout / "calls").read_text()


def test_the_second_run_installs_nothing(checkout: Path, python: Path) -> None:
    """A finished environment is left alone: no pip, so no network."""
    done, calls = prepare(checkout, python)
    assert done.returncode == 0
    assert "pip install" in calls
    again, calls = prepare(checkout, python)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert "pip" not in calls


def test_an_interrupted_installation_is_done_again(checkout: Path, python: Path) -> None:
    """A failed installation says what to do, leaves no stamp, and is made from the start by the next run."""
    (checkout / "pip").write_text("1")
    failed, _ = prepare(checkout, python)
    assert failed.returncode == 1
    assert "run the same command again" in failed.stderr
    (checkout / "pip").write_text("0")
    done, calls = prepare(checkout, python)
    assert done.returncode == 0
    assert "-m venv .cache/venv" in calls


def test_a_changed_lock_makes_the_environment_anew(checkout: Path, python: Path) -> None:
    """Packages that the lock has left out don't linger."""
    prepare(checkout, python)
    (lingering := checkout / ".cache/venv/of-an-older-lock").touch()
    (checkout / "requirements-dev.txt").write_text("# another\n")
    _, calls = prepare(checkout, python)
    assert "-m venv .cache/venv" in calls
    assert not lingering.exists()


def test_a_changed_pyproject_installs_the_project_alone(checkout: Path, python: Path) -> None:
    """A change of the project's own metadata asks no index for packages."""
    prepare(checkout, python)
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    done, calls = prepare(checkout, python)
    assert done.returncode == 0
    assert "--no-deps --no-build-isolation --editable ." in calls
    assert "--require-hashes" not in calls


def test_an_old_python_is_refused_by_name(checkout: Path, tmp_path: Path) -> None:
    """Whoever has no Python that will do reads what is needed, and how to name one."""
    refused, _ = prepare(checkout, fake_python(tmp_path, "3.10"))
    assert refused.returncode == 1
    assert "3.11 or newer" in refused.stderr
    assert not (checkout / ".cache/venv").exists()
