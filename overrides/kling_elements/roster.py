"""Which tasks are being worked on, so that whoever leaves the work can tell which of them run on."""

from __future__ import annotations

from attrs import define, field, frozen


@frozen
class Running:
    """A task that runs on when the work on it is left.

    Attributes:
        name: What it is called where the work comes from: a job's key, say.
        task_id: The task.
    """

    name: str
    task_id: str


@define
class Roster:
    """Which tasks are being worked on."""

    _running: dict[str, Running] = field(factory=dict)

    def saw(self, name: str, task_id: str) -> None:
        """A task exists."""
        self._running[name] = Running(name, task_id)

    def ended(self, name: str) -> None:
        """Nothing is left to do for it."""
        self._running.pop(name, None)

    def running(self) -> tuple[Running, ...]:
        """Those that were not seen to end."""
        return tuple(self._running.copy().values())  # a copy: other threads work on it
