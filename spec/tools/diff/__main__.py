"""What changed between two OpenAPI documents? The command behind ``make diff``.

    python -m spec.tools.diff [FROM] [TO] [--format text|markdown|json] [--fail-on breaking|risk|never]

FROM and TO are files, git revisions (their spec/openapi.yaml), or REVISION:PATH. FROM is HEAD and TO the
working tree's document unless given.

Exit codes: 0 nothing that bad; 1 a change of the --fail-on rating or worse; 2 wrong usage, or a document that
can't be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.tools.diff import as_json, as_markdown, as_text, compare, proposal
from spec.tools.diff.model import Rating
from spec.tools.diff.revision import DOCUMENT, read_document
from spec.tools.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[3]
_THRESHOLDS: Final = {"breaking": Rating.BREAKING, "risk": Rating.RISK, "never": None}
_USAGE: Final = 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m spec.tools.diff",
        description=(__doc__ or "").split("\n")[0],
        epilog="Exit codes: 0 nothing that bad; 1 a change of the --fail-on rating or worse; 2 wrong usage.",
    )
    parser.add_argument(
        "old",
        metavar="FROM",
        nargs="?",
        default="HEAD",
        help="a file, a git revision, or REVISION:PATH; HEAD if left out",
    )
    parser.add_argument(
        "new", metavar="TO", nargs="?", help=f"the same; the working tree's {DOCUMENT} if left out"
    )
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text")
    parser.add_argument(
        "--fail-on",
        choices=tuple(_THRESHOLDS),
        default="breaking",
        help="exit 1 from this rating on (default: breaking)",
    )
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="the directory that holds spec/ (default: this repository)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    options = _parser().parse_args(arguments)
    new = options.new or str(options.root / DOCUMENT)
    if not options.new and not Path(new).is_file():
        said = f"{DOCUMENT} is missing: run `make regenerate`, or name another document as TO"
        print(said, file=sys.stderr)
        return _USAGE
    try:
        old_document, new_document = (read_document(name, options.root) for name in (options.old, new))
        changes = compare(old_document, new_document, (options.old, new))
    except SpecError as error:
        print(error, file=sys.stderr)
        return _USAGE
    if options.format == "json":
        print(as_json(changes), end="")
    else:
        print((as_markdown if options.format == "markdown" else as_text)(changes), end="")
        version = "" if options.new else proposal(options.root, changes)
        print(f"\n{version}\n" if version else "", end="")
    threshold = _THRESHOLDS[options.fail_on]
    return int(threshold is not None and any(change.rating >= threshold for change in changes))


if __name__ == "__main__":
    sys.exit(main())
