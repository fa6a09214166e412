"""Let the generated package import each model when it is first used: all of them take some 20 ms.

The generator's package of models imports every one. Type checkers still see those imports.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_IMPORT: Final = re.compile(r"^from \.(\w+) import (?:\(\s*)?(\w+)(?:,\s*\))?\n", re.MULTILINE)
_LATE: Final = '''

if not _typing.TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a model when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _import_module(_MODULES[name], __name__)
        model = globals()[name] = getattr(module, name)
        return model

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
'''


def import_models_late(package: Path) -> None:
    """Rewrite the package of models of a generated package; one without models stays as it is."""
    file = package / "models" / "__init__.py"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = list(_IMPORT.finditer(text))
    if not found:
        return
    start, end = found[0].start(), found[-1].end()
    modules = "".join(f'    "{match[2]}": ".{match[1]}",\n' for match in found)
    file.write_text(
        f"{text[:start]}import typing as _typing\nfrom importlib import import_module as _import_module\n\n"
        f"if _typing.TYPE_CHECKING:\n{textwrap.indent(text[start:end], '    ')}"
        f"{text[end:].rstrip()}\n\n_MODULES = {{\n{modules}}}\n{_LATE}",
        encoding="utf-8",
        newline="\n",
    )
