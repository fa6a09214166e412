"""Keeps secrets out of other libraries' logs: signatures of addresses, and keys that a service echoes.

httpx logs the whole address of each request at INFO, and httpcore the headers of each answer at DEBUG, a
redirect's target among them. A result's address is as good as the video, and so are many of those of images.

The records of a fetch of this package's lose the queries of all addresses in them, those of a request to the
service the key; nobody else's record is touched, of whatever thread, task or client. (An address whose text
is redacted would be sent by transports that go by its text, and a logger that is switched off would hide more
than it must.)
"""

from __future__ import annotations

import contextlib
import logging
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

_redaction: ContextVar[Callable[[str], str] | None] = ContextVar("kling_elements_redaction", default=None)


@contextlib.contextmanager
def redacted_logs(redact: Callable[[str], str]) -> Iterator[None]:
    """Within this block, what is logged of requests is redacted."""
    token = _redaction.set(redact)
    try:
        yield
    finally:
        _redaction.reset(token)


def without_queries(text: str) -> str:
    """A text without the queries of the addresses in it."""
    return _QUERY.sub("?…", text)


class _Redact(logging.Filter):
    """Strikes secrets out of records; lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        if redact := _redaction.get():
            text = record.getMessage()
            shown = redact(text)
            if shown != text:
                record.msg, record.args = shown, ()
        return True


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_Redact())
