"""The last gate before a probe is sent: it lets none through that might create a task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kling_elements.canary.bodies import is_safe

if TYPE_CHECKING:
    from kling_elements.canary.probes import Probe
    from kling_elements.document import Document


class UnsafeProbeError(Exception):
    """A probe that might create a task. It was not sent."""


def refuse_if_unsafe(document: Document, probe: Probe) -> None:
    """The last gate before a probe is sent: look at the very bytes again.

    Raises:
        UnsafeProbeError: If it could create a task: a field of its body fits the schema, or a required one is
            not there.
    """
    if not probe.is_create:
        return
    try:
        body = json.loads(probe.request.content or b"")
    except ValueError:
        body = None  # some frameworks take what they can't read for an empty body, which may be valid
    if not isinstance(body, dict) or not is_safe(document, probe.request.method, probe.template, body):
        raise UnsafeProbeError(f"{probe.name}: the body might be taken as valid; it was not sent")
