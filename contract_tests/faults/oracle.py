"""Judges a run, purely: the mock's own list of tasks against what calls and the journal have claimed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from attrs import define, field, frozen

from kling_elements import Task


class Kind(StrEnum):
    """What must never happen."""

    BILLED_TWICE = "tasks billed twice"
    LOST = "tasks lost"
    WRONG = "wrong results"
    UNEXPECTED = "unexpected exceptions"


@frozen
class Finding:
    kind: Kind
    text: str


@define
class Ask:
    """One logical create: one call, or all the calls for one job of a batch, over restarts."""

    tag: str  # the prompt that it was sent with; no other has it
    digest: str  # of its request, as the journal keeps it
    job: str | None = None
    told: set[str] = field(factory=set)  # the ids that the caller was given: returned, or in an error


@frozen
class Made:
    """A task that the server made, as the server shows it; `tag` is its prompt."""

    task_id: str
    tag: str
    status: str
    urls: tuple[str, ...]


@frozen
class Books:
    """What the journal, and the comparison with the service's list, tell at the end."""

    recorded: frozenset[str]  # ids of tasks in the journal
    doubtful: frozenset[str]  # digests of creates of which the journal knows that they may have made a task
    unrecorded: frozenset[str]  # ids that `find_unrecorded` shows


@define
class Tally:
    """The table: creates asked, tasks made, faults by name, what calls came to, and what was found."""

    asked: int = 0
    made: int = 0
    injected: Counter[str] = field(factory=Counter)
    outcomes: Counter[str] = field(factory=Counter)
    findings: list[Finding] = field(factory=list)

    @property
    def faults(self) -> int:
        return self.injected.total()


def judge(asks: Iterable[Ask], made: Iterable[Made], books: Books) -> list[Finding]:
    """Tasks billed twice, and tasks lost."""
    by_tag = {ask.tag: ask for ask in asks}
    tasks: dict[str, list[str]] = {}
    findings: list[Finding] = []
    for task in made:
        tasks.setdefault(task.tag, []).append(task.task_id)
        ask = by_tag.get(task.tag)
        if ask is None:
            findings.append(Finding(Kind.WRONG, f"nobody asked for task {task.task_id} of {task.tag!r}"))
        elif not _is_kept(task.task_id, ask, books):
            lost = f"task {task.task_id} of {ask.tag}: neither told, nor journalled, nor found"
            findings.append(Finding(Kind.LOST, lost))
    twice = [f"{tag} has {len(ids)} tasks: {', '.join(ids)}" for tag, ids in tasks.items() if len(ids) > 1]
    return findings + [Finding(Kind.BILLED_TWICE, text) for text in twice]


def _is_kept(task_id: str, ask: Ask, books: Books) -> bool:
    is_findable = ask.digest in books.doubtful and task_id in books.unrecorded
    return task_id in ask.told or task_id in books.recorded or is_findable


def wrong_task(task: Task, made: Mapping[str, Made], *, tag: str = "", task_id: str = "") -> str | None:
    """Why a returned task is not the one of this prompt or id, or not as the server has it; None if it is."""
    truth = made.get(task.id)
    if truth is None:
        return f"a task {task.id!r} was returned, which the server does not have"
    if tag and truth.tag != tag:
        return f"task {task.id} was returned for {tag}, and is {truth.tag}'s"
    if task_id and task.id != task_id:
        return f"task {task.id} was returned, and {task_id} was asked for"
    if task.is_terminal and task.status != truth.status:
        return f"task {task.id} was returned as {task.status}, and is {truth.status}"
    if task.urls and task.urls != truth.urls:
        return f"task {task.id} was returned with another result than its own"
    return None
