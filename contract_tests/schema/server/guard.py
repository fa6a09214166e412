"""Keeps a run from making tasks that cost money: what may be sent at all, and how many creates."""

import json
from contextlib import suppress
from functools import cache
from typing import Final, Literal

from attrs import define

from contract_tests.schema.server import leaks
from contract_tests.schema.server.exchange import Answer, Sent
from contract_tests.schema.server.operations import find, operations, properties

Profile = Literal["free", "full"]
_HARMLESS_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# A refusal says that nothing was made. 408 does not say it for certain; a 5xx says nothing.
_REFUSALS: Final = frozenset(range(400, 500)) - {408}


class NotSentError(Exception):
    """The guard keeps a request back; the message says why."""


def may_create(sent: Sent, keys: tuple[str, ...]) -> bool:
    """Tell whether some server could make a task of this request, even a lenient one.

    It can't without a good key where one is needed, nor by a harmless method. Where a body is needed, nor can
    it from one that is no JSON object and has none of the names of the document's parameters in it.
    """
    if sent.method.upper() in _HARMLESS_METHODS:
        return False
    operation = find(sent.method.upper(), sent.path)
    is_open = operation is not None and not operation.security
    # Whoever takes a near miss of a key makes a task, too.
    whole = f"{' '.join(value for _, value in sent.headers)} {sent.target} {sent.text}"
    if not is_open and not any(leaks.shown(whole, keys)):
        return False
    if operation is not None and not operation.needs_body:
        return True
    with suppress(ValueError, RecursionError):
        if isinstance(json.loads(sent.body.decode("utf-8")), dict):
            return True
    return any(name in sent.text.lower() for name in _parameters())


@cache
def _parameters() -> frozenset[str]:
    return frozenset(name.lower() for op in operations() for name in properties(op.body_schema))


@define
class Guard:
    """Lets pass, with the profile `free`, only what can't make a task; with `full`, creates up to the cap."""

    profile: Profile
    keys: tuple[str, ...]
    cap: int | None = None
    spent: int = 0

    @property
    def may_spend(self) -> bool:
        return self.profile == "full" and (self.cap is None or self.spent < self.cap)

    def admit(self, sent: Sent) -> bool:
        """Let a request pass, or raise NotSentError. If it took from the cap, `settle` wants the answer."""
        if not may_create(sent, self.keys):
            return False
        if not self.may_spend:
            free = "this could make a task, which costs money. To send it: PROFILE=full CAP=20"
            full = f"the cap of {self.cap} tasks is reached. To check more, raise CAP"
            raise NotSentError(f"PROFILE={self.profile}: {free if self.profile == 'free' else full}")
        # Taken before it is sent: whatever happens afterwards, the cap holds.
        self.spent += 1
        return True

    def settle(self, answer: Answer) -> None:
        """Give a task back to the cap if the answer is a refusal."""
        self.spent -= answer.status in _REFUSALS
