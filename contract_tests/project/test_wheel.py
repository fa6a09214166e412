"""The built distribution: what is in the wheel, and that it works without the extras."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import kling_elements

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("kling_elements_api", "kling_elements", "kling_elements_mock")

REPOSITORY = "https://git.example/kling-elements"

# Refuses to import what only the extras `mock` and `dev` bring.
WITHOUT_EXTRAS = """
import sys
EXTRAS = {"av", "starlette", "uvicorn", "openapi_schema_validator", "kling_elements_mock", "ruamel"}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


def build(source: Path, target: Path, kind: str) -> Path:
    """Build one distribution, as pip would, without the network; gives its file."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    release = {**os.environ, "KLING_ELEMENTS_REPOSITORY": REPOSITORY}
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=source, env=release, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return next(target.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds out of the sdist, which is the longer way."""
    folder = tmp_path_factory.mktemp("distribution")
    with tarfile.open(build(ROOT, folder / "sdist", "sdist")) as archive:
        archive.extractall(folder, filter="data")
    return build(next(folder.glob("kling_elements-*")), folder / "wheel", "wheel")


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, laid out as an installation, apart from this checkout."""
    site = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)  # noqa: S202 - built a moment ago
    return site


def python(site: Path, code: str) -> str:
    """Run code against the installation, from a folder that is no checkout; gives what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KLING_")}
    environment["PYTHONPATH"] = str(site)  # comes before the editable installation
    command = [sys.executable, "-c", WITHOUT_EXTRAS + code]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=site, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    """Tests, tools and the demo are not shipped."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_a_release_leads_to_its_repository(installed: Path) -> None:
    """Given the repository's address, the metadata has URLs, and no link of the README is relative."""
    [file] = installed.glob("*.dist-info/METADATA")
    headers, _, text = file.read_text(encoding="utf-8").partition("\n\n")
    assert re.findall(r"^Project-URL: Source, (.*)$", headers, re.MULTILINE) == [REPOSITORY]
    assert f"]({REPOSITORY}/raw/v{kling_elements.__version__}/docs/demo.png)" in text
    assert re.findall(r"\]\((?!https://)[^)]*\)", text) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_typed(wheel: Path, package: str) -> None:
    """Type checkers read the annotations of a package that says `py.typed`."""
    with zipfile.ZipFile(wheel) as archive:
        assert f"{package}/py.typed" in archive.namelist()


@pytest.mark.parametrize("package", ["kling_elements", "kling_elements_mock"])
def test_the_document_is_shipped_where_it_is_read(wheel: Path, package: str) -> None:
    """The client and the mock each have the document, byte for byte."""
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{package}/openapi.json") == (ROOT / "spec" / "openapi.json").read_bytes()


def test_the_wheel_brings_the_command(wheel: Path) -> None:
    """`pip install` makes the command `kling-elements`, which finds the mock by an entry point."""
    with zipfile.ZipFile(wheel) as archive:
        entry_points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        text = archive.read(entry_points).decode()
    assert "kling-elements = kling_elements.__main__:main" in text
    assert "mock = kling_elements_mock.__main__:main" in text


def test_the_client_works_without_the_extras(installed: Path) -> None:
    """The client reads its own copy of the document, and needs neither the mock nor what the mock needs."""
    code = """
import kling_elements  # noqa: PLC0415 - as above
from kling_elements.document import load_document  # noqa: PLC0415 - as above
with kling_elements.KlingElements(api_key="k") as client:
    print(kling_elements.__file__, load_document().servers[0].url in repr(client))
"""
    place, is_known = python(installed, code).rsplit(" ", 1)
    assert Path(place).is_relative_to(installed)
    assert is_known == "True"


def test_the_command_works_without_the_extras(installed: Path) -> None:
    """`kling-elements --version` needs the runtime dependencies alone."""
    code = "from kling_elements.__main__ import main; sys.exit(main(['--version']))"
    assert python(installed, code).endswith(wheel_version(installed))


def wheel_version(site: Path) -> str:
    """The version that the installation's metadata gives."""
    return next(site.glob("*.dist-info")).name.removesuffix(".dist-info").split("-")[1]
