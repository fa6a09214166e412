"""The pauses of one wait that the receiver may wake: a fake clock goes on, and meanwhile post comes.

Where the model says that a letter is news of the wait's task, the wait really sleeps and is woken from
another thread; so a wait that sleeps on is seen. Otherwise nobody sleeps, and the clock is put forward.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contract_tests.faults.letter import Passage
    from contract_tests.faults.post import Errand, Post
    from kling_elements import Task

WOKEN: Final = "pause of a wait: woken"
SLEPT_OUT: Final = "pause of a wait: slept out"
_NIGHT: Final = 10.0  # real seconds, after half of which a wait that is not woken is found out


@frozen
class Visit:
    """What the post does during one pause.

    Attributes:
        share: The share of the pause after which it comes.
        letters: Places in the bag, and how the letter there travels.
    """

    share: float
    letters: tuple[tuple[int, Passage], ...]


@define
class Nap:
    """The pauses of one wait.

    Attributes:
        task_id: Its task, if the caller knows it before.
        visits: What happens in its pauses, again and again.
        take_out: Takes a letter out of the post's bag.
        run: Has it carried.
        let_pass: Has so many seconds pass.
        count: Counts how a pause ended.
        find: Told of what must never happen.
    """

    post: Post
    task_id: str | None
    visits: Sequence[Visit]
    take_out: Callable[[int, Passage], Errand | None]
    run: Callable[[Errand], None]
    let_pass: Callable[[float], None]
    count: Callable[[str], None]
    find: Callable[[str], None]
    _seen: int = field(default=0, init=False)
    _pauses: int = field(default=0, init=False)

    def options(self, *, is_async: bool) -> dict[str, Any]:
        """The options of `wait` and `generate`: the receiver's own, within this."""
        receiver = self.post.receiver
        given: Any = receiver.async_wakeable if is_async else receiver.wakeable
        options = given(self.task_id, on_update=self._learn)
        sleep = options["sleep"]

        def pause(seconds: float) -> None:
            with self._pause(seconds) as longest:
                sleep(longest)

        async def pause_async(seconds: float) -> None:
            with self._pause(seconds) as longest:
                await sleep(longest)

        return {**options, "sleep": pause_async if is_async else pause}

    def _learn(self, task: Task) -> None:
        self.task_id = task.id

    @contextmanager
    def _pause(self, seconds: float) -> Iterator[float]:
        """Around the receiver's own sleep, which may take so many real seconds."""
        visit = self.visits[self._pauses % len(self.visits)]
        self._pauses += 1
        self.let_pass(seconds * visit.share)
        errands = [errand for letter in visit.letters if (errand := self.take_out(*letter))]
        if any(errand.letter.task_id == self.task_id and self.post.will_tell(errand) for errand in errands):
            awake = threading.Event()
            postman = threading.Thread(target=self._wake, args=(errands, awake), name="fault-postman")
            postman.start()
            yield _NIGHT
            awake.set()
            postman.join()
        else:
            self._run(errands)
            yield 0.0
        changes = self.post.receiver.hub.changes(self.task_id)
        if changes == self._seen:
            self.let_pass(seconds * (1 - visit.share))
        self.count(SLEPT_OUT if changes == self._seen else WOKEN)
        self._seen = changes

    def _run(self, errands: Sequence[Errand]) -> None:
        for errand in errands:
            self.run(errand)

    def _wake(self, errands: Sequence[Errand], awake: threading.Event) -> None:
        self._run(errands)
        if not awake.wait(_NIGHT / 2):
            self.find(f"the wait for task {self.task_id} slept on, and a webhook had come")
