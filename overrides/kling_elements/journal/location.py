"""Where the journal is, or that there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

JOURNAL_VARIABLE = "KLING_ELEMENTS_JOURNAL"
_OFF = frozenset({"off", "0", "none", "no", "false"})


def journal_path(setting: str | Path | Literal[False] | None, environ: Mapping[str, str]) -> Path | None:
    """The journal's file; None if there is to be none.

    Args:
        setting: A path; a word like "off", or False, for no journal; None for what the environment
            says.
        environ: The environment: `KLING_ELEMENTS_JOURNAL` holds a path or "off". By default the file is in
            the user's state directory.
    """
    if setting is False:
        return None
    given = environ.get(JOURNAL_VARIABLE, "") if setting is None else setting
    if isinstance(given, str) and given.strip().lower() in _OFF:
        return None
    if not str(given).strip():
        return _default_path()
    try:
        return Path(given).expanduser().absolute()
    except RuntimeError:  # a ~ of nobody's
        return Path(given).absolute()


def _default_path() -> Path:
    import platformdirs  # noqa: PLC0415 - 20 ms that only this one case needs

    return platformdirs.user_state_path("kling-elements", appauthor=False) / "journal.sqlite3"
