"""Wait for a rate limit to pass, or for tasks to end. Says what it waits for, and has a deadline."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Final

from attrs import define

from contract_tests.schema.server.exchange import Answer, seconds_until

# What a 429 says of a quota that no wait of this run outlasts; without it, it is about a rate.
_QUOTA: Final = re.compile(r"quota|usage limit|free trial|per day|a day|today|daily|upgrade", re.IGNORECASE)
_LONGEST_PAUSE: Final = 5.0
_QUIET_SECONDS: Final = 2.0


@define
class Patience:
    seconds: float
    say: Callable[[str], object] = str

    def pauses(self, what: Callable[[], str]) -> Iterator[None]:
        """Pause, longer each time, until patience ends."""
        started, said_at, pause = time.monotonic(), time.monotonic(), 0.02
        while (spent := time.monotonic() - started) < self.seconds:
            if spent > _QUIET_SECONDS and time.monotonic() - said_at > _LONGEST_PAUSE:
                said_at = time.monotonic()
                self.say(f"waiting for {what()}: {spent:.0f} of at most {self.seconds:.0f} s")
            time.sleep(min(pause, max(0.0, self.seconds - spent)))
            pause = min(_LONGEST_PAUSE, pause * 1.5)
            yield

    def sit_out(self, refused: Answer, attempt: int, spent: float, what: str) -> bool:
        """Wait until a request that got a 429 may be repeated; returns False if that is no use."""
        wanted = hint(refused)
        # A hint of whole seconds may be rounded down.
        seconds = min(_LONGEST_PAUSE, 0.5 * 2.0**attempt) if wanted is None else max(wanted, 0.25)
        if _QUOTA.search(refused.text) or spent + seconds > self.seconds:
            return False
        if seconds >= _QUIET_SECONDS:
            self.say(f"waiting {seconds:.0f} s: {what}")
        time.sleep(seconds)
        return True


def hint(answer: Answer) -> float | None:
    """Return after how many seconds a 429 says to come back: Retry-After, else x-ratelimit-reset."""
    text = answer.header("retry-after") or answer.header("x-ratelimit-reset")
    try:
        return None if text is None else max(0.0, seconds_until(text))
    except ValueError:
        return None
