"""How many hand-written lines does a model cost? The command behind ``make model-cost``.

    python -m spec.tools.model_cost [MODEL]

It counts the lines that would not be there without the model: of Python under overrides/, and of the overlay.
An action that several models share counts as the one line that names the model's path; one that stands in for
the vendor's page is not counted.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.tools import yaml_source

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]


def measure(root: Path, model: str) -> str:
    """Return in words how many lines a model costs; an empty text if none names it."""
    name = re.compile(rf"_{model}_|\"{model}\"|'{model}'")
    files = {}
    for file in sorted((root / "overrides").rglob("*.py")):
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if name.search(line)]
        if lines:
            files[file.relative_to(root).as_posix()] = len(lines)
    overlay = _overlay_lines((root / "spec" / "overlay.yaml").read_text(encoding="utf-8"), model)
    if not files and not overlay:
        return ""
    return (
        f"{sum(files.values())} lines of Python in {' and '.join(files) or 'no file'}, and"
        f" {overlay} lines of spec/overlay.yaml that name its operations"
    )


def _overlay_lines(text: str, model: str) -> int:
    source = yaml_source.load(text, "spec/overlay.yaml")
    actions = source.value["actions"]
    starts = [source.line(("actions", number)) or 0 for number in range(len(actions))]
    lines = text.splitlines()
    total = 0
    for action, start, end in zip(actions, starts, [*starts[1:], len(lines) + 1], strict=True):
        target = action["target"]
        if f"-{model}'" not in target or "x-may-match-nothing" in action:
            continue
        own = [line for line in lines[start - 1 : end - 1] if line.strip() and line.strip()[0] != "#"]
        is_shared = re.search(rf"',\s*'[^']*-{model}'|-{model}',\s*'", target) is not None
        total += 1 if is_shared else len(own)
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    description = (__doc__ or "").split("\n", maxsplit=1)[0]
    parser = argparse.ArgumentParser(prog="python -m spec.tools.model_cost", description=description)
    parser.add_argument("model", nargs="?", default="pro", help="the model's short name (default: pro)")
    model = parser.parse_args(arguments).model
    cost = measure(ROOT, model)
    print(f"The model {model}: {cost}." if cost else f"No line names a model {model!r}.")
    return 0 if cost else 1


if __name__ == "__main__":
    sys.exit(main())
