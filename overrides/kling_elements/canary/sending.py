"""Sends the canary's probes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import evolve

from kling_elements.api.auth import ApiKey
from kling_elements.api.httpx_adapter import KeyAuth
from kling_elements.api.io import run_sync
from kling_elements.api.transports import SyncTransport
from kling_elements.canary.gate import refuse_if_unsafe
from kling_elements.canary.judgement import judge
from kling_elements.canary.probes import WRONG_KEY, Key

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import httpx

    from kling_elements.api.auth import Settings
    from kling_elements.canary.judgement import Deviation
    from kling_elements.canary.probes import Probe
    from kling_elements.document import Document


class _NoKey(KeyAuth):
    """Sends no key."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add nothing; called by httpx."""
        yield request


class _KeylessShell(SyncTransport):
    """Sends requests to the service without a key."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, sleep=time.sleep)
        self._auth = _NoKey(settings)


def examine(
    document: Document, probes: Sequence[Probe], settings: Settings, *, has_key: bool = True
) -> Iterator[tuple[Probe, list[Deviation]]]:
    """Ask and judge, one probe after the other. No redirect is followed, and nothing is asked twice.

    Args:
        document: What the service is compared with.
        probes: What to ask.
        settings: The service, and the key for the probes that need it.
        has_key: Whether there is a key; else the probes that need it are left out.

    Yields:
        Each probe with its deviations.

    Raises:
        UnsafeProbeError: If a probe could create a task; it is not sent.
    """
    shells = {
        Key.NONE: _KeylessShell(settings),
        Key.WRONG: SyncTransport(evolve(settings, key=ApiKey(WRONG_KEY)), sleep=time.sleep),
    }
    if has_key:
        shells[Key.OWN] = SyncTransport(settings, sleep=time.sleep)
    try:
        for probe in probes:
            if probe.key not in shells:
                continue
            refuse_if_unsafe(document, probe)
            outcome = run_sync(shells[probe.key].send(probe.request, settings.timeout))
            yield probe, judge(document, probe, outcome)
    finally:
        for shell in shells.values():
            shell.close()
