"""The package's one logger, and how secrets are kept out of its records and of other libraries'.

`KLING_ELEMENTS_LOG=info`, or `debug` with each request, shows the package's records on stderr.

httpx logs the whole URL of each request at INFO, httpcore the headers of each response at DEBUG (a redirect's
target among them), and the coder of HTTP/2 each header of a request, the key included. A result's URL is as
good as the video, and so are many of those of images.

Only records of this package's own exchanges are redacted. While some are under way the key is also struck out
of records of other threads: a caller's transport may do its I/O there. (A URL whose text is redacted would be
sent by transports that go by its text, and a logger that is switched off would hide more than it must.)
"""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING

from kling_elements.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_VARIABLE = "KLING_ELEMENTS_LOG"
_LIBRARIES = frozenset({"httpx", "httpcore", "h11", "h2", "hpack", "hyperframe", "socksio"})

_under_way: dict[RedactedLogs, Callable[[str], str]] = {}
_redaction: ContextVar[Callable[[str], str] | None] = ContextVar("kling_elements_redaction", default=None)


def without_queries(text: str) -> str:
    """Return a text without the queries of the URLs in it: they hold the signatures of results."""
    return re.sub(r"""[^\s"'<>]+""", _without_query, text) if "?" in text else text


def _without_query(word: re.Match[str]) -> str:
    path, mark, query = word[0].partition("?")
    return f"{path}?…" if query and "/" in path else path + mark + query


class RedactedLogs:
    """Within this block, what libraries log of requests is redacted.

    Args:
        redact: Strikes the key out of a text.
    """

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        self._redact = redact

    def __enter__(self) -> None:
        _redact_libraries(len(logging.root.manager.loggerDict))
        self._token = _redaction.set(self._redact)
        _under_way[self] = self._redact

    def __exit__(self, *error: object) -> None:
        del _under_way[self]
        _redaction.reset(self._token)


@lru_cache(maxsize=1)
def _redact_libraries(count: int) -> None:  # noqa: ARG001 - loggers are made, never removed
    """Redact the records of the libraries' loggers, each by itself: none filters what its children log."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _LIBRARIES:
            logging.getLogger(name).addFilter(_REDACT)


class _Redact(logging.Filter):
    """Strikes secrets out of libraries' records; lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        if (own := _redaction.get()) or _under_way:
            shown = record.getMessage()
            for redact in [own] if own else set(_under_way.values()):
                shown = redact(shown)
            _show(record, printable(without_queries(shown)) if own else shown)
        return True


class _Quotable(logging.Filter):
    """Shows no signature, and what a terminal or a log would obey as escapes: records quote the service."""

    def filter(self, record: logging.LogRecord) -> bool:
        with suppress(Exception):  # a handler reports what can't be formatted
            _show(record, printable(without_queries(record.getMessage())))
        return True


def _show(record: logging.LogRecord, text: str) -> None:
    if text != record.getMessage():
        record.msg, record.args = text, ()


_REDACT = _Redact()
# Those that are made in the middle of an exchange: httpx imports httpcore with its first client, and that the
# rest with the first HTTP/2 connection or proxy.
for _name in (
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "hpack.hpack",
    "hpack.table",
    "hpack.huffman",
):
    logging.getLogger(_name).addFilter(_REDACT)

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
