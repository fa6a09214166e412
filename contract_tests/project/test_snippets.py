"""What README.md and docs/ show is what happens, and what they name exists."""

import asyncio
import logging
import re
from pathlib import Path

import pytest

import kling_elements
from contract_tests.support.snippets import PAGES, ROOT, Reader, blocks_of, prepare
from kling_elements import KlingError
from kling_elements.cli.command_list import COMMANDS
from kling_elements.cli.error_report import exit_code_of
from kling_elements_mock import MockSettings, Polls, serve
from scripts import site_pages

TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_snippets_run_and_print_what_is_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block, typed as it stands, prints what the page shows; CONTRIBUTING.md has the rules."""
    if not (blocks := blocks_of(TEXTS[page])):
        return
    monkeypatch.setattr(logging.root, "handlers", [])  # a reader's process has none
    for logger in map(logging.getLogger, ("root", "kling_elements")):  # whose levels a page may set
        monkeypatch.setattr(logger, "level", logger.level)
    prepare(tmp_path, monkeypatch)
    with serve(MockSettings(pace=Polls(3))) as served, asyncio.Runner() as runner:
        monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", served.url)
        monkeypatch.setenv("KLING_ELEMENTS_API_KEY", "any")
        Reader(str(page.relative_to(ROOT)), monkeypatch, runner).follow(blocks)


def anchors_of(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_and_make_targets_exist(page: Path) -> None:
    """Relative links lead to files, anchors to headings, and `make` has the targets that are named."""
    for link, anchor in re.findall(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)", TEXTS[page]):
        target = (page.parent / link).resolve() if link else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target.read_text(encoding="utf-8")), f"{link}#{anchor}"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"(?:`|^)(?:\w+=\S+ )*make ([a-z-]+)", TEXTS[page], flags=re.MULTILINE)
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_the_site_has_every_page(tmp_path: Path) -> None:
    """The navigation lists every page once, also those made from the code; links stay on the site."""
    site_pages.write(tmp_path)
    nav = (tmp_path / "zensical.toml").read_text(encoding="utf-8")
    pages = {page.relative_to(tmp_path / "pages").as_posix() for page in tmp_path.glob("pages/**/*.md")}
    assert sorted(re.findall(r'= "([\w/-]+\.md)"', nav)) == sorted(pages)
    assert all(f"## {name}\n" in (tmp_path / "pages/api/command.md").read_text("utf-8") for name in COMMANDS)


def test_the_table_of_errors_is_complete_and_right() -> None:
    """docs/errors.md lists each error with the exit code that the command ends with."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", TEXTS[ROOT / "docs" / "errors.md"], flags=re.MULTILINE)
    public = [getattr(kling_elements, name) for name in dir(kling_elements)]
    errors = {item for item in public if isinstance(item, type) and issubclass(item, KlingError)}
    assert {name: int(code) for name, code in rows} == {
        error.__name__: exit_code_of(error.__new__(error)) for error in errors - {KlingError}
    }
