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
    """Run a command with a bare environment."""
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=cwd,
        env={**path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


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
    (folder / "calls").touch()
    python.write_text(
        "#!/bin/sh\n"
        f'echo "$0 $*" >>"{folder}/calls"\n'
        'case "$*" in\n'
        f"  *version_info*) exit {int(tuple(map(int, version.split('.'))) < (3, 11))} ;;\n"
        f'  "-m venv "*) mkdir -p .cache/venv/bin && cp "$0" .cache/venv/bin/python ;;\n'
        f'  *"-m pip install"*--require-hashes*) exit $(cat "{folder}/pip" 2>/dev/null || echo 0) ;;\n'
        "esac\n",
        encoding="utf-8",
    )
    python.chmod(0o755)
    return python


def calls(folder: Path) -> str:
    """What the fake interpreters were asked since the last look."""
    log = folder / "calls"
    text = log.read_text(encoding="utf-8")
    log.write_text("", encoding="utf-8")
    return text


def prepare(checkout: Path, python: Path) -> subprocess.CompletedProcess[str]:
    """Run the script of a checkout."""
    return run(str(checkout / "scripts" / "environment.sh"), cwd=checkout, PYTHON=str(python))


def test_the_second_run_installs_nothing(checkout: Path, tmp_path: Path) -> None:
    """A finished environment is left alone: no pip, so no network."""
    python = fake_python(tmp_path, "3.11")
    assert prepare(checkout, python).returncode == 0
    assert "pip install" in calls(tmp_path)
    again = prepare(checkout, python)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert "pip" not in calls(tmp_path)


def test_an_interrupted_installation_is_done_again(checkout: Path, tmp_path: Path) -> None:
    """A failed installation says what to do, leaves no stamp, and is made from the start by the next run."""
    python = fake_python(tmp_path, "3.11")
    (tmp_path / "pip").write_text("1", encoding="utf-8")
    failed = prepare(checkout, python)
    assert failed.returncode == 1
    assert "run the same command again" in failed.stderr
    (tmp_path / "pip").write_text("0", encoding="utf-8")
    calls(tmp_path)
    assert prepare(checkout, python).returncode == 0
    assert "-m venv .cache/venv" in calls(tmp_path)


def test_a_changed_lock_makes_the_environment_anew(checkout: Path, tmp_path: Path) -> None:
    """Packages that the lock has left out don't linger."""
    python = fake_python(tmp_path, "3.11")
    prepare(checkout, python)
    lingering = checkout / ".cache/venv" / "of-an-older-lock"
    lingering.touch()
    (checkout / "requirements-dev.txt").write_text("# another\n", encoding="utf-8")
    calls(tmp_path)
    prepare(checkout, python)
    assert "-m venv .cache/venv" in calls(tmp_path)
    assert not lingering.exists()


def test_a_changed_pyproject_installs_the_project_alone(checkout: Path, tmp_path: Path) -> None:
    """A change of the project's own metadata asks no index for packages."""
    python = fake_python(tmp_path, "3.11")
    prepare(checkout, python)
    with (checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    calls(tmp_path)
    assert prepare(checkout, python).returncode == 0
    seen = calls(tmp_path)
    assert "--no-deps --no-build-isolation --editable ." in seen
    assert "--require-hashes" not in seen


def test_an_old_python_is_refused_by_name(checkout: Path, tmp_path: Path) -> None:
    """Whoever has no Python that will do reads what is needed, and how to name one."""
    refused = prepare(checkout, fake_python(tmp_path, "3.10"))
    assert refused.returncode == 1
    assert "3.11 or newer" in refused.stderr
    assert not (checkout / ".cache/venv").exists()
