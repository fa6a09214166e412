"""What the x-ratelimit headers say over several answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.schema.server.exchange import Answer

_NAMES: Final = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
_ENOUGH: Final = 6  # answers in which a rest that counts something has gone down
_ROUNDING: Final = 1.0
_LONG: Final = 3.0


@dataclass
class _Window:
    started: float
    ends: float
    reset: int
    first: int
    left: int
    answers: int = 1
    is_told: bool = False


@dataclass
class Rates:
    """The windows of a run, by operation, key and limit."""

    windows: dict[tuple[str, str, int], _Window] = field(default_factory=dict)

    def read(self, answer: Answer, operation: str, owner: str, now: float) -> Iterator[str]:
        """Take in a success, and give a sentence for each breach.

        Args:
            answer: The answer.
            operation: What was called.
            owner: The key that went with it.
            now: Seconds of a clock that never goes back.
        """
        texts = [answer.header(name) or "" for name in _NAMES]
        if not all(text.isdecimal() for text in texts):
            return
        limit, left, reset = map(int, texts)
        key = operation, owner, limit
        window = self.windows.get(key)
        if window is None or now >= window.ends:
            # Until the reset that the first answer of a window names, nothing is given back.
            self.windows[key] = _Window(now, now + reset - _ROUNDING, reset, left, left)
            return
        window.answers += 1
        if left > window.left:
            yield f"x-ratelimit-remaining went up from {window.left} to {left} within one window"
        elif window.left == 0:
            yield "a request succeeds though x-ratelimit-remaining was 0"
        elif left == window.first and window.answers >= _ENOUGH and not window.is_told:
            window.is_told = True
            yield f"x-ratelimit-remaining is still {left} after {window.answers} answers"
        if reset > window.reset + _ROUNDING:
            yield f"x-ratelimit-reset went up from {window.reset} to {reset} within one window"
        elif reset == window.reset and now - window.started > _LONG and left < window.first:
            yield f"x-ratelimit-reset is still {reset} after {now - window.started:.0f} s"
        window.left = left
