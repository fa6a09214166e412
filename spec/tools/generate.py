"""The document → the generated client, by openapi-python-client, to the same bytes on every machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from spec.tools import yaml_source
from spec.tools.equality import same
from spec.tools.errors import SpecError
from spec.tools.generator_input import for_generator
from spec.tools.generator_media import bytes_media_types
from spec.tools.generator_names import restore_names
from spec.tools.proof import prove

HEADER: Final = (
    "# Generated from spec/openapi.yaml by openapi-python-client."
    " Do not edit: change spec/ and `make regenerate`.\n"
)
_PATIENCE_S: Final = 120
_LONGEST_OUTPUT: Final = 400
_DOCUMENT: Final = "spec/openapi.yaml"
_ADVICE: Final = {
    "must have items": "give the array `items` by an action in spec/overlay.yaml; `items: {}` where"
    " anything may be in it",
    "Attempted to generate duplicate models": "give one of the two schemas another `title` by an action in"
    " spec/overlay.yaml: generated classes are named after it",
    "Duplicate key": "two values of an enum want one name: give each its own by `x-enum-varnames`, by an"
    " action in spec/overlay.yaml",
}


def package_name(config: Path) -> str:
    """Read the generated package's name from the generator's configuration.

    Raises:
        SpecError: The configuration names none.
    """
    source = yaml_source.load(config.read_text(encoding="utf-8"), config.name)
    name = source.value.get("package_name_override") if isinstance(source.value, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        raise source.error("`package_name_override` must name the generated package")
    return name


def generate(document: dict[str, Any], text: str, config: Path, into: Path) -> list[str]:
    """Run the generator.

    Args:
        document: The OpenAPI document.
        text: The same as YAML.
        config: The generator's configuration file.
        into: An empty directory that gets the package as its one entry. Files for the generator go beside it.

    Returns:
        Where the client says less than the document, one line each.

    Raises:
        SpecError: The generator failed, or warned: a warning means that something was left out.
    """
    work, package = into.parent, into / package_name(config)
    # Formatters look for ignore files in the directories above, up to the top of a repository: this is one.
    (work / ".git").mkdir(exist_ok=True)
    reports: list[str] = []
    given = for_generator(document, reports)
    if not same(given.document, document):
        text = yaml_source.dump(given.document)
    (work / "document.yaml").write_text(text, encoding="utf-8", newline="\n")
    (work / "generator.yaml").write_text(
        _configuration(config, given.document), encoding="utf-8", newline="\n"
    )
    command = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--meta",
        "none",
        "--fail-on-warning",
    ]
    command += ["--path", str(work / "document.yaml"), "--config", str(work / "generator.yaml")]
    command += ["--output-path", str(package)]
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours, with paths as separate words
            command,
            cwd=into,
            env=_environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SpecError(f"the generator did not end within {_PATIENCE_S} s: try again", _DOCUMENT) from error
    if done.returncode != 0 or not package.is_dir():
        raise SpecError(
            f"the generator refused the document: {_readable(done.stdout + done.stderr)}."
            f" {_advice(done.stdout + done.stderr)}",
            _DOCUMENT,
        )
    restore_names(package, given.stand_ins)
    _finish(package)
    reports.extend(prove(document, given, package, _environment()))
    return [f"{_DOCUMENT}: {report}" for report in reports]


def _configuration(config: Path, document: dict[str, Any]) -> str:
    """Add to the configuration which of the document's media types go to the caller as bytes."""
    settings = yaml_source.load(config.read_text(encoding="utf-8"), config.name).value
    overrides = {**bytes_media_types(document), **settings.get("content_type_overrides", {})}
    return yaml_source.dump({**settings, "content_type_overrides": overrides})


def _readable(output: str) -> str:
    """Take what is for the generator's authors out of its output."""
    lines = output.splitlines()
    if any(line.startswith("Traceback") for line in lines):
        return f"it crashed: {lines[-1]}"
    text = " ".join(output.split())
    start = min((at for word in ("WARNING", "ERROR", "Error") if (at := text.find(word)) >= 0), default=0)
    text = re.sub(r"<openapi_python_client[^>]*>", "", text[start:].split("If you believe", maxsplit=1)[0])
    return text[:_LONGEST_OUTPUT].strip().rstrip(".")


def _advice(output: str) -> str:
    """Say what to do about the generator's commonest complaints, and what to do about any other."""
    for words, advice in _ADVICE.items():
        if words in output:
            return f"What to do: {advice}"
    return (
        "Correct it by an action in spec/overlay.yaml, or tell the generator what to do in"
        " spec/generator.yaml"
    )


def _environment() -> dict[str, str]:
    """Leave out whatever of this machine could change the output; keep what a process needs to start."""
    kept = {
        name: os.environ[name]
        for name in ("HOME", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
        if name in os.environ
    }
    return {
        **kept,
        # The formatter that the configuration calls is the one installed beside this interpreter.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": "",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "_TYPER_STANDARD_TRACEBACK": "1",  # A plain one, whose last line says what happened.
        "COLUMNS": "200",
        "RUFF_NO_CACHE": "true",
    }


def _finish(package: Path) -> None:
    """Add what the generator leaves out: a header in each module, and the mark of a typed package."""
    for module in sorted(package.rglob("*.py")):
        module.write_text(HEADER + module.read_text(encoding="utf-8"), encoding="utf-8", newline="\n")
    (package / "py.typed").write_text("", encoding="utf-8")
