"""The package's one logger. `KLING_ELEMENTS_LOG=info`, or `debug` with each request, shows it on stderr."""

from __future__ import annotations

import logging
import os
from contextlib import suppress

from kling_elements.printable import printable

LOG_VARIABLE = "KLING_ELEMENTS_LOG"


class _Printable(logging.Filter):
    """Shows what a terminal or a log would obey as escapes, as records quote the service."""

    def filter(self, record: logging.LogRecord) -> bool:
        with suppress(Exception):  # a handler reports what can't be formatted
            text = record.getMessage()
            if not text.isprintable():
                record.msg, record.args = printable(text), ()
        return True


logger = logging.getLogger("kling_elements")
logger.addFilter(_Printable())
_level = {"debug": logging.DEBUG, "info": logging.INFO}.get(os.environ.get(LOG_VARIABLE, "").strip().lower())
if _level is None:
    # A library is quiet until its user sets up logging; without a handler, warnings would go to stderr.
    logger.addHandler(logging.NullHandler())
else:
    _handler = logging.StreamHandler()
    _handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger.addHandler(_handler)
    logger.setLevel(_level)
