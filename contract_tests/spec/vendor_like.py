"""A document of any size in the shape of the vendor's whole one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import yaml

_FIXTURES: Final = Path(__file__).parent / "fixtures"


def document(models: int = 129) -> dict[str, Any]:
    """Make a document of three operations a model, and one more: 129 models make 388."""
    made: dict[str, Any] = yaml.safe_load((_FIXTURES / "vendor-like.yaml").read_bytes())
    template = (_FIXTURES / "vendor-like-model.yaml").read_text(encoding="utf-8")
    last = made["paths"]
    made["paths"] = {}
    for number in range(models):
        model = yaml.safe_load(template.replace("NAME", f"model-{number}"))
        made["paths"] |= model["paths"]
        for section in ("schemas", "examples"):
            made["components"][section] |= model[section]
    made["paths"] |= last
    return made


if __name__ == "__main__":
    sys.stdout.write(yaml.safe_dump(document(*map(int, sys.argv[1:])), sort_keys=False))
