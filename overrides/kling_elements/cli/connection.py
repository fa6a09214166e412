"""The client of a command: its key, and where it connects."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kling_elements.cli.exit_codes import CommandError
from kling_elements.settings import API_KEY_VARIABLES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    import httpx

    from kling_elements import KlingElements
    from kling_elements.cli.context import Context
    from kling_elements.policy.rate_limits import Limits


def find_key(args: Namespace, session: Context) -> tuple[str, str]:
    """The API key, and where it comes from.

    Raises:
        CommandError: If there is none.
    """
    if session.key is not None:
        return session.key  # stdin can be read once
    if args.api_key_file is not None:
        key, source = _read_key(args.api_key_file), f"the file {args.api_key_file}"
    else:
        source = next((name for name in API_KEY_VARIABLES if os.environ.get(name, "").strip()), "")
        key = os.environ.get(source, "").strip()
    if not key:
        raise CommandError(
            f"no API key: set {', '.join(API_KEY_VARIABLES[:-1])} or {API_KEY_VARIABLES[-1]}, "
            "or use --api-key-file. Nothing was sent"
        )
    session.keys.add(key)
    session.key = key, source
    return session.key


@contextmanager
def open_client(
    args: Namespace,
    session: Context,
    on_response: Callable[[httpx.Response], None] | None = None,
    *,
    on_create: Callable[[], object] | None = None,
    limits: Limits | None = None,
) -> Iterator[KlingElements]:
    """The client that a command's options ask for.

    Args:
        args: The options.
        session: This run; told when a create is about to be sent.
        on_response: Called with every answer, before its body is read.
        on_create: Called when a create is about to be sent, in place of telling the session.
        limits: Other limits than the vendor's.

    Raises:
        CommandError: If there is no key, or the environment's proxies or certificates can't be used.
        ValidationError: If an option can't be used.
    """
    key, _ = find_key(args, session)
    import httpx  # noqa: PLC0415 - commands that don't connect need not pay for it

    from kling_elements import KlingElements  # noqa: PLC0415 - as above

    def before_request(request: httpx.Request) -> None:
        session.contacted = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        if request.method == "POST" and _creates_a_task(request.url.path):
            (on_create or session.begin_create)()

    try:
        http = httpx.Client(
            event_hooks={"request": [before_request], "response": [on_response] if on_response else []}
        )
    except (OSError, ValueError, ImportError) as error:
        raise CommandError(
            "no connection can be set up; look at the environment's proxy and certificate variables "
            f"(HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE...): {error}. Nothing was sent"
        ) from None
    with (
        http,
        KlingElements(
            key,
            args.base_url,
            args.auth_header,
            timeout=args.request_timeout,
            http_client=http,
            limits=limits,
        ) as client,
    ):
        yield client


def _creates_a_task(path: str) -> bool:
    """Whether a POST to a path costs money, by the document's operations."""
    from kling_elements.document import load_document  # noqa: PLC0415 - as above

    return any(
        path.endswith(template) and item.get("post", {}).get("operationId", "").startswith("create")
        for template, item in load_document().content["paths"].items()
    )


def _read_key(name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"--api-key-file {name} is no text. Nothing was sent") from None
    except (OSError, ValueError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "it can't be read"
        raise CommandError(f"--api-key-file {name}: {reason}. Nothing was sent") from None
    if not text.strip():
        raise CommandError(f"--api-key-file {name} is empty. Nothing was sent")
    return text.strip()
