"""Where the inputs and outputs of a regeneration stand, and what they hold."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from spec.tools.errors import SpecError
from spec.tools.replace import files_below

_TOOLS: Final = (
    "openapi-python-client",
    "ruff",
    "PyYAML",
    "jsonpath-rfc9535",
    "openapi-spec-validator",
)

_SUFFIXES: Final = (".md", ".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Layout:
    """Where things stand below a root."""

    root: Path

    @property
    def upstream(self) -> Path:
        """The vendor's pages and documents."""
        return self.root / "spec" / "upstream"

    @property
    def overlay(self) -> Path:
        """The overlay; it may be missing."""
        return self.root / "spec" / "overlay.yaml"

    @property
    def selection(self) -> Path:
        """Which operations of whole documents are wanted; it may be missing."""
        return self.root / "spec" / "select.yaml"

    @property
    def document(self) -> Path:
        """The finished document."""
        return self.root / "spec" / "openapi.yaml"

    @property
    def document_json(self) -> Path:
        """The finished document as JSON, which the client and the mock read: it needs no YAML library."""
        return self.document.with_suffix(".json")

    @property
    def config(self) -> Path:
        """The generator's configuration."""
        return self.root / "spec" / "generator.yaml"

    @property
    def generated(self) -> Path:
        """The directory that belongs to the generator alone."""
        return self.root / "generated"

    @property
    def changelog(self) -> Path:
        """The changelog. A project without one gets no entries."""
        return self.root / "CHANGELOG.md"

    @property
    def history(self) -> Path:
        """Pages as they were before `make update` replaced them."""
        return self.root / "spec" / "history"

    @property
    def cache(self) -> Path:
        """Untracked: the digest of the last run, and temporary directories."""
        return self.root / ".cache" / "regenerate"

    def inputs(self) -> dict[str, bytes]:
        """Read all that the outputs depend on, tools and their versions included."""
        files = {f"upstream/{name}": content for name, content in self.upstream_files().items()}
        for path in (self.overlay, self.selection, self.config):
            if path.exists():
                files[path.name] = path.read_bytes()
        files.update(
            {f"tools/{name}": content for name, content in files_below(Path(__file__).parent).items()}
        )
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
            name = f"spec/upstream/{path.relative_to(self.upstream).as_posix()}"
            if path.is_symlink() and not path.exists():
                notes.append(f"{name} is a link that leads nowhere, and is not read")
            elif path.is_symlink() and path.is_dir():
                notes.append(f"{name} is a link to a directory, and is not followed")
            elif path.is_dir():
                if path.name.endswith(_SUFFIXES):
                    notes.append(f"{name} is a directory, and no page or document")
            elif not path.is_file():
                notes.append(f"{name} is no regular file, and is not read")
            elif not path.name.endswith(_SUFFIXES):
                notes.append(f"{name} is not read: names end in {', '.join(_SUFFIXES)}")
        return notes

    def outputs(self) -> dict[str, bytes]:
        """Read what the last run has made."""
        files = {f"generated/{name}": content for name, content in files_below(self.generated).items()}
        for path in (self.document, self.document_json):
            if path.exists():
                files[f"spec/{path.name}"] = path.read_bytes()
        return files

    def targets(self, made: Path) -> dict[Path, Path]:
        """Return where each output belongs, with what a run has made in a directory."""
        outputs = (self.document, self.document_json, self.generated)
        return {output: made / output.name for output in outputs}


def _version(package: str) -> str:
    try:
        return f"{package}={version(package)}"
    except PackageNotFoundError as error:
        raise SpecError(
            f"{package} is not installed: run this with the development environment (`make`)"
        ) from error
