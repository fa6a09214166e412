"""The package's one logger. `KLING_ELEMENTS_LOG=info`, or `debug` with each request, shows it on stderr."""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress

from kling_elements.printable import printable

LOG_VARIABLE = "KLING_ELEMENTS_LOG"


def without_queries(text: str) -> str:
    """Return a text without the queries of the URLs in it: they hold the signatures of results."""
    return re.sub(r"""[^\s"'<>]+""", _without_query, text) if "?" in text else text


def _without_query(word: re.Match[str]) -> str:
    path, mark, query = word[0].partition("?")
    return f"{path}?…" if query and "/" in path else path + mark + query


class _Quotable(logging.Filter):
    """Shows no signature, and what a terminal or a log would obey as escapes: records quote the service."""

    def filter(self, record: logging.LogRecord) -> bool:
        with suppress(Exception):  # a handler reports what can't be formatted
            text = record.getMessage()
            shown = printable(without_queries(text))
            if shown != text:
                record.msg, record.args = shown, ()
        return True


logger = logging.getLogger("kling_elements")
logger.addFilter(_Quotable())
_level = {"debug": logging.DEBUG, "info": logging.INFO}.get(os.environ.get(LOG_VARIABLE, "").strip().lower())
if _level is None:
    # A library is quiet until its user sets up logging; without a handler, warnings would go to stderr.
    logger.addHandler(logging.NullHandler())
else:
    _handler = logging.StreamHandler()
    _handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger.addHandler(_handler)
    logger.setLevel(_level)
