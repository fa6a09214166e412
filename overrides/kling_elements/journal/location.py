"""Where the journal is, or that there is none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from kling_elements.log import logger

JOURNAL_VARIABLE = "KLING_ELEMENTS_JOURNAL"
_OFF = frozenset({"off", "0", "none", "no", "false", os.devnull})


def journal_path(
    setting: str | os.PathLike[str] | Literal[False] | None, environ: Mapping[str, str]
) -> Path | None:
    """Return the journal's file; None if there is to be none, or no home folder for it (logged).

    Args:
        setting: A path; a word like "off", or False, for no journal; None for what the environment says.
        environ: The environment: `KLING_ELEMENTS_JOURNAL` holds a path or "off". By default the file is in
            the user's state directory.
    """
    if setting is False:
        return None
    given = os.fspath(environ.get(JOURNAL_VARIABLE, "") if setting is None else setting)
    if given.strip().lower() in _OFF:
        return None
    try:
        return Path(given).expanduser().absolute() if given.strip() else _default_path()
    except RuntimeError:
        logger.warning(
            "the journal is off, as this user has no home folder to keep it in: if this process is killed, "
            "the tasks it creates are in no journal. Set %s to a file, or to off",
            JOURNAL_VARIABLE,
        )
        return None


def _default_path() -> Path:
    import platformdirs

    return platformdirs.user_state_path("kling-elements", appauthor=False) / "journal.sqlite3"
