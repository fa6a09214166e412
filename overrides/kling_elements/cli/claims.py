"""A command's task in the journal: where its video goes, and that this process has claimed it.

So `kling-elements resume` leaves it alone while this command works, and finishes it when this one doesn't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.batch.resume import Claim

if TYPE_CHECKING:
    from typing import Self

    from kling_elements import KlingElements, Look
    from kling_elements.cli.context import Context


class TaskClaim:
    """Claims a command's task while it is entered."""

    def __init__(self, client: KlingElements, context: Context, *, fetches: bool = True) -> None:
        self._client = client
        self._context = context
        self._fetches = fetches
        self._claim: Claim | None = None
        self._is_shared = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._claim is not None:
            self._claim.release()

    def take(self, task_id: str) -> None:
        """Claim a task, and note where its video goes if that isn't noted yet.

        A task that the journal does not have, or that another process has claimed, is worked on all the same.
        """
        if self._claim is not None:
            return
        journal, origin = self._client.journal, self._client.journal_owner.origin
        entry = journal.find(task_id, origin)
        if entry is None:
            return
        claim = Claim(journal, entry.entry_id)
        if not claim.take():
            if not self._is_shared:
                self._context.console.note("another process has claimed this task too")
            self._is_shared = True
            return
        self._claim = claim
        if self._fetches and entry.target is None:
            journal.set_target(task_id, self._context.target(task_id), origin)

    def prolong(self, look: Look) -> None:
        """Prolong the claim at a poll."""
        if self._claim is not None:
            self._claim.at_look(look)

    def begin_fetch(self) -> None:
        """Prolong the claim for as long as fetching the video may take, as no polls do it then."""
        if self._claim is not None:
            self._claim.at_fetch()
