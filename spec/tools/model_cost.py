"""How many hand-written lines does a model cost? The command behind ``make model-cost``.

    python -m spec.tools.model_cost [MODEL]

Counted are the lines that would not be there without the model: of Python under overrides/, and of the
overlay. Of an action that several models share, the one line that names the model's path counts.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.tools import yaml_source

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cost:
    """What a model costs in lines.

    Attributes:
        python: Under overrides/.
        files: The Python files that have them.
        overlay: In spec/overlay.yaml, what stands in for the page included.
        stand_in: Those of them that stand in for the vendor's page, and go once it is in spec/upstream/.
    """

    python: int
    files: tuple[str, ...]
    overlay: int
    stand_in: int

    @property
    def sentence(self) -> str:
        """The measure, as the README has it."""
        return (
            f"{self.python} lines of Python in {' and '.join(self.files) or 'no file'}, and"
            f" {self.overlay - self.stand_in} lines of spec/overlay.yaml that name its operations"
        )


def measure(root: Path, model: str) -> Cost:
    """Count the lines that a model costs.

    Args:
        root: The project.
        model: The model's short name, such as `pro`.
    """
    name = re.compile(rf"_{model}_|\"{model}\"|'{model}'")
    found = {
        file.relative_to(root).as_posix(): sum(
            bool(name.search(line)) for line in file.read_text(encoding="utf-8").splitlines()
        )
        for file in sorted((root / "overrides").rglob("*.py"))
    }
    overlay, stand_in = _overlay_lines((root / "spec" / "overlay.yaml").read_text(encoding="utf-8"), model)
    return Cost(sum(found.values()), tuple(file for file, lines in found.items() if lines), overlay, stand_in)


def _overlay_lines(text: str, model: str) -> tuple[int, int]:
    source = yaml_source.load(text, "spec/overlay.yaml")
    actions = source.value["actions"]
    starts = [source.line(("actions", number)) or 0 for number in range(len(actions))]
    lines = text.splitlines()
    total = stand_in = 0
    for action, start, end in zip(actions, starts, [*starts[1:], len(lines) + 1], strict=True):
        stands_in = "x-may-match-nothing" in action
        if f"-{model}'" not in action["target"]:
            continue
        if stands_in and not any(path.endswith(f"-{model}") for path in action["update"]):
            continue  # Another model's: it names this one's path to find its place.
        own = sum(
            bool(line.strip()) and not line.strip().startswith("#") for line in lines[start - 1 : end - 1]
        )
        is_shared = re.search(rf"',\s*'[^']*-{model}'|-{model}',\s*'", action["target"]) is not None
        total += 1 if is_shared else own
        stand_in += own if stands_in else 0
    return total, stand_in


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    description = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m spec.tools.model_cost", description=description)
    parser.add_argument("model", nargs="?", default="pro", help="the model's short name (default: pro)")
    options = parser.parse_args(arguments)
    cost = measure(ROOT, options.model)
    if not cost.python and not cost.overlay:
        advice = "the names stand in overrides/kling_elements/models.py"
        print(f"no line names a model {options.model!r}: {advice}", file=sys.stderr)
        return 1
    print(f"The model {options.model}: {cost.sentence}.")
    if cost.stand_in:
        print(
            f"And {cost.stand_in} lines of the overlay that stand in for the vendor's page: they can go once"
            " it is in spec/upstream/."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
