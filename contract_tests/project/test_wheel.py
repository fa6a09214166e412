"""The built distribution: what is in the wheel, and that it works without the extras."""

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


def run(*arguments: str, cwd: Path, **variables: str) -> str:
    """Run Python, with no settings of the machine's; gives what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KLING_")}
    command, env = [sys.executable, *arguments], {**kept, **variables}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(source: Path, target: Path, kind: str) -> Path:
    """Build one distribution, as pip would, without the network; gives its file."""
    command = ["-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    run(*command, cwd=source, KLING_ELEMENTS_REPOSITORY=REPOSITORY)
    [file] = target.iterdir()
    return file


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds out of the sdist, laid out as an installation, apart from this checkout."""
    folder = tmp_path_factory.mktemp("distribution")
    with tarfile.open(build(ROOT, folder / "sdist", "sdist")) as archive:
        archive.extractall(folder, filter="data")
    wheel = build(next(folder.glob("kling_elements-*")), folder / "wheel", "wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")  # noqa: S202 - built a moment ago
    return folder / "site"


def test_the_wheel_holds_the_packages_and_nothing_else(installed: Path) -> None:
    """As `make dist` checks it; each package is typed, client and mock have the document."""
    [wheel] = (installed.parent / "wheel").iterdir()
    run("-m", "check_wheel_contents", str(wheel), cwd=ROOT)
    for package in ("kling_elements_api", "kling_elements", "kling_elements_mock"):
        assert (installed / package / "py.typed").exists()
    document = (ROOT / "spec" / "openapi.json").read_bytes()
    for package in ("kling_elements", "kling_elements_mock"):
        assert (installed / package / "openapi.json").read_bytes() == document
    [entry_points] = installed.glob("*.dist-info/entry_points.txt")
    text = entry_points.read_text(encoding="utf-8")
    assert "kling-elements = kling_elements.__main__:main" in text
    assert "mock = kling_elements_mock.__main__:main" in text
    assert "kling_elements = pytest_kling_elements" in text


def test_a_release_leads_to_its_repository(installed: Path) -> None:
    """Given the repository's address, the metadata has URLs, and no link of the README is relative."""
    [file] = installed.glob("*.dist-info/METADATA")
    headers, _, text = file.read_text(encoding="utf-8").partition("\n\n")
    assert re.findall(r"^Project-URL: Source, (.*)$", headers, re.MULTILINE) == [REPOSITORY]
    assert f"]({REPOSITORY}/raw/v{kling_elements.__version__}/docs/demo.png)" in text
    assert re.findall(r"\]\((?!https://)[^)]*\)", text) == []


def test_the_client_and_the_command_work_without_the_extras(installed: Path) -> None:
    """They read their own copy of the document, and need neither the mock nor what the mock needs."""
    code = """
import kling_elements
from kling_elements.__main__ import main
from kling_elements.document import load_document
with kling_elements.KlingElements(api_key="k") as client:
    print(kling_elements.__file__, load_document().servers[0].url in repr(client), flush=True)
sys.exit(main(["--version"]))
"""
    # The path comes before the editable installation.
    said = run("-c", WITHOUT_EXTRAS + code, cwd=installed, PYTHONPATH=str(installed))
    place, is_known, name, version = said.split()
    assert Path(place).is_relative_to(installed)
    assert (is_known, name, version) == ("True", "kling-elements", kling_elements.__version__)
