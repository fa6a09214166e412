"""What hatchling asks while it builds: the document in both packages that read it, and the URLs of a release.

A force-include in pyproject.toml takes a file to one place only. The client and the mock each have a copy
of their own, so that neither needs the other.

The repository's address is in no file: forks have another. A release gets it from the environment, as
`make dist REPOSITORY=https://…` and the release workflow set it. Then the metadata has URLs, and the
README's links lead there, as a package index needs it. Without it there are no URLs.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

DOCUMENT = Path("spec", "openapi.json")
PACKAGES = ("kling_elements", "kling_elements_mock")
REPOSITORY = "KLING_ELEMENTS_REPOSITORY"
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>(?!https?://|mailto:|#)[^)\s]+)\)")


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


class AddressHook(MetadataHookInterface):
    """Sets the README, and the URLs of a release."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml calls dynamic."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = os.environ.get(REPOSITORY, "").rstrip("/")
        metadata["urls"] = urls(repository) if repository else {}
        text = absolute(text, repository, metadata["version"]) if repository else text
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def urls(repository: str) -> dict[str, str]:
    """Return the addresses that a package index shows."""
    return {
        "Source": repository,
        "Documentation": f"{repository}/tree/HEAD/docs",
        "Changelog": f"{repository}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Security": f"{repository}/blob/HEAD/SECURITY.md",
    }


def absolute(text: str, repository: str, version: str) -> str:
    """Return Markdown whose relative links lead to the repository, as of the version's tag."""

    def lead(found: re.Match[str]) -> str:
        kind = "raw" if found["image"] else "blob"
        return f"{found['image']}[{found['text']}]({repository}/{kind}/v{version}/{found['target']})"

    return _LINK.sub(lead, text)
