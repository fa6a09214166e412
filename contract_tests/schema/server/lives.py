"""The life of some tasks, on any server: made at once, watched until they end, then held to rules.

Each rule takes the lives and gives a sentence, with the exchange, for each breach. What holds for single
answers and from one answer to the next is the work of `rules` and of the ledger.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import Factory, define

from contract_tests.schema.server import bodies, films, neighbour
from contract_tests.schema.server.exchange import Exchange, Sent
from contract_tests.schema.server.guard import NotSentError
from contract_tests.schema.server.operations import COMPLETED, RANK, TERMINAL, LifeCycle, at, properties
from contract_tests.schema.server.patience import Patience
from contract_tests.schema.server.target import Target
from contract_tests.schema.server.verdicts import stricter
from contract_tests.support.loopback import Loopback

Found = Iterator[tuple[str, Exchange | None]]
Lives = list["Life"]

_LOOKS_AT_THE_END: Final = 3
_LATE_SECONDS: Final = 30.0  # a delivery may come after the status was seen
_AFTER_SECONDS: Final = 0.15  # what comes after the last delivery
_ROUGHLY_SECONDS: Final = 1.0
_DURATION: Final = "duration"


@define(eq=False)
class Life:
    """One task: how it was made, and what was seen of it."""

    target: Target
    cycle: LifeCycle
    body: dict[str, Any]
    made: Exchange
    hook: str = ""
    id: str = ""
    detail: dict[str, Any] = Factory(dict)
    words: list[str] = Factory(list)
    looks: list[Exchange] = Factory(list)
    shown: list[tuple[float, str]] = Factory(list)  # by each look: when it was sent, in Unix seconds
    deliveries: list[Sent] = Factory(list)
    results: list[Exchange] = Factory(list)

    def __attrs_post_init__(self) -> None:
        self._see(self.made)
        self.id = str(self.detail[self.cycle.id_name])

    @property
    def last(self) -> str:
        return self.words[-1]

    @property
    def has_ended(self) -> bool:
        return self.last in TERMINAL

    @property
    def told(self) -> list[str]:
        """The words that were delivered, repeated deliveries left out."""
        once = {one.header("webhook-id") or str(n): one for n, one in enumerate(self.deliveries)}
        return [str(_json(one).get(self.cycle.word_name)) for one in once.values()]

    def _see(self, exchange: Exchange) -> None:
        if exchange.answer.is_success:
            self.detail = at(exchange.answer.json(), self.cycle.task_pointer)
            self.words.append(str(self.detail[self.cycle.word_name]))

    def look(self) -> None:
        moment = time.time()
        self.looks.append(self.target.call("GET", self.cycle.status_url(self.id)))
        self._see(self.looks[-1])
        self.shown.append((moment, self.last))


def live(target: Target, cycle: LifeCycle, near: Loopback | None) -> Lives:
    """Make three tasks, two alike, watch them to their end, and fetch a result of each length, one twice."""
    lives: Lives = []
    words = properties(cycle.create.body_schema).get(_DURATION, {}).get("enum")
    shortest, longest = ({_DURATION: words[0]}, {_DURATION: words[-1]}) if words else ({}, {})
    listed(target, cycle)
    for receiver, more in ((near, shortest), (None, longest), (near, shortest)):
        try:
            lives.append(begin(target, cycle, receiver, more))
        except NotSentError:
            if not lives:
                raise
            break
        listed(target, cycle)
    watch(target, lives)
    listed(target, cycle)
    for number, life in enumerate(lives):
        for _ in range(_LOOKS_AT_THE_END):
            life.look()
        for url in list(life.detail.get(cycle.result_name) or ()) * (2 - number):
            life.results.append(target.fetch("GET", str(url)))
    if near is not None:
        collect(lives, near)
    return lives


def collect(lives: Lives, near: Loopback) -> None:
    """Wait for the last delivery of each task, and a little for what must not come after it."""
    for life in (life for life in lives if life.hook and life.has_ended):
        end = f'"{life.last}"'.encode()
        for _ in Patience(min(life.target.patience.seconds, _LATE_SECONDS)).pauses(lambda: "deliveries"):
            if any(end in delivery.body for delivery in neighbour.deliveries(near, life.hook)):
                break
    time.sleep(_AFTER_SECONDS)
    for life in lives:
        life.deliveries = neighbour.deliveries(near, life.hook)


def begin(
    target: Target, cycle: LifeCycle, near: Loopback | None, more: dict[str, Any], scenario: str | None = None
) -> Life:
    """Make a task that tells a receiver, if there is one."""
    body, hook = {**bodies.example_body(cycle.create), **more}, ""
    if near is not None and cycle.webhook_name is not None:
        hook = f"{len(near.asked)}-{len(target.record)}"
        body[cycle.webhook_name] = neighbour.hook(near, hook)
    made = target.request(cycle.create, body=body, scenario=scenario)
    target.demand(made.answer.is_success, "a valid create is refused", made)
    return Life(target, cycle, body, made, hook)


def listed(target: Target, cycle: LifeCycle) -> None:
    """Read the list, and look at a task of it that this run has not made."""
    exchange = target.call("GET", cycle.listing.url()) if cycle.listing else None
    if exchange is not None and exchange.answer.is_success:
        rows = at(exchange.answer.json(), cycle.task_pointer)
        unknown = [row[cycle.id_name] for row in rows if row[cycle.id_name] not in target.ledger.tasks]
        for shown in (target.call("GET", cycle.status_url(task_id)) for task_id in unknown[:1]):
            target.expect(shown.answer.is_success, "a listed task is not found", shown)


def watch(target: Target, lives: Lives) -> None:
    """Look at tasks, with pauses, until all have ended or patience does."""
    running = list(lives)

    def what() -> str:
        return ", ".join(f"the task {life.id} ({life.last})" for life in running)

    for _ in target.patience.pauses(what):
        running[:] = [life for life in running if not life.has_ended]
        if not running:
            return
        for life in running:
            life.look()


# --- the rules


@stricter("The document names no time; WAIT= sets how long a run waits")
def a_task_ends(life: Life) -> Found:
    """A task ends while the run waits for it."""
    if not life.has_ended:
        yield f"the task {life.id} is still {life.last}; raise WAIT", (life.looks or [life.made])[-1]


@stricter("The document lists the words, not that each is passed; seen on sibling endpoints")
def a_task_is_in_progress_before_it_ends(lives: Lives) -> Found:
    """Of some tasks that were watched with short pauses, one at least was seen IN_PROGRESS."""
    watched = [life for life in lives if life.has_ended and len(life.looks) > _LOOKS_AT_THE_END * 2]
    if watched and not any("IN_PROGRESS" in life.words for life in watched):
        yield f"only {' and '.join(sorted(set(watched[0].words)))} was seen", watched[0].looks[-1]


@stricter("A server may fail any task; here all of them have failed")
def a_valid_task_is_completed(lives: Lives) -> Found:
    """Of some valid tasks, at least one is COMPLETED."""
    ended = [life for life in lives if life.has_ended]
    if ended and not any(life.last == COMPLETED for life in ended):
        yield f"all {len(ended)} tasks are {ended[0].last}", ended[0].looks[-1]


def a_result_can_be_played(life: Life) -> Found:
    """A result's address gives, without a key, a whole MP4 file with a picture, as long as was asked for.

    It does so again, and says 200: part of a file (206) comes only to who asks for it.
    """
    wanted = str(life.body.get(_DURATION, ""))
    for fetched in life.results:
        try:
            found = films.length(fetched.answer.body)
        except ValueError as error:
            yield f"{fetched.answer.status}, and the result can't be played: {error}", fetched
        else:
            if fetched.answer.status != 200:
                yield f"{fetched.answer.status}, and the result is whole", fetched
            if wanted.isdecimal() and abs(found - float(wanted)) > _ROUGHLY_SECONDS:
                yield f"{wanted} s were asked for, and the result has {found:.1f} s", fetched


def a_webhook_is_delivered(life: Life) -> Found:
    """A task that names a receiver tells it of its end."""
    if life.hook and life.has_ended and life.last not in life.told:
        yield f"{life.last} was not delivered, but {', '.join(life.told) or 'nothing'}", life.made


@stricter("The document says at every change; that IN_PROGRESS is one, and the order, were seen")
def each_change_is_delivered_in_order(life: Life) -> Found:
    """Each change of status is one delivery, in order, IN_PROGRESS too; a repeated one has its old id."""
    words = [word for word in life.told if word != "CREATED"]
    if life.hook and words and words != ["IN_PROGRESS", life.last]:
        yield f"{', '.join(words)} came for a task that is {life.last}", life.made


def a_delivery_is_as_documented(life: Life) -> Found:
    """A delivery is a POST to the very address, signed, with the documented headers and body, and no key."""
    for delivery in life.deliveries:
        for fault in neighbour.faults(life.cycle.callback, delivery, life.target.keys):
            yield fault, life.made
        secret = life.target.webhook_secret
        if secret and not neighbour.is_signed(delivery, secret):
            yield "a delivery is not signed", life.made


def a_delivery_is_the_status(life: Life) -> Found:
    """A delivery has the task's own status answer as its body, without `data`."""
    for body in map(_json, life.deliveries):
        word = body.get(life.cycle.word_name)
        if body.get(life.cycle.id_name) != life.id:
            yield f"the receiver of {life.id} is told of {body.get(life.cycle.id_name)}", life.made
        elif word == life.last and life.has_ended and body != life.detail:
            yield f"the delivery is {body}, and the status {life.detail}", life.looks[-1]
        elif word not in TERMINAL and body.get(life.cycle.result_name):
            yield f"{word} is delivered with a result", life.made


@stricter("The document does not say how soon the status shows a change; here at once")
def no_delivery_is_ahead_of_the_status(life: Life) -> Found:
    """A change that was delivered is shown by the next look at the task."""
    for delivery in life.deliveries:
        rank = RANK.get(str(_json(delivery).get(life.cycle.word_name)), 0)
        for look, (moment, word) in zip(life.looks, life.shown, strict=True):
            if moment > delivery.moment + _AFTER_SECONDS and RANK.get(word, rank) < rank:
                yield f"the task {life.id} is {word} after another status was delivered", look
                break


def each_delivery_has_an_id(lives: Lives) -> Found:
    """Each change has a webhook-id of its own, and a repeated delivery the same id and body."""
    seen: dict[str, bytes] = {}
    for life, delivery in ((one, delivery) for one in lives for delivery in one.deliveries):
        name = delivery.header("webhook-id") or ""
        if seen.setdefault(name, delivery.body) != delivery.body:
            yield f"two deliveries have the webhook-id {name}, and different bodies", life.made


OF_EACH: Final[tuple[Callable[[Life], Found], ...]] = (
    a_task_ends, a_result_can_be_played, a_webhook_is_delivered, each_change_is_delivered_in_order,
    a_delivery_is_as_documented, a_delivery_is_the_status, no_delivery_is_ahead_of_the_status,
)  # fmt: skip
OF_ALL: Final[tuple[Callable[[Lives], Found], ...]] = (
    a_task_is_in_progress_before_it_ends, a_valid_task_is_completed, each_delivery_has_an_id,
)  # fmt: skip


def hold(target: Target, lives: Lives) -> None:
    target.hold((check, check(life)) for check in OF_EACH for life in lives)
    target.hold((check, check(lives)) for check in OF_ALL)


def _json(delivery: Sent) -> dict[str, Any]:
    try:
        value = delivery.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
