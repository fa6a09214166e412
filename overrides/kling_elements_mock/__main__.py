"""The command line of the mock: `python -m kling_elements_mock`, or `kling-elements mock`."""

from __future__ import annotations

import argparse
import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kling_elements_mock.document.node import DocumentError
from kling_elements_mock.http.app import create_app
from kling_elements_mock.http.server import Server, bind, url_of
from kling_elements_mock.settings import REFUSED_KEY_PREFIX, MockSettings
from kling_elements_mock.tasks.life_cycle import INSTANT, Polls, Seconds
from kling_elements_mock.tasks.limits import VENDOR_CONCURRENCY, VENDOR_RATE_LIMITS, RateLimit
from kling_elements_mock.tasks.scenarios import CATALOGUE, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULTS = MockSettings()
_Value = TypeVar("_Value")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the mock's arguments."""
    parser = argparse.ArgumentParser(
        prog="kling-elements mock",
        description="Serve a stand-in for the API. Nothing leaves this machine or costs money.",
        epilog="scenarios: " + ", ".join(scenario.name for scenario in CATALOGUE),
    )
    parser.add_argument(
        "--host", type=_argument(_host), default="127.0.0.1", help="where to listen (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=_argument(_port), default=8080, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--seed",
        default=_DEFAULTS.seed,
        help="task ids and result tokens are derived from it (default: %(default)s)",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--seconds",
        type=_argument(lambda text: Seconds(float(text))),
        dest="pace",
        metavar="S",
        help="a task takes S seconds (default: 8)",
    )
    pace.add_argument(
        "--polls",
        type=_argument(lambda text: Polls(int(text))),
        dest="pace",
        metavar="N",
        help="a task ends at the Nth status request",
    )
    pace.add_argument(
        "--instant",
        action="store_const",
        const=INSTANT,
        dest="pace",
        help="a task ends at the first status request",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        help=f"a key to accept; may be repeated (default: any but those that begin '{REFUSED_KEY_PREFIX}')",
    )
    parser.add_argument(
        "--webhook-secret", default=_DEFAULTS.webhook_secret, help="signs webhooks (default: %(default)s)"
    )
    parser.add_argument(
        "--rate-limit",
        action="append",
        type=_argument(_rate_limit),
        metavar="N/S",
        help="at most N requests in S seconds; may be repeated; 'vendor' stands for 250/5 and 1200/120",
    )
    parser.add_argument(
        "--concurrency",
        type=_argument(_positive),
        metavar="N",
        help=f"at most N unfinished tasks a key (the vendor's limit: {VENDOR_CONCURRENCY})",
    )
    parser.add_argument(
        "--daily-quota", type=_argument(_positive), metavar="N", help="at most N tasks a key and day"
    )
    parser.add_argument(
        "--scenario", default="", help="acts on every request without a scenario header of its own"
    )
    parser.add_argument(
        "--document",
        type=Path,
        metavar="FILE",
        help="the OpenAPI document to serve (default: the shipped one)",
    )
    return parser


def _argument(read: Callable[[str], _Value]) -> Callable[[str], _Value]:
    """Return a reader of an argument whose ValueError argparse shows as it is."""

    def convert(text: str) -> _Value:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _host(text: str) -> str:
    if not text:  # of a variable that was not set, say: it would be every address of this machine
        raise ValueError("an address is needed: got ''")
    return text


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 - what TCP has
        raise ValueError(f"a port is 0 to 65535: got {port}")
    return port


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"expected a number of 1 or more: got {text!r}")
    return int(text)


def _rate_limit(text: str) -> tuple[RateLimit, ...]:
    if text == "vendor":
        return VENDOR_RATE_LIMITS
    try:
        requests, _, seconds = text.partition("/")
        return (RateLimit(int(requests), float(seconds or "1")),)
    except ValueError:
        raise ValueError(f"write it as requests/seconds, e.g. 50/1: got {text!r}") from None


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted; return 0 after Ctrl-C or SIGTERM, 2 for a bad argument or a port in use."""
    try:
        given = parser().parse_args(argv)
    except SystemExit as leaving:  # --help, or a bad argument: argparse has printed it
        return leaving.code if isinstance(leaving.code, int) else 2
    settings = MockSettings(
        pace=given.pace or _DEFAULTS.pace,
        seed=given.seed,
        keys=tuple(given.key),
        scenario=given.scenario,
        webhook_secret=given.webhook_secret,
        rate_limits=tuple(limit for group in given.rate_limit or () for limit in group),
        concurrency=given.concurrency,
        daily_quota=given.daily_quota,
        document=given.document,
    )
    try:
        app = create_app(settings)
    except (DocumentError, ScenarioError) as error:
        return _refuse(str(error))
    try:
        plug = bind(given.host, given.port)
    except (OSError, ValueError, TypeError) as error:  # the last two: a name that can't be encoded
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        hint = ". --port 0 takes a free one" if is_taken else ""
        reason = error.strerror if isinstance(error, OSError) else error
        return _refuse(f"can't listen on {given.host}:{given.port}: {reason}{hint}")
    line = f"kling-elements mock serving {url_of(plug, given.host)}"
    try:
        Server(app, lambda: print(line, flush=True)).run([plug])  # noqa: T201 - the line that callers wait for
    except KeyboardInterrupt:
        pass
    finally:
        plug.close()
    return 0


def _refuse(message: str) -> int:
    print(f"kling-elements mock: {message}", file=sys.stderr)  # noqa: T201 - this is the command line
    return 2


if __name__ == "__main__":
    sys.exit(main())
