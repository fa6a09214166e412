"""The life of some tasks, on any server: made at once, watched until they end, then held to rules.

Each rule takes the lives and gives a sentence, with the exchange, for each breach. What holds for single
answers and from one answer to the next is the work of `rules` and of the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, define

from contract_tests.schema.server import films, neighbour
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.operations import COMPLETED, TERMINAL, at, properties
from contract_tests.schema.server.verdicts import note, rule_of, stricter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_tests.schema.server.exchange import Exchange, Sent
    from contract_tests.schema.server.neighbour import Neighbour
    from contract_tests.schema.server.operations import LifeCycle
    from contract_tests.schema.server.target import Target

    Found = Iterator[tuple[str, Exchange | None]]

_LOOKS_AT_THE_END: Final = 3
_LATE_SECONDS: Final = 30.0  # a delivery may come after the status was seen
_AFTER_SECONDS: Final = 0.15  # what comes after the last delivery
_ROUGHLY_SECONDS: Final = 1.0
_DURATION: Final = "duration"


@define(eq=False)
class Life:
    """One task."""

    cycle: LifeCycle
    id: str
    body: dict[str, Any]
    made: Exchange
    keys: tuple[str, ...]
    hook: str = ""
    looks: list[Exchange] = Factory(list)
    words: list[str] = Factory(list)
    detail: dict[str, Any] = Factory(dict)
    deliveries: list[Sent] = Factory(list)
    results: list[Exchange] = Factory(list)

    @property
    def has_ended(self) -> bool:
        """Whether its last status is final."""
        return self.words[-1] in TERMINAL


def live(target: Target, cycle: LifeCycle, near: Neighbour | None) -> list[Life]:
    """Make three tasks, two of them alike, watch them until they end, and fetch their results."""
    lives: list[Life] = []
    listed(target, cycle)
    body = target.body(cycle.create)
    shortest, longest = _durations(cycle)
    for hook, more in (("one", shortest), ("", longest), ("two", shortest)):
        found = {**body, **more}
        if hook and near is not None and cycle.webhook_name is not None:
            found[cycle.webhook_name] = near.hook(hook := f"{hook}-{len(near.asked)}-{target.guard.spent}")
        else:
            hook = ""  # noqa: PLW2901 - there is no receiver
        try:
            made = target.request(cycle.create, body=found)
        except NotSentError:
            if not lives:
                raise
            break
        if not target.expect(
            made.answer.is_success, "a valid create is refused", made, rule_of(a_valid_create_is_taken)
        ):
            continue
        task = at(made.answer.json(), cycle.task_pointer)
        words = [str(task[cycle.word_name])]
        lives.append(Life(cycle, task[cycle.id_name], found, made, target.keys, hook, words=words))
        listed(target, cycle)
    watch(target, lives)
    listed(target, cycle)
    for life in lives:
        for _ in range(_LOOKS_AT_THE_END):
            look(target, life)
        for url in life.detail.get(cycle.result_name) or ():
            life.results.append(target.fetch("GET", str(url)))
        if life.hook and near is not None:
            collect(life, near, target.patience.seconds)
    return lives


def listed(target: Target, cycle: LifeCycle) -> None:
    """Read the list, and look at a task of it that this run has not made."""
    if cycle.listing is None:
        return
    exchange = target.call("GET", cycle.listing.url())
    if not exchange.answer.is_success:
        return
    rows = at(exchange.answer.json(), cycle.task_pointer)
    unknown = [row[cycle.id_name] for row in rows if row[cycle.id_name] not in target.ledger.tasks]
    for task_id in unknown[:1]:
        shown = target.call("GET", cycle.status_url(task_id))
        target.expect(
            shown.answer.is_success, "a listed task is not found", shown, rule_of(a_listed_task_is_found)
        )


def look(target: Target, life: Life) -> None:
    """Ask for a task's status."""
    exchange = target.call("GET", life.cycle.status_url(life.id))
    life.looks.append(exchange)
    if exchange.answer.is_success:
        life.detail = at(exchange.answer.json(), life.cycle.task_pointer)
        life.words.append(str(life.detail[life.cycle.word_name]))


def watch(target: Target, lives: list[Life]) -> None:
    """Look at tasks, with pauses, until all have ended or patience does."""

    def what() -> str:
        return ", ".join(f"the task {life.id} ({life.words[-1]})" for life in lives if not life.has_ended)

    again = target.patience.rounds(what)
    while any(not life.has_ended for life in lives) and again():
        for life in lives:
            if not life.has_ended:
                look(target, life)


def collect(life: Life, near: Neighbour, patience: float = _LATE_SECONDS) -> None:
    """Wait for the last delivery of a task, and a little for what must not come after it."""
    end = f'"{life.words[-1]}"'.encode()

    def has_come() -> bool:
        return any(end in delivery.body for delivery in near.deliveries(life.hook))

    if life.has_ended and near.wait_for(has_come, min(patience, _LATE_SECONDS)):
        near.wait_for(lambda: False, _AFTER_SECONDS)
    life.deliveries = near.deliveries(life.hook)


def _durations(cycle: LifeCycle) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the first and the last documented duration, if there is such a property."""
    words = properties(cycle.create.body_schema).get(_DURATION, {}).get("enum")
    return ({_DURATION: words[0]}, {_DURATION: words[-1]}) if words else ({}, {})


# --- the rules


def a_valid_create_is_taken() -> None:
    """A body that the document allows makes a task."""


def a_listed_task_is_found() -> None:
    """A task that is in a key's list can be asked for with that key."""


def a_create_is_a_200(life: Life) -> Found:
    """A create answers 200 with a task that is CREATED or IN_PROGRESS: never 201 or 202, and no result."""
    if life.made.answer.status != 200:
        yield f"a create answers {life.made.answer.status}", life.made
    if life.words[0] not in {"CREATED", "IN_PROGRESS"}:
        yield f"a new task is {life.words[0]}", life.made


@stricter("The document names no time; WAIT= sets how long a run waits")
def a_task_ends(life: Life) -> Found:
    """A task ends while the run waits for it."""
    if not life.has_ended:
        yield f"the task {life.id} is still {life.words[-1]}; raise WAIT", (life.looks or [life.made])[-1]


@stricter("The document lists the words, not that each is passed; seen on sibling endpoints")
def a_task_is_in_progress_before_it_ends(lives: list[Life]) -> Found:
    """Of some tasks that were watched with short pauses, one at least was seen IN_PROGRESS."""
    watched = [life for life in lives if life.has_ended and len(life.looks) > _LOOKS_AT_THE_END * 2]
    if watched and not any("IN_PROGRESS" in life.words for life in watched):
        yield f"only {' and '.join(sorted(set(watched[0].words)))} was seen", watched[0].looks[-1]


@stricter("A server may fail any task; here all of them have failed")
def a_valid_task_is_completed(lives: list[Life]) -> Found:
    """Of some valid tasks, at least one is COMPLETED."""
    ended = [life for life in lives if life.has_ended]
    if ended and not any(life.words[-1] == COMPLETED for life in ended):
        yield f"all {len(ended)} tasks are {ended[0].words[-1]}", ended[0].looks[-1]


def a_result_can_be_fetched(life: Life) -> Found:
    """A result's address gives the video, without a key, at once and while it is good."""
    for fetched in life.results:
        if not fetched.answer.is_success:
            yield f"the result answers {fetched.answer.status or 'nothing'}", fetched
        elif fetched.answer.media_type in {"text/html", "application/json", "text/plain"}:
            yield f"the result is {fetched.answer.media_type}", fetched


def a_result_can_be_played(life: Life) -> Found:
    """A result is a whole MP4 file with a picture."""
    for fetched in life.results:
        if fetched.answer.is_success and (fault := films.faults(fetched.answer.body)):
            yield f"the result of the task {life.id} can't be played: {fault}", fetched


def a_result_is_as_long_as_asked(life: Life) -> Found:
    """A result has the length that its create asked for, or else the default one."""
    asked = str(life.body.get(_DURATION, ""))
    for fetched in life.results if asked.isdecimal() else ():
        found = films.seconds(fetched.answer.body)
        if found and abs(found - float(asked)) > _ROUGHLY_SECONDS:
            yield f"{asked} s were asked for, and the result has {found:.1f} s", fetched


@stricter("The document does not say how many results a task has; one was seen on sibling endpoints")
def results_differ(lives: list[Life]) -> Found:
    """Tasks of different lengths do not have the same file as their result."""
    seen: dict[bytes, Life] = {}
    for life in lives:
        for fetched in life.results if life.body.get(_DURATION) else ():
            other = seen.setdefault(fetched.answer.body, life)
            if fetched.answer.body and other.body.get(_DURATION) != life.body.get(_DURATION):
                yield f"the tasks {other.id} and {life.id} have the same file", fetched


def a_webhook_is_delivered(life: Life) -> Found:
    """A task that names a receiver tells it of its end."""
    words = _told(life)
    if life.hook and life.has_ended and life.words[-1] not in words:
        yield f"{life.words[-1]} was not delivered, but {', '.join(words) or 'nothing'}", life.made


@stricter("The document says at every change; that IN_PROGRESS is one, and the order, were seen")
def each_change_is_delivered_in_order(life: Life) -> Found:
    """Each change of status is one delivery, in order, IN_PROGRESS too; a repeated one has its old id."""
    words = [word for word in _told(life) if word != "CREATED"]
    if life.hook and words and words != ["IN_PROGRESS", life.words[-1]]:
        yield f"{', '.join(words)} came for a task that is {life.words[-1]}", life.made


def a_delivery_is_as_documented(life: Life) -> Found:
    """A delivery is a POST to the very address, with the documented headers and body, and shows no key."""
    for delivery in life.deliveries:
        yield from ((fault, life.made) for fault in neighbour.faults(life.cycle, delivery, life.keys))


def a_delivery_is_the_status(life: Life) -> Found:
    """A delivery has the task's own status answer as its body, without `data`."""
    for body in map(_json, life.deliveries):
        word = body.get(life.cycle.word_name)
        if body.get(life.cycle.id_name) != life.id:
            yield f"the receiver of {life.id} is told of {body.get(life.cycle.id_name)}", life.made
        elif word == life.words[-1] and life.has_ended and body != life.detail:
            yield f"the delivery is {body}, and the status {life.detail}", life.looks[-1]
        elif word not in TERMINAL and body.get(life.cycle.result_name):
            yield f"{word} is delivered with a result", life.made


def each_delivery_has_an_id(lives: list[Life]) -> Found:
    """Each change has a webhook-id of its own, and a repeated delivery the same id and body."""
    seen: dict[str, bytes] = {}
    for life, delivery in [(one, delivery) for one in lives for delivery in one.deliveries]:
        name = delivery.header("webhook-id") or ""
        if seen.setdefault(name, delivery.body) != delivery.body:
            yield f"two deliveries have the webhook-id {name}, and different bodies", life.made


OF_EACH: Final[tuple[Callable[[Life], Found], ...]] = (
    a_create_is_a_200, a_task_ends, a_result_can_be_fetched, a_result_can_be_played,
    a_result_is_as_long_as_asked, a_webhook_is_delivered, each_change_is_delivered_in_order,
    a_delivery_is_as_documented, a_delivery_is_the_status,
)  # fmt: skip
OF_ALL: Final[tuple[Callable[[list[Life]], Found], ...]] = (
    a_task_is_in_progress_before_it_ends, a_valid_task_is_completed, results_differ, each_delivery_has_an_id,
)  # fmt: skip


def hold(target: Target, lives: list[Life]) -> None:
    """Hold some lives to all rules."""
    found = [(check, check(life)) for check in OF_EACH for life in lives]
    for check, breaches in [*found, *((check, check(lives)) for check in OF_ALL)]:
        rule = rule_of(check)
        note(rule, "held")
        for text, exchange in breaches:
            target.breach(text, exchange, rule)


def _told(life: Life) -> list[str]:
    """Return the words that were delivered, repeated deliveries left out."""
    once = {delivery.header("webhook-id") or str(n): delivery for n, delivery in enumerate(life.deliveries)}
    return [str(_json(delivery).get(life.cycle.word_name)) for delivery in once.values()]


def _json(delivery: Sent) -> dict[str, Any]:
    try:
        value = delivery.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
