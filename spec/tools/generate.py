"""The document → the generated client, by openapi-python-client, to the same bytes on every machine."""

from __future__ import annotations

import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spec.tools import yaml_source
from spec.tools.errors import SpecError
from spec.tools.generator_input import for_generator
from spec.tools.generator_media import bytes_media_types
from spec.tools.generator_names import restore_names
from spec.tools.lazy_models import import_models_late
from spec.tools.option_types import write_option_types
from spec.tools.page import decode
from spec.tools.proof import Question, prove, run_module
from spec.tools.structure import operations

if TYPE_CHECKING:
    from spec.tools.errors import Keys, Notes

HEADER: Final = (
    "# Generated from spec/openapi.yaml by openapi-python-client."
    " Do not edit: change spec/ and `make regenerate`.\n"
)
_LONGEST_OUTPUT: Final = 400
_ADVICE: Final = {
    "must have items": "give the array `items` by an action in spec/overlay.yaml; `items: {}` where"
    " anything may be in it",
    "Attempted to generate duplicate models": "give one of the two schemas another `title` by an action in"
    " spec/overlay.yaml: generated classes are named after it",
    "Duplicate key": "two values of an enum want one name: give each its own by `x-enum-varnames`, by an"
    " action in spec/overlay.yaml",
}


def _settings(config: Path) -> dict[str, Any]:
    """Read the generator's configuration."""
    name = f"spec/{config.name}"
    source = yaml_source.load(decode(config.read_bytes(), name), name)
    settings: dict[str, Any] = source.value if isinstance(source.value, dict) else {}
    package = settings.get("package_name_override")
    if not isinstance(package, str) or not package.isidentifier():
        raise source.error("`package_name_override` must name the generated package")
    if not isinstance(settings.get("content_type_overrides", {}), dict):
        raise source.error("expected a map", ("content_type_overrides",))
    return settings


def generate(document: dict[str, Any], config: Path, into: Path) -> Notes:
    """Run the generator."""
    settings = _settings(config)
    work, package = into.parent, into / settings["package_name_override"]
    # Formatters look for ignore files in the directories above, up to the top of a repository: this is one.
    (work / ".git").mkdir(exist_ok=True)
    notes: Notes = []
    given = for_generator(document, notes)
    _write_json(work / "document.json", given.document)
    # Which of the document's media types go to the caller as bytes.
    overrides = {**bytes_media_types(given.document), **settings.get("content_type_overrides", {})}
    said = yaml_source.dump({**settings, "content_type_overrides": overrides})
    (work / "generator.yaml").write_text(said, encoding="utf-8", newline="\n")
    with ThreadPoolExecutor(1) as pool:  # What the proof must see is worked out while the generator runs.
        running = pool.submit(_run, work / "document.json", work / "generator.yaml", package)
        question = Question.of(document, given)
        refused = running.result()
    if refused is not None:
        problem = f"the generator refused the document: {_readable(refused)}. {_advice(refused)}"
        raise SpecError(problem, keys=_place(refused, document, given.document))
    restore_names(package, given.stand_ins)
    write_option_types(document, package)
    import_models_late(package)
    _finish(package)
    notes.extend(prove(question, package, _environment()))
    return notes


def _write_json(file: Path, value: Any) -> None:
    """Write the document for the generator, which takes ten times as long to read YAML."""
    file.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _run(document: Path, config: Path, package: Path) -> str | None:
    """Run the generator; return what it said, or None if it made the package without a warning."""
    command = ["openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", str(document), "--config", str(config), "--output-path", str(package)]
    done = run_module(*command, folder=package.parent, environment=_environment())
    return done.stdout + done.stderr if done.returncode != 0 or not package.is_dir() else None


def _place(said: str, document: dict[str, Any], given: dict[str, Any]) -> Keys | None:
    """Find the schema or operation that the generator complains of; None where it names none."""
    schemas = document.get("components", {}).get("schemas", {})
    for name in reversed(re.findall(r"/components/schemas/([^\s\"]+)", said)):
        found = max((one for one in schemas if name.startswith(one)), key=len, default=None)
        if found is not None:
            return ("components", "schemas", found)
    for (path, method, _), (shown, _, _) in zip(operations(document), operations(given), strict=True):
        if re.search(rf"parsing {method.upper()} {re.escape(shown)} within", said):
            return ("paths", path, method)
    ways = [("paths", path, method) for path, method, _ in operations(document)]
    return ways[0] if len(ways) == 1 else None


def _readable(output: str) -> str:
    """Take what is for the generator's authors out of its output."""
    lines = output.splitlines()
    if any(line.startswith("Traceback") for line in lines):
        return f"it crashed: {lines[-1]}"
    text = output.split("If you believe", maxsplit=1)[0]
    text = re.sub(r"(?ms)^(Generating |Warning\(s\)).*?$|^\{$.*?^\}$", "", text)
    if begun := re.search(r"(?m)^(WARNING|ERROR|Error)", text):
        text = text[begun.start() :]
    text = " ".join(re.sub(r"<openapi_python_client[^>]*>", "", text).split())
    return text[:_LONGEST_OUTPUT].strip().rstrip(".")


def _advice(output: str) -> str:
    """Say what to do about the generator's commonest complaints, and what to do about any other."""
    for words, advice in _ADVICE.items():
        if words in output:
            return f"What to do: {advice}"
    return "Correct it by an action in spec/overlay.yaml, or say what to do in spec/generator.yaml"


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
