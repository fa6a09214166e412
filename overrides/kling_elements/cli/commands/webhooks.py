"""Listen for webhooks: verify each delivery, and print a line for it.

The secret is read from KLING_ELEMENTS_WEBHOOK_SECRET (several: separated by commas) or from
files. There is no option for the secret itself, because it would stand in the shell's history. It
needs no API key, and costs nothing. Ctrl-C ends it. With --json, each line is an object, with the
addresses of the video.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kling_elements.cli.exit_codes import CommandError, UsageError
from kling_elements.cli.parser import seconds
from kling_elements.webhooks.receiver import HOST, PORT
from kling_elements.webhooks.verification import TOLERANCE

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.cli.context import Context

_ENCODINGS = ("utf-8", "base64", "hex")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("action", choices=("listen",), metavar="listen", help="serve until Ctrl-C")
    parser.add_argument("--host", default=HOST, help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", default=str(PORT), metavar="N", help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--secret-file",
        action="append",
        default=[],
        metavar="FILE",
        help="holds the webhook's secret; may be repeated while one replaces another",
    )
    parser.add_argument(
        "--encoding",
        choices=_ENCODINGS,
        default=_ENCODINGS[0],
        help="what the secret's text is (default: %(default)s)",
    )
    parser.add_argument(
        "--tolerance",
        type=seconds,
        default=TOLERANCE,
        metavar="SECONDS",
        help="how far a delivery's time may be from this machine's (default: %(default)g)",
    )


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    # `--help` need not pay for these.
    from kling_elements.cli.webhook_output import listen, read_secrets  # noqa: PLC0415
    from kling_elements.errors import ValidationError  # noqa: PLC0415

    port = _port(args.port)
    try:
        return listen(
            read_secrets(args.secret_file, os.environ),
            args.host,
            port,
            encoding=args.encoding,
            tolerance=args.tolerance,
            as_json=session.is_json,
            result=session.console.result,
            note=session.console.note,
        )
    except ValidationError as error:
        raise CommandError("; ".join(error.problems)) from None


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535:  # noqa: PLR2004 - what TCP has
        return int(text)
    raise UsageError(f"a port is 0 to 65535: got {text!r}")
