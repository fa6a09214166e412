"""`doctor --contract`: the live service compared with the document, without creating a task."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kling_elements.cli.connection import find_key
from kling_elements.cli.exit_codes import CommandError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from kling_elements.canary import Deviation, Probe
    from kling_elements.cli.context import Context


def compare_with_service(args: Namespace, session: Context) -> Iterator[tuple[Probe | None, list[Deviation]]]:
    """Ask the service what can be asked without creating a task.

    Args:
        args: The options.
        session: This run.

    Yields:
        Each probe with its deviations; None with what could not be asked.

    Raises:
        ValidationError: If an option can't be used.
    """
    from kling_elements.api.endpoints import MODELS  # noqa: PLC0415
    from kling_elements.canary import Deviation, examine, plan  # noqa: PLC0415 - `--help` need not pay for it
    from kling_elements.document import load_document  # noqa: PLC0415 - as above
    from kling_elements.settings import resolve_settings  # noqa: PLC0415 - as above

    document = load_document()
    probes, skipped = plan(document, MODELS)
    key: str | None = None
    try:
        key, _ = find_key(args, session)
    except CommandError:
        skipped.append("what needs a key was not asked, for want of one")
    settings = resolve_settings(
        api_key=key or "none",
        base_url=args.base_url,
        auth_header=args.auth_header,
        timeout=args.request_timeout,
        environ=os.environ,
    )
    yield from ((None, [Deviation(reason, is_grave=False)]) for reason in skipped)
    yield from examine(document, probes, settings, has_key=key is not None)
