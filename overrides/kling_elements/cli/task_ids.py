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

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BEGINS_UUID = re.compile(r"[0-9a-f-]{1,35}")
_ID = re.compile(r"[A-Za-z0-9_-]+")
_LEAST = 3  # characters: fewer are rather a slip, and one of a few tasks would be meant by it
_SHOWN = 5


def whole_id(client: KlingElements, given: str) -> str:
    """Return the id of the one task that begins so: of the journal, else of the account.

    What is no UUID, nor the beginning of one, may be a whole id all the same: the service knows.

    Raises:
        CommandError: If several do, or none does.
        ApiError: If the service was asked, and refused.
    """
    if _UUID.fullmatch(given) or not _ID.fullmatch(given):
        return given
    found = only_one(given, client.journal.tasks_beginning(given, client.journal_owner.origin), "task")
    if found is None:
        found = only_one(given, (task.id for model in MODELS for task in client.list(model=model)), "task")
    if found is None and _BEGINS_UUID.fullmatch(given):
        raise CommandError(f"there is no task that begins with {given}", hint=f"{PROGRAM} list")
    return found or given


def only_one(given: str, known: Iterable[str], what: str) -> str | None:
    """Return the one that is meant, whole or by its first characters; None if none is.

    Raises:
        CommandError: If several could be, or the characters are too few.
    """
    found = sorted({each for each in known if each.startswith(given)})
    if given in found:
        return given
    if len(given) < _LEAST:
        text = f"{given!r} is too short: give the first {_LEAST} characters of the {what}'s id, or more"
        raise CommandError(text)
    if len(found) == 1:
        return found[0]
    if found:
        more = ", …" if len(found) > _SHOWN else ""
        raise CommandError(
            f"several begin with {given}: {', '.join(map(one_line, found[:_SHOWN]))}{more}. "
            f"Add characters until one {what} is left"
        )
    return None
