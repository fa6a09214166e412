"""A seeded violation: one wrong behaviour, put in on purpose, that the suite must find.

No violation names a line of source. Each changes what goes over the wire, replaces a function by its import
path, or edits a copy of the document. One that can't be applied raises, so that a renaming is noticed.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, get_args

from attrs import frozen

ROOT: Final = Path(__file__).resolve().parents[2]
Kind = Literal["server", "client", "document", "webhook", "mock"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# Files and folders below `contract_tests/` that must find the violations of a kind.
TESTS: Final[dict[Kind, tuple[str, ...]]] = {
    "server": ("schema/server",),
    "client": (*(f"client/{name}" for name in ("api", "images", "operations", "policy", "downloads")),
               "schema/client"),
    "document": ("spec/test_document.py",),
    "webhook": ("client/webhooks",),
    "mock": ("mock",),
}  # fmt: skip


class CannotApplyError(Exception):
    """What a violation changes is no longer there. The message says where to look."""


@frozen
class Violation:
    kind: Kind
    name: str
    description: str
    apply: Callable[[], None]  # called once the tests are collected, in a process of its own
    needed: tuple[str, ...] = ()  # tests that must each fail, by a part of their ids; with none, any will do
    lawful: bool = False  # it is no violation after all, and the tests must pass

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def table(kind: Kind, rows: Mapping[str, tuple[Any, ...]]) -> tuple[Violation, ...]:
    """Return the violations of rows: by name, what is wrong, and the change or `replaced`'s arguments."""
    return tuple(
        Violation(kind, name, said, change[0] if len(change) == 1 else replaced(*change))
        for name, (said, *change) in rows.items()
    )


def violations(kind: Kind) -> tuple[Violation, ...]:
    """Return the table of a kind. Only its own modules are imported: the others' take seconds."""
    found: tuple[Violation, ...] = import_module(f"contract_tests.violations.{kind}").VIOLATIONS
    return found


def replaced(paths: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Return a change of `module:name` or `module:Class.method`: `make` makes it of the real one."""

    def apply() -> None:
        for path in paths.split():
            _replace(path, make)

    return apply


def _replace(path: str, make: Callable[[Any], Any]) -> None:
    module_name, _, name = path.partition(":")
    try:
        owner: Any = import_module(module_name)
        *classes, last = name.split(".")
        for part in classes:
            owner = getattr(owner, part)
        real = getattr(owner, last)
    except (ImportError, AttributeError) as error:
        raise CannotApplyError(f"{path}: {error}. Give its row the new import path") from None
    wrong = make(real)
    setattr(owner, last, wrong)
    if not classes:
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(last) is real:
                setattr(module, last, wrong)


def edited(file: str, old: str, new: str) -> Callable[[], None]:
    """Return a change of one text, in a copy of what a regeneration reads and writes."""

    def apply() -> None:
        text = (ROOT / file).read_text(encoding="utf-8")
        if old not in text:
            raise CannotApplyError(f"{file} does not have {old!r}. Give its row another text")
        copy = Path(tempfile.mkdtemp())
        for folder in ("spec", "generated"):
            shutil.copytree(ROOT / folder, copy / folder)
        (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        replaced("contract_tests.spec.pages:PROJECT", lambda real: type(real)(copy))()

    return apply
