"""The client that a command's options ask for, and its key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kling_elements.api.auth import ApiKey
from kling_elements.cli.exit_codes import CommandError
from kling_elements.cli.secret_files import read_secret
from kling_elements.client import KlingElements
from kling_elements.errors import ValidationError
from kling_elements.settings import API_KEY_VARIABLES

if TYPE_CHECKING:
    from kling_elements.cli.context import Context
    from kling_elements.operations.events import Event
    from kling_elements.policy.rate_limits import Limits


def open_client(context: Context, *, limits: Limits | None = None, is_batch: bool = False) -> KlingElements:
    """Make the client. It has connections of its own, so that the library's guarantees hold.

    The run is informed before each create, but those of a batch, which handles signals itself.

    Raises:
        CommandError: If there is no key.
        ValidationError: If an option can't be used.
    """
    key, _ = find_key(context)

    def on_event(event: Event) -> None:
        if event.name == "request.started" and event.fields["operation"] == "create":
            context.begin_create()

    return KlingElements(
        key.reveal(),
        context.args.base_url,
        context.args.auth_header,
        timeout=context.args.request_timeout,
        limits=limits,
        on_event=None if is_batch else on_event,
    )


def find_key(context: Context) -> tuple[ApiKey, str]:
    """Return the API key, and where it comes from.

    Raises:
        CommandError: If there is none.
    """
    if context.key is not None:
        return context.key  # stdin can be read once
    if (file := context.args.api_key_file) is not None:
        try:
            key, source = read_secret(file), f"the file {file}"
        except ValidationError as error:
            raise CommandError(f"--api-key-file {file} {error.problems[0]}. Nothing was sent") from None
    else:
        source = next((name for name in API_KEY_VARIABLES if os.environ.get(name, "").strip()), "")
        key = os.environ.get(source, "").strip()
    if not key:
        raise CommandError(
            f"no API key: set {', '.join(API_KEY_VARIABLES[:-1])} or {API_KEY_VARIABLES[-1]}, "
            "or use --api-key-file. Nothing was sent"
        )
    context.key = ApiKey(key), source
    context.keys.append(context.key[0])
    return context.key
