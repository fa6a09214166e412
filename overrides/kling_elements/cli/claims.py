"""A command's task in the journal: where its video goes, and that this process has claimed it.

So `kling-elements resume` leaves it alone while this command works, and finishes it when this one doesn't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.batch.resume import Claim

if TYPE_CHECKING:
    from typing import Self

    from kling_elements import KlingElements, Look, Task
    from kling_elements.cli.context import Context
    from kling_elements.options import WaitOptions


class TaskClaim:
    """Claims a command's task while it is entered.

    Args:
        client: Whose journal it is.
        context: This run, which knows the file.
        fetches: Whether the video is to be fetched.
    """

    def __init__(self, client: KlingElements, context: Context, *, fetches: bool = True) -> None:
        self._client = client
        self._context = context
        self._fetches = fetches
        self._claim: Claim | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._claim is not None:
            self._claim.release()

    def prolonged_by(self, waiting: WaitOptions) -> WaitOptions:
        """Return the options of a wait that takes the claim, and prolongs it with every poll."""
        on_update, on_look = waiting.get("on_update"), waiting.get("on_look")

        def update(task: Task) -> object:
            self.take(task.id)
            return on_update(task) if on_update else None

        def look(look: Look) -> object:
            if self._claim is not None:
                self._claim.at_look(look)
            return on_look(look) if on_look else None

        return {**waiting, "on_update": update, "on_look": look}

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
            self._context.console.note("another process has claimed this task too")
            return
        self._claim = claim
        if self._fetches and entry.target is None:
            journal.set_target(task_id, self._context.target(task_id), origin)

    def begin_fetch(self) -> None:
        """Prolong the claim for as long as fetching the video may take, as no polls do it then."""
        if self._claim is not None:
            self._claim.at_fetch()
