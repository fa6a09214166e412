"""Ships the document inside both packages that read it; hatchling calls this while it builds a wheel.

A force-include in pyproject.toml takes one file to one place only. The client and the mock each have a copy
of their own, so that neither needs the other.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DOCUMENT = Path("spec", "openapi.json")
PACKAGES = ("kling_elements", "kling_elements_mock")


class DocumentHook(BuildHookInterface):  # type: ignore[type-arg]  # the parameter is a builder's configuration, of no use here
    """Adds `openapi.json` to each package of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the copies to include. An editable install has none: the packages read `spec/openapi.json`."""
        self._copies = Path(tempfile.mkdtemp(prefix="kling-elements-build-"))
        if version == "editable":
            return
        for package in PACKAGES:
            copy = self._copies / package / DOCUMENT.name
            copy.parent.mkdir()
            shutil.copyfile(Path(self.root, DOCUMENT), copy)
            build_data["force_include"][str(copy)] = f"{package}/{DOCUMENT.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the copies."""
        del version, build_data, artifact_path
        shutil.rmtree(self._copies, ignore_errors=True)
