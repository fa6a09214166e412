"""Where the inputs and outputs of a regeneration stand, and what they hold."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from spec.tools.errors import SpecError
from spec.tools.replace import files_below

_TOOLS: Final = ("openapi-python-client", "ruff", "PyYAML", "jsonpath-rfc9535", "openapi-spec-validator")
_SUFFIXES: Final = (".md", ".yaml", ".yml", ".json")


class Layout:
    """Where things stand below a root, which holds spec/ and generated/."""

    def __init__(self, root: Path) -> None:
        spec = root / "spec"
        self.root = root
        self.upstream = spec / "upstream"
        self.history = spec / "history"  # pages as they were before `make update` replaced them
        self.overlay, self.selection = spec / "overlay.yaml", spec / "select.yaml"  # both may be missing
        self.document = spec / "openapi.yaml"
        self.document_json = spec / "openapi.json"  # the client and the mock read it without a YAML library
        self.config = spec / "generator.yaml"
        self.generated = root / "generated"  # the generator's alone
        self.changelog = root / "CHANGELOG.md"  # a project without one gets no entries
        self.cache = root / ".cache" / "regenerate"  # the digest of the last run, and temporary directories

    def name(self, path: Path) -> str:
        """Name a file as errors and reports do."""
        return path.relative_to(self.root).as_posix()

    def inputs(self) -> dict[str, bytes]:
        """Read all that the outputs depend on, tools and their versions included."""
        files = {f"upstream/{name}": content for name, content in self.upstream_files().items()}
        for path in (self.overlay, self.selection, self.config):
            if path.exists():
                files[path.name] = path.read_bytes()
        tools = files_below(Path(__file__).parent)
        files.update({f"tools/{name}": content for name, content in tools.items()})
        files["versions"] = " ".join([platform.python_version(), *map(_version, _TOOLS)]).encode()
        return files

    def upstream_files(self) -> dict[str, bytes]:
        """Read the pages and documents, in the order of their names."""
        return {
            path.relative_to(self.upstream).as_posix(): path.read_bytes()
            for path in sorted(self.upstream.rglob("*"))
            if path.name.endswith(_SUFFIXES) and path.is_file()
        }

    def ignored(self) -> list[str]:
        """Say which entries of spec/upstream/ are not read, and why."""
        notes = []
        for path in sorted(self.upstream.rglob("*")):
            why = ""
            if path.is_symlink() and not path.exists():
                why = "a link that leads nowhere, and is not read"
            elif path.is_symlink() and path.is_dir():
                why = "a link to a directory, and is not followed"
            elif path.is_dir():
                why = "a directory, and no page or document" if path.name.endswith(_SUFFIXES) else ""
            elif not path.is_file():
                why = "no regular file, and is not read"
            elif not path.name.endswith(_SUFFIXES):
                why = f"not read: names end in {', '.join(_SUFFIXES)}"
            notes += [f"{self.name(path)} is {why}"] if why else []
        return notes

    def outputs(self) -> dict[str, bytes]:
        """Read what the last run has made."""
        files = {f"generated/{name}": content for name, content in files_below(self.generated).items()}
        for path in (self.document, self.document_json):
            if path.exists():
                files[f"spec/{path.name}"] = path.read_bytes()
        return files

    def targets(self, made: Layout) -> dict[Path, Path]:
        """Return where each output belongs, with what a run has made elsewhere."""
        outputs = ("document", "document_json", "generated")
        return {getattr(self, name): getattr(made, name) for name in outputs}


def _version(package: str) -> str:
    try:
        return f"{package}={version(package)}"
    except PackageNotFoundError as error:
        problem = f"{package} is not installed: run this with the development environment (`make`)"
        raise SpecError(problem) from error
