"""Replacing files and directories all together or not at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from spec.tools.command import signals_held

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def replace_all(new: Mapping[Path, Path], attic: Path) -> None:
    """Put new things in the place of old ones. When one step fails, or is interrupted, all are taken back."""
    attic.mkdir()
    moved: list[tuple[Path, Path]] = []
    with signals_held():
        try:
            for number, (target, source) in enumerate(new.items()):
                if target.exists():
                    kept = attic / str(number)
                    moved.append((target, kept))
                    target.rename(kept)
                moved.append((source, target))
                source.rename(target)
        except BaseException:
            for origin, place in reversed(moved):
                if place.exists() and not origin.exists():
                    place.rename(origin)
            raise


def files_below(directory: Path) -> dict[str, bytes]:
    """Read all files below a directory, by their path relative to it. Caches that tools leave don't count."""
    if not directory.is_dir():
        return {}
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        and not any(part.endswith(("_cache", "__pycache__")) for part in path.relative_to(directory).parts)
    }


def digest(files: Mapping[str, bytes]) -> str:
    """Make one digest of files' names and bytes."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode("utf-8", "surrogateescape"))
        total.update(files[name])
    return total.hexdigest()
