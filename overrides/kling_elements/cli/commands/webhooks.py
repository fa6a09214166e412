"""Listen for webhooks: verify each delivery, and print a line for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kling_elements.cli.exit_codes import CommandError, UsageError
from kling_elements.cli.webhook_output import listen, read_secrets
from kling_elements.errors import ValidationError

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context

_MAX_PORT = 65_535
_PORT_DIGITS = 5


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    port = _port(args.port)
    try:
        secrets = read_secrets(args.secret_file, os.environ)
        return listen(secrets, args.host, port, encoding=args.encoding, context=context)
    except ValidationError as error:
        raise CommandError("; ".join(error.problems)) from None


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS and int(text) <= _MAX_PORT:
        return int(text)
    raise UsageError(f"a port is 0 to {_MAX_PORT}: got {text!r}")
