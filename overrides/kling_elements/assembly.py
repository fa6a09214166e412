"""Puts the parts of a client together."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from kling_elements.creating import Creator
from kling_elements.flows import Flows
from kling_elements.governor import governor_for
from kling_elements.records import Records
from kling_elements.retries import RetryPolicy
from kling_elements.sending import Sender, governor_key
from kling_elements.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_elements.events import Hook
    from kling_elements.governor import Limits
    from kling_elements.records import JournalSetting
    from kling_elements.schedule import PollSchedule
    from kling_elements.settings import Settings

TaskT = TypeVar("TaskT", bound=Task)


@frozen
class Clockwork:
    """A monotonic clock in seconds, and a sleep that goes with it."""

    clock: Callable[[], float]
    sleep: Callable[[float], object]


@frozen
class Extras:
    """What a client may be given besides: see the arguments of `KlingElements`."""

    journal: JournalSetting = None
    limits: Limits | None = None
    retries: RetryPolicy | None = None
    hook: Hook | None = None


def make_flows(
    settings: Settings,
    schedule: PollSchedule,
    clockwork: Clockwork,
    adopt: Callable[[Task], TaskT],
    extras: Extras,
) -> Flows[TaskT]:
    """The flows of one client."""
    sender = Sender(
        settings=settings,
        governor=governor_for(governor_key(settings.key), settings.base_url, extras.limits),
        policy=extras.retries or RetryPolicy(),
        clock=clockwork.clock,
        sleep=clockwork.sleep,
        random=random.random,
        hook=extras.hook,
    )
    records = Records.open(extras.journal, settings)
    return Flows(sender, schedule, records, adopt, Creator(sender, records))
