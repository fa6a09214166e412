"""Find a task by the first characters of its id, as git finds commits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kling_elements.api.endpoints import MODELS
from kling_elements.cli.console import PROGRAM, one_line
from kling_elements.cli.exit_codes import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kling_elements import KlingElements

# Shorter than a whole id, and nothing that an id has not: everything else is the service's to judge.
_PREFIX = re.compile(r"[0-9a-f][0-9a-f-]{2,34}")
_SHOWN = 5


def whole_id(client: KlingElements, given: str) -> str:
    """Return the id of the one task that begins so: of the journal, else of the account.

    Raises:
        CommandError: If several do, or none does.
        ApiError: If the service was asked, and refused.
    """
    if not _PREFIX.fullmatch(given):
        return given
    origin = client.journal_owner.origin
    known = client.journal.tasks_beginning(given, origin)
    if not known:
        tasks = (task.id for model in MODELS for task in client.list(model=model))
        known = [task_id for task_id in tasks if task_id.startswith(given)]
    if found := only_one(given, known, "task"):
        return found
    raise CommandError(f"there is no task that begins with {given}", hint=f"{PROGRAM} list")


def only_one(given: str, known: Iterable[str], what: str) -> str | None:
    """Return the one that is meant, whole or by its first characters; None if none is.

    Raises:
        CommandError: If several could be.
    """
    found = sorted({each for each in known if each.startswith(given)})
    if given in found or len(found) == 1:
        return given if given in found else found[0]
    if found:
        more = ", …" if len(found) > _SHOWN else ""
        raise CommandError(
            f"several begin with {given}: {', '.join(map(one_line, found[:_SHOWN]))}{more}. "
            f"Add characters until one {what} is left"
        )
    return None
