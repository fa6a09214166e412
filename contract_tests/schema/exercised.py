"""Counts how often each documented answer is met: by the client (client side) and by a server (server side).

A test says what it saw with `record`. Nothing is kept unless the environment variable `CONTRACT_COUNTS`
names a folder, as `make contract` does: then each process of the run appends to files of its own there.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from contract_tests.support.contract import document, operations, resolve

Side = Literal["client", "server"]
SIDES: Final[tuple[Side, ...]] = get_args(Side)
FOLDER_VARIABLE: Final = "CONTRACT_COUNTS"


class Row(NamedTuple):
    method: str
    path: str
    status: str
    media_type: str


def record(side: Side, method: str, path: str, status: int | str, media_type: str | None) -> None:
    if FOLDER_VARIABLE in os.environ and (row := row_of(method, path, status, media_type)):
        keep("counts", [side, *row])


def keep(kind: str, value: Any) -> None:
    """Write a value down, if this is a run that is counted."""
    if FOLDER_VARIABLE in os.environ:
        file = Path(os.environ[FOLDER_VARIABLE]) / f"{os.getpid()}.{kind}"
        file.parent.mkdir(parents=True, exist_ok=True)
        # One short line in append mode: workers may be killed at any moment, and nothing is lost then.
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(value) + "\n")


def kept(folder: Path, kind: str) -> Iterator[Any]:
    """Give what all processes of a run have written down; nothing, if there is no folder."""
    for file in sorted(folder.glob(f"*.{kind}")):
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def row_of(method: str, path: str, status: int | str, media_type: str | None) -> Row | None:
    """Give the documented answer that this is one of; None if there is none."""
    template = template_of(path)
    operation = document()["paths"].get(template, {}).get(method.lower())
    if template is None or operation is None:
        return None
    key = in_class(status, operation["responses"]) or "default"
    name = (media_type or "").split(";")[0].strip().lower()
    rows = (Row(method.upper(), template, key, known) for known in (name, f"{name.split('/')[0]}/*", "*/*"))
    return next((row for row in rows if row in documented()), None)


def in_class(status: int | str, known: Iterable[Any]) -> str | None:
    """Return how the document has a status: as itself or by its class (`4XX`); None if it has neither."""
    names = set(map(str, known))
    return next((name for name in (str(status), f"{str(status)[:1]}XX") if name in names), None)


def template_of(path: str) -> str | None:
    """Give the document's template for a path or a URL; an exact path wins over one with parameters."""
    bare = re.sub(r"^https?://[^/]+", "", path).split("?")[0]
    templates: dict[str, Any] = document()["paths"]
    if bare in templates:
        return bare
    return next((template for template in templates if pattern_of(template).fullmatch(bare)), None)


@cache
def pattern_of(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{.+?\\\}", "([^/]+)", re.escape(template)))


@cache
def documented() -> tuple[Row, ...]:
    return tuple(
        Row(method, path, str(status), media_type)
        for method, path, operation in operations()
        for status, response in operation["responses"].items()
        for media_type in (resolve(response).get("content") or {"": None})
    )


def read(folder: Path) -> Counter[tuple[Side, Row]]:
    """Add up what all processes of a run have counted in a folder."""
    return Counter((side, Row(*row)) for side, *row in kept(folder, "counts"))
