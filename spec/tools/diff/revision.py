"""Reads a document from a file or from git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spec.tools import yaml_source
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENT: Final = "spec/openapi.yaml"
_PATIENCE_S: Final = 20


def read_document(name: str, root: Path) -> Mapping[str, Any]:
    """Read an OpenAPI document."""
    path = Path(name)
    if path.is_dir():
        raise SpecError("this is a directory: name a file in it, such as spec/openapi.yaml", name)
    if path.is_file():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SpecError(f"can't be read: {error.strerror or error}", name) from error
    else:
        content = _from_git(name, root)
    return parse_document(content, name)


def parse_document(content: bytes, name: str) -> Mapping[str, Any]:
    """Parse an OpenAPI document."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError("this is not UTF-8 text, and so no OpenAPI document", name) from error
    value = yaml_source.load(text, name).value
    if not isinstance(value, dict) or not isinstance(value.get("openapi"), str):
        raise SpecError("this is no OpenAPI 3 document: it has no `openapi: 3…` at its top", name)
    return value


def _from_git(name: str, root: Path) -> bytes:
    revision, colon, path = name.partition(":")
    advice = "name a file, a revision such as HEAD~1, or REVISION:PATH"
    if not revision or revision.startswith("-") or "\0" in name:
        raise SpecError(f"no such file, and no git revision: {advice}", name)
    if _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}") is None:
        raise SpecError(f"no such file, and git knows no revision {revision!r} here: {advice}", name)
    # A path beginning with ./ is relative to `root`, whatever directory of the repository that is.
    wanted = path if colon and path else DOCUMENT
    content = _git(root, "cat-file", "blob", f"{revision}:./{wanted.removeprefix('./')}")
    if content is None:
        raise SpecError(f"the revision {revision!r} has no file {wanted}: add :PATH to name another", name)
    return content


def _git(root: Path, *arguments: str) -> bytes | None:
    """Run git. Gives its output, or None if it refuses."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no argument of ours can be taken for an option
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=root,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise SpecError("git is not installed: install it, or name two files") from error
    except subprocess.TimeoutExpired as error:
        raise SpecError(f"git did not answer within {_PATIENCE_S} s: name two files instead") from error
    return done.stdout if done.returncode == 0 else None
