"""Put the pages of the site together: docs/, README.md as the home page, and what is made from the code.

python scripts/site_pages.py build/docs
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kling_elements.cli.arguments import add_common
from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.console import PROGRAM
from kling_elements.cli.exit_codes import MEANINGS
from kling_elements.cli.parser import Parser
from kling_elements_mock.__main__ import parser as mock_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
MOVED: Final = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
_LINK: Final = re.compile(r"\]\((?P<target>(?!https?://|mailto:|#)[^)#\s]+)")


def write(target: Path) -> None:
    """Write the pages and the site's configuration into a folder."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target / "pages")
    shutil.move(target / "pages" / "zensical.toml", target)
    shutil.copytree(ROOT / "examples", target / "pages" / "examples")
    for page in (target / "pages").rglob("*.md"):
        source = ROOT / "docs" / page.relative_to(target / "pages")
        page.write_text(relinked(source, page.relative_to(target / "pages")), encoding="utf-8")
    for name, place in MOVED.items():
        (target / "pages" / place).write_text(relinked(ROOT / name, Path(place)), encoding="utf-8")
    (target / "pages" / "api" / "command.md").write_text("\n".join(command_page()), encoding="utf-8")


def relinked(source: Path, place: Path) -> str:
    """Return a page's text with its links as they are on the site."""

    def on_site(found: re.Match[str]) -> str:
        target = (source.parent / found["target"]).resolve().relative_to(ROOT)
        if str(target) in MOVED:
            there = Path(MOVED[str(target)])
        elif target.parts[0] in {"docs", "examples"}:
            there = target.relative_to("docs") if target.parts[0] == "docs" else target
        else:
            raise SystemExit(f"{source.relative_to(ROOT)} links to {target}, which is not on the site")
        return "](" + "../" * len(place.parent.parts) + there.as_posix()

    return _LINK.sub(on_site, source.read_text(encoding="utf-8"))


def command_page() -> Iterator[str]:
    """Yield the lines of the command's reference."""
    yield f"# The command\n\nMade from the parsers of `{PROGRAM}`. [How it is used](../command-line.md).\n"
    for command in COMMANDS.values():
        parser = mock_parser() if command.is_raw else command.parser()
        yield from _section(parser, command.name)
    common = Parser(PROGRAM, "These may stand before or after the command's name.")
    add_common(common)
    yield from _section(common, "Options of every command")
    yield "## Exit codes\n\n| code | meaning |\n|---|---|"
    yield from (f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
    yield ""


def _section(parser: argparse.ArgumentParser, title: str) -> Iterator[str]:
    if isinstance(parser, Parser):
        parser.fill_values()
    yield f"## {title}\n\n{parser.description}\n"
    for group in parser._action_groups:  # noqa: SLF001 - argparse shows them in no other way
        is_common = group.title == "for every command" and title in COMMANDS
        actions = [a for a in group._group_actions if a.help and "--help" not in a.option_strings]  # noqa: SLF001
        if is_common or not actions:
            continue
        yield f"| {group.title or ''} | |\n|---|---|"
        for action in actions:
            text = parser._get_formatter()._expand_help(action)  # noqa: SLF001
            yield f"| {_written(action)} | {_escaped(text)} |"
        yield ""


def _written(action: argparse.Action) -> str:
    choices = f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper()
    value = action.metavar or choices
    names = action.option_strings or [str(value)]
    takes = f" {value}" if action.option_strings and action.nargs != 0 else ""
    return ", ".join(f"`{name}{takes if name == names[-1] else ''}`" for name in names)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
