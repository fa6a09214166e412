"""Keeps signatures out of other libraries' logs while this package fetches from other hosts.

httpx logs the whole address of each request at INFO, and httpcore the headers of each answer at DEBUG, a
redirect's target among them. A result's address is as good as the video, and so are many of those of images.

The records of a fetch of this package's lose the queries of all addresses in them; nobody else's record is
touched, of whatever thread, task or client. (An address whose text is redacted would be sent by transports
that go by its text, and a logger that is switched off would hide more than it must.)
"""

from __future__ import annotations

import contextlib
import logging
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A filter of a logger does not see what its children log: so each that logs is named.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)
_QUERY = re.compile(r"""\?[^\s"'<>\\]+""")

_is_private: ContextVar[bool] = ContextVar("kling_elements_is_private", default=False)


@contextlib.contextmanager
def private_addresses() -> Iterator[None]:
    """Within this block, what is logged of requests has no queries in it."""
    token = _is_private.set(True)
    try:
        yield
    finally:
        _is_private.reset(token)


class _HideQueries(logging.Filter):
    """Strikes the queries of addresses out of records; lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _is_private.get():
            text = record.getMessage()
            shown = _QUERY.sub("?…", text)
            if shown != text:
                record.msg, record.args = shown, ()
        return True


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_HideQueries())
