"""The package's one logger."""

from __future__ import annotations

import logging

logger = logging.getLogger("kling_elements")
# A library is quiet until its user sets up logging; without a handler, warnings would go to stderr.
logger.addHandler(logging.NullHandler())
