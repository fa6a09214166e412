"""A task of one command in the journal: where its video goes, and that this process is at it.

So `kling-elements resume` leaves it alone while this command works, and finishes it when this one doesn't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from kling_elements import KlingElements, Look, Task
    from kling_elements.batch.resume import Claim
    from kling_elements.cli.context import Context
    from kling_elements.options import WaitOptions


class TaskClaim:
    """Holds the task of a command, as long as the command is at it.

    Args:
        client: Whose journal it is.
        session: This run, which knows the file.
        fetches: Whether the video is to be fetched.
    """

    def __init__(self, client: KlingElements, session: Context, *, fetches: bool = True) -> None:
        self._client = client
        self._session = session
        self._fetches = fetches
        self._claim: Claim | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._claim is not None:
            self._claim.release()

    def around(self, waiting: WaitOptions) -> WaitOptions:
        """The options of a wait, with its listeners told after the journal."""
        on_update, on_look = waiting.get("on_update"), waiting.get("on_look")

        def see(task: Task) -> object:
            self.take(task.id)
            return on_update(task) if on_update else None

        def look(look: Look) -> object:
            if self._claim is not None:
                self._claim.at_look(look)
            return on_look(look) if on_look else None

        return {**waiting, "on_update": see, "on_look": look}

    def take(self, task_id: str) -> None:
        """Note that this process is at a task, and where its video goes if that isn't noted yet.

        A task that the journal does not have, or that another process is at, is worked on all the same.
        """
        if self._claim is not None:
            return
        from kling_elements.batch.resume import Claim  # noqa: PLC0415

        journal, origin = self._client.journal, self._client.journal_owner.origin
        entry = journal.find(task_id, origin)
        if entry is None:
            return
        claim = Claim(journal, entry.entry_id)
        if not claim.take():
            self._session.console.note("another process is at this task too")
            return
        self._claim = claim
        if self._fetches and entry.target is None:
            journal.set_target(task_id, self._session.target(task_id), origin)

    def fetching(self) -> None:
        """The video is about to be fetched, for which there are no more looks."""
        if self._claim is not None:
            self._claim.at_fetch()
