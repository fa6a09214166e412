"""A task of one command in the journal: where its video goes, and that this process is at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from kling_elements import KlingElements, Look, Task
    from kling_elements.command_line.session import Session
    from kling_elements.options import WaitOptions
    from kling_elements.resuming import Claim


class Keeping:
    """Notes the task of a command, so that `kling-elements resume` can finish it when this one doesn't.

    Args:
        client: Whose journal it is.
        session: This run, which knows the file.
    """

    def __init__(self, client: KlingElements, session: Session) -> None:
        self._client = client
        self._session = session
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
            self._see(task)
            return on_update(task) if on_update else None

        def look(look: Look) -> object:
            if self._claim is not None:
                self._claim.at_look(look)
            return on_look(look) if on_look else None

        return {**waiting, "on_update": see, "on_look": look}

    def _see(self, task: Task) -> None:
        if self._claim is not None:
            return
        from kling_elements.resuming import Claim  # noqa: PLC0415 - `--help` need not pay for it

        journal, origin = self._client.journal, self._client.journal_owner.origin
        entry = journal.set_target(task.id, self._session.target(task.id), origin)
        if entry is not None:
            self._claim = Claim(journal, entry.entry_id)
            self._claim.take()
