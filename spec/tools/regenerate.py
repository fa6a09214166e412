"""Pages → spec/openapi.yaml → generated/. The command behind ``make regenerate``.

    python -m spec.tools.regenerate [--check] [--force] [--root DIRECTORY]

It makes everything in a temporary directory and puts it in place at the end, so a run that fails or is
interrupted changes nothing. It reports what a changed document means for callers, and enters it in
CHANGELOG.md. A digest of all inputs and outputs in `.cache/` shows that there is nothing to do.

Exit codes: 0 done or nothing to do; 1 the inputs are wrong, or `--check` found drift; 130 interrupted.
"""

from __future__ import annotations

import spec.tools.interruption  # noqa: F401 - Ctrl-C while the others are imported

# isort: split
import argparse
import contextlib
import json
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.tools.errors import SpecError
from spec.tools.layout import Layout
from spec.tools.replace import digest, files_below, remove, replace_all

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
    lines = []
    for name in sorted({*old, *new}):
        if name not in new:
            lines.append(f"removed  {name}")
        elif name not in old:
            lines.append(f"added    {name}")
        elif old[name] != new[name]:
            lines.append(f"changed  {name}  ({_line_counts(old[name], new[name])})")
    return lines


def _line_counts(old: bytes, new: bytes) -> str:
    import difflib  # noqa: PLC0415 - a run with nothing to do needs none of it

    lines = list(
        difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(), lineterm="", n=0)
    )[2:]
    return (
        f"+{sum(line.startswith('+') for line in lines)} -{sum(line.startswith('-') for line in lines)} lines"
    )


def make(layout: Layout, work: Path) -> Built:
    """Make the outputs below a directory: `openapi.yaml`, the same as JSON, and `generated/`.

    Args:
        layout: Where the inputs stand.
        work: An empty directory.

    Returns:
        The document, and what a maintainer should know about it and about the client.

    Raises:
        SpecError: The inputs are wrong.
    """
    from spec.tools.build import build  # noqa: PLC0415 - a run with nothing to do needs none of it
    from spec.tools.generate import generate  # noqa: PLC0415

    root = layout.root

    def named(path: Path) -> tuple[str, bytes] | None:
        return (path.relative_to(root).as_posix(), path.read_bytes()) if path.exists() else None

    files = {
        (layout.upstream.relative_to(root) / name).as_posix(): content
        for name, content in layout.upstream_files().items()
    }
    built = build(files, named(layout.overlay), named(layout.selection))
    (work / "openapi.yaml").write_text(built.text, encoding="utf-8", newline="\n")
    text = json.dumps(built.document, ensure_ascii=False, indent=1) + "\n"
    (work / "openapi.json").write_text(text, encoding="utf-8", newline="\n")
    if not layout.config.exists():
        raise SpecError(
            "the generator's configuration is missing", layout.config.relative_to(root).as_posix()
        )
    (work / "generated").mkdir()
    try:
        notes = generate(built.document, layout.config, work / "generated")
    except SpecError as error:
        if error.file is not None or error.keys is None:
            raise
        raise built.origins.error(error.message, error.keys, built.document) from error
    told = built.origins.lines(notes, built.document)
    return replace(built, reports=(*layout.ignored(), *built.reports, *told))


def made(work: Path) -> dict[str, bytes]:
    """Read what `make` has made, by the names that `Layout.outputs` uses."""
    files = {f"generated/{name}": content for name, content in files_below(work / "generated").items()}
    return files | {f"spec/{name}": (work / name).read_bytes() for name in ("openapi.yaml", "openapi.json")}


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
        for stale in layout.cache.glob(
            "work-*"
        ):  # What a killed run has left: the lock says that it is over.
            remove(stale)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=layout.cache))
        try:
            yield work
        finally:
            remove(work)


def regenerate(layout: Layout, *, force: bool = False) -> list[str]:
    """Bring the outputs up to date.

    Args:
        layout: Where everything stands.
        force: Make everything even if nothing has changed.

    Returns:
        Lines to show: notes, then what has changed in the files and what that means for callers.

    Raises:
        SpecError: The inputs are wrong, or the disk is full. Nothing has changed then.
    """
    stamp = layout.cache / "stamp.json"
    inputs = digest(layout.inputs())
    old = layout.outputs()
    if not force and _read_stamp(stamp) == {"inputs": inputs, "outputs": digest(old)}:
        return ["Nothing has changed since the last run."]
    with workspace(layout) as work:
        built = make(layout, work)
        new = made(work)
        meaning = _meaning(layout, old, new, built)
        lines = differences(old, new)
        targets = layout.targets(work)
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
    """Compare what is committed with what the inputs give, and change nothing.

    Returns:
        Lines to show, and whether they are the same.

    Raises:
        SpecError: The inputs are wrong.
    """
    with workspace(layout) as work:
        built = make(layout, work)
        lines = differences(layout.outputs(), made(work))
    return [
        *(f"note: {report}" for report in built.reports),
        *_summary(lines, "The document and the generated client are what spec/ gives."),
    ], not lines


def _summary(lines: list[str], otherwise: str) -> list[str]:
    if not lines:
        return [otherwise]
    more = len(lines) - _MOST_NAMED
    return [*lines[:_MOST_NAMED], *([f"and {more} more files"] if more > 0 else [])]


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
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if the committed files differ"
    )
    parser.add_argument("--force", action="store_true", help="make everything even if nothing has changed")
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="the directory that holds spec/ and generated/"
    )
    options = parser.parse_args(arguments)
    layout = Layout(options.root.resolve())
    if not layout.upstream.is_dir():
        print(
            f"{layout.upstream}: there is no such directory: --root must hold spec/upstream/", file=sys.stderr
        )
        return 1
    try:
        with termination_as_interrupt():
            if options.check:
                lines, same = check(layout)
                if not same:
                    lines.append(
                        "The committed files differ from what spec/ gives: run `make regenerate`, commit."
                    )
            else:
                lines, same = (
                    regenerate(layout, force=options.force),
                    True,
                )
    except SpecError as error:
        print(f"{error}\nNothing was changed.", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"{error.filename or layout.root}: {error.strerror or error}\nNothing was changed.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing is half done: the files are all as before, or all new.", file=sys.stderr)
        return 130
    for line in lines:
        print(line, file=sys.stderr if line.startswith("note: ") else sys.stdout)
    return 0 if same else 1


@contextlib.contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Clean up on SIGTERM as on Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


if __name__ == "__main__":
    sys.exit(main())
