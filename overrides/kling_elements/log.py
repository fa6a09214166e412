"""The package's one logger. `KLING_ELEMENTS_LOG=info`, or `debug` with each request, shows it on stderr."""

from __future__ import annotations

import logging
import os

LOG_VARIABLE = "KLING_ELEMENTS_LOG"

logger = logging.getLogger("kling_elements")
_level = {"debug": logging.DEBUG, "info": logging.INFO}.get(os.environ.get(LOG_VARIABLE, "").strip().lower())
if _level is None:
    # A library is quiet until its user sets up logging; without a handler, warnings would go to stderr.
    logger.addHandler(logging.NullHandler())
else:
    _handler = logging.StreamHandler()
    _handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger.addHandler(_handler)
    logger.setLevel(_level)
