"""Pages → spec/openapi.yaml → generated/. The command behind ``make regenerate``.

    python -m spec.tools.regenerate [--check] [--force] [--root DIRECTORY]

It makes everything in a temporary directory and puts it in place at the end, so a run that fails or is
interrupted changes nothing. It reports what a changed document means for callers, and enters it in
CHANGELOG.md. A digest of all inputs and outputs in `.cache/` shows that there is nothing to do.

Exit codes: 0 done or nothing to do; 1 the inputs are wrong, or `--check` found drift; 130 interrupted.
"""

from __future__ import annotations

from spec.tools import command  # Ctrl-C counts from here on

# isort: split
import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.tools.errors import SpecError
from spec.tools.layout import Layout
from spec.tools.replace import digest, replace_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spec.tools.build import Built
    from spec.tools.release_notes import ReleaseNotes

try:
    import fcntl
except ImportError:  # Windows has no such locks: there, two runs at once are up to the user.
    fcntl = None  # type: ignore[assignment]

ROOT: Final = Path(__file__).resolve().parents[2]
_MOST_NAMED: Final = 12


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """Name the files that differ, one line each."""
    return [
        f"removed  {name}"
        if name not in new
        else f"added    {name}"
        if name not in old
        else f"changed  {name}  ({_line_counts(old[name], new[name])})"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _line_counts(old: bytes, new: bytes) -> str:
    import difflib  # noqa: PLC0415 - a run with nothing to do needs none of it

    before, after = (content.decode(errors="replace").splitlines() for content in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"+{added} -{removed} lines"


def make(layout: Layout, made: Layout) -> Built:
    """Make the outputs of one layout at the places of another one, which is empty."""
    from spec.tools.build import build  # noqa: PLC0415 - a run with nothing to do needs none of it
    from spec.tools.generate import generate  # noqa: PLC0415

    def named(path: Path) -> tuple[str, bytes] | None:
        return (layout.name(path), path.read_bytes()) if path.exists() else None

    files = {f"spec/upstream/{name}": content for name, content in layout.upstream_files().items()}
    built = build(files, named(layout.overlay), named(layout.selection))
    made.generated.mkdir(parents=True)
    made.document.parent.mkdir()
    made.document.write_text(built.text, encoding="utf-8", newline="\n")
    text = json.dumps(built.document, ensure_ascii=False, indent=1) + "\n"
    made.document_json.write_text(text, encoding="utf-8", newline="\n")
    if not layout.config.exists():
        raise SpecError("the generator's configuration is missing", layout.name(layout.config))
    try:
        notes = generate(built.document, layout.config, made.generated)
    except SpecError as error:
        if error.file is not None or error.keys is None:
            raise
        raise built.origins.error(error.message, error.keys, built.document) from error
    told = built.origins.lines(notes, built.document)
    return replace(built, reports=(*layout.ignored(), *built.reports, *told))


@contextlib.contextmanager
def workspace(layout: Layout) -> Iterator[Path]:
    """Give an empty directory on the outputs' file system, to this run alone, and remove it at the end."""
    layout.cache.mkdir(parents=True, exist_ok=True)
    (layout.cache / ".gitignore").write_text("*\n", encoding="utf-8")
    with (layout.cache / "lock").open("w", encoding="utf-8") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SpecError("another run is under way: wait for it, then run this again") from error
        for stale in layout.cache.glob("work-*"):  # What a killed run has left: it holds no lock.
            shutil.rmtree(stale, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=layout.cache))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def regenerate(layout: Layout, *, force: bool = False) -> list[str]:
    """Bring the outputs up to date, even if nothing has changed with `force`; return lines to show."""
    stamp = layout.cache / "stamp.json"
    inputs = digest(layout.inputs())
    old = layout.outputs()
    if not force and _read_stamp(stamp) == {"inputs": inputs, "outputs": digest(old)}:
        return ["Nothing has changed since the last run."]
    with workspace(layout) as work:
        made = Layout(work)
        built = make(layout, made)
        new = made.outputs()
        meaning = _meaning(layout, old, new, built)
        lines = differences(old, new)
        targets = layout.targets(made)
        if meaning is not None and meaning.changelog is not None:
            (work / "changelog").write_bytes(meaning.changelog.encode())
            targets[layout.changelog] = work / "changelog"
        if lines:
            replace_all(targets, work / "attic")
        with contextlib.suppress(OSError):  # Without a stamp the next run does everything, and that is all.
            stamp.write_text(json.dumps({"inputs": inputs, "outputs": digest(new)}), encoding="utf-8")
    notes = [f"note: {report}" for report in built.reports]
    told = [] if meaning is None else meaning.lines
    return [*notes, *_summary(lines, "Made again, and the same as before."), *told]


def _meaning(
    layout: Layout, old: Mapping[str, bytes], new: Mapping[str, bytes], built: Built
) -> ReleaseNotes | None:
    """Return what a changed document means; None if it has not changed."""
    from spec.tools.release_notes import release_notes  # noqa: PLC0415 - only where something has changed

    before = old.get("spec/openapi.yaml")
    return None if before == new["spec/openapi.yaml"] else release_notes(layout, before, built.document)


def check(layout: Layout) -> tuple[list[str], bool]:
    """Compare what is committed with what the inputs give; return lines to show, and whether it agrees."""
    with workspace(layout) as work:
        built = make(layout, made := Layout(work))
        lines = differences(layout.outputs(), made.outputs())
    notes = [f"note: {report}" for report in built.reports]
    told = _summary(lines, "The document and the generated client are what spec/ gives.")
    if lines:
        told.append("The committed files differ from what spec/ gives: run `make regenerate`, commit.")
    return [*notes, *told], not lines


def _summary(lines: list[str], otherwise: str) -> list[str]:
    more = [f"and {len(lines) - _MOST_NAMED} more files"] if len(lines) > _MOST_NAMED else []
    return [*lines[:_MOST_NAMED], *more] or [otherwise]


def _read_stamp(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_bytes())
    except (OSError, ValueError):
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m spec.tools.regenerate",
        description="Make spec/openapi.yaml and generated/ from what spec/ holds.",
        epilog="Exit codes: 0 done, 1 wrong inputs or (with --check) drift, 130 interrupted.",
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if anything differs")
    parser.add_argument("--force", action="store_true", help="make everything even if nothing has changed")
    parser.add_argument("--root", type=Path, default=ROOT, help="what holds spec/ and generated/")
    options = parser.parse_args(arguments)
    layout = Layout(options.root.resolve())

    def work() -> tuple[list[str], int]:
        if not layout.upstream.is_dir():
            problem = "there is no such directory: --root must hold spec/upstream/"
            raise SpecError(problem, str(layout.upstream))
        if options.check:
            lines, same = check(layout)
            return lines, int(not same)
        return regenerate(layout, force=options.force), 0

    return command.run(work, "Nothing was changed.")


if __name__ == "__main__":
    sys.exit(main())
