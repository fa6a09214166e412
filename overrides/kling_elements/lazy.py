"""Import a package's names when they are first used, so that a process pays only for what it calls."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # `typing` itself takes 5 ms
if TYPE_CHECKING:
    from collections.abc import Callable


def lazy_names(package: str, folder: str) -> tuple[list[str], Callable[[str], object]]:
    """Return a package's names, and the function that imports one of them: its `__getattr__`.

    Args:
        package: Its name.
        folder: Where it stands. The stub `__init__.pyi` there, which type checkers and editors read too,
            lists the names: `from MODULE import NAME as NAME`.
    """
    stub = __loader__.get_data(f"{folder}/__init__.pyi").decode()  # type: ignore[name-defined]  # also from a zip
    module_of = {
        words[3]: words[1] for line in stub.splitlines() if (words := line.split()) and words[0] == "from"
    }

    def import_name(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(module_of[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return sorted(module_of), import_name
