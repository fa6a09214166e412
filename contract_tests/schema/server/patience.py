"""Wait for a rate limit to pass, or for tasks to end. Says what it waits for, and has a deadline."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.schema.server.exchange import Answer

_QUOTA: Final = re.compile(r"quota|usage limit|free trial|per day|a day|today|daily|upgrade", re.IGNORECASE)
_LONGEST_PAUSE: Final = 5.0
_QUIET_SECONDS: Final = 2.0


@define
class Patience:
    """How long a run waits."""

    seconds: float
    say: Callable[[str], object] = str
    waited: float = 0.0
    refusals: int = 0
    _said_at: float = 0.0

    def pause(self, answer: Answer, attempt: int, spent: float) -> float | None:
        """Return the seconds to wait after a 429 before the request is repeated; None: it is no use."""
        self.refusals += 1
        if is_quota(answer):
            return None
        wanted = hint(answer)
        # A hint of whole seconds may be rounded down.
        seconds = min(_LONGEST_PAUSE, 0.5 * 2.0**attempt) if wanted is None else max(wanted, 0.25)
        return seconds if spent + seconds <= self.seconds else None

    def sleep(self, seconds: float, what: str) -> None:
        """Sleep, and say what for if it is long."""
        now = time.monotonic()
        if seconds >= _QUIET_SECONDS and now - self._said_at >= _QUIET_SECONDS:
            self._said_at = now
            self.say(f"waiting {seconds:.0f} s: {what}")
        time.sleep(seconds)

    def rounds(self, what: Callable[[], str]) -> Callable[[], bool]:
        """Return a function that pauses, longer each time, and says False once patience ends."""
        started, pause = time.monotonic(), 0.02

        def again() -> bool:
            nonlocal pause
            spent = time.monotonic() - started
            if spent >= self.seconds:
                return False
            if spent > _QUIET_SECONDS and time.monotonic() - self._said_at > _LONGEST_PAUSE:
                self._said_at = time.monotonic()
                self.say(f"waiting for {what()}: {spent:.0f} of at most {self.seconds:.0f} s")
            time.sleep(min(pause, max(0.0, self.seconds - spent)))
            pause = min(_LONGEST_PAUSE, pause * 1.5)
            return True

        return again


def is_quota(answer: Answer) -> bool:
    """Tell whether a 429 is about a quota that no wait of this run outlasts, not about a rate."""
    return _QUOTA.search(answer.text) is not None


def hint(answer: Answer) -> float | None:
    """Return after how many seconds a 429 says to come back: Retry-After, else x-ratelimit-reset."""
    text = answer.header("retry-after")
    if text is not None and not text.isdecimal():
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except ValueError:
            return None
    text = text or answer.header("x-ratelimit-reset")
    return float(text) if text is not None and text.isdecimal() else None
