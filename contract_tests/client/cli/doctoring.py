"""`doctor` in this process, against a service in it too, and what it prints, to the letter."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import httpx
import respx

from contract_tests.support.contract import document, key_headers, operations, place
from kling_elements import __version__
from kling_elements.cli.commands import doctor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pytest

    from contract_tests.client.cli.conftest import Ended

ORIGIN: Final = "http://service.localhost"
NOW: Final = datetime(2026, 11, 26, 12, tzinfo=UTC)
DATE: Final = "Thu, 26 Nov 2026 12:00:00 GMT"
HEADER: Final = next(iter(key_headers().values()))
_INFO: Final = document()["info"]
_SERVERS: Final = ", ".join(f"{url} ({header})" for url, header in key_headers().items())
SOUND: Final[Mapping[str, str]] = {
    "program": f"ok kling-elements {__version__}, Python {platform.python_version()}, {platform.system()}",
    "mock": "ok installed",
    "document": f"ok {_INFO['title']} {_INFO['version']}, {len(list(operations()))} operations; "
    f"servers: {_SERVERS}",
    "folder": "ok the current folder can be written",
    "key": "ok from KLING_ELEMENTS_API_KEY",
    "origin": f"warn {ORIGIN} (from --base-url), the key in the header {HEADER}; "
    "it is not one of the document's servers",
    "proxy": "",
    "service": "ok reached in 1234 ms, the key is accepted; 0 tasks, 0 not done",
    "clock": "ok agrees with the service's",
    "journal": "warn off: what is created is forgotten with the process",
    "limits": "",
    "unrecorded": "",
}
"""What is told of each thing, its level first, where all is in order, and no journal is kept."""
NO_KEY: Final[Mapping[str, str]] = {
    "key": "fail no API key: set KLING_ELEMENTS_API_KEY, FREEPIK_API_KEY or MAGNIFIC_API_KEY, "
    "or use --api-key-file",
    "service": "warn not asked, for want of a key",
    "clock": "warn not compared: the service told no date",
    "journal": "",
}
"""What is told otherwise without a key."""


def told(**changes: str) -> list[tuple[str, str, str]]:
    """The level, the name and the text of each finding; of some things others than where all is in order."""
    found = []
    for name, lines in {**SOUND, **changes}.items():
        for line in lines.splitlines():
            level, _, text = line.partition(" ")
            found.append((level, "journal" if name == "unrecorded" else name, text))
    return found


def printed(findings: Iterable[tuple[str, str, str]]) -> str:
    """What a person sees of findings."""
    return "".join(f"{level:<5} {name + ':':<11}{text}\n" for level, name, text in findings)


def listed(*tasks: str, status: str = "CREATED", dates: Iterable[str] = (DATE,)) -> httpx.Response:
    """A list of tasks, which tells a date, or several."""
    body = {"data": [{"task_id": task_id, "status": status} for task_id in tasks]}
    return httpx.Response(200, json=body, headers=[("date", date) for date in dates])


def refused(status: int, message: str) -> httpx.Response:
    """A refusal."""
    return httpx.Response(status, json={"message": message}, headers={"date": DATE})


@dataclass
class Service:
    """A service in this process.

    Attributes:
        std: Its answers to the list of one model's tasks, in turn, or errors; the last one is repeated.
        pro: Those of the other.
        asked: What it was asked for.
    """

    std: list[httpx.Response | Exception] = field(default_factory=lambda: [listed()])
    pro: list[httpx.Response | Exception] = field(default_factory=lambda: [listed()])
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.asked.append((request.method, str(request.url)))
        is_std = request.url.path == place("listKlingElementsStdTasks")[1]
        answers = self.std if is_std else self.pro
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Doctor:
    """`doctor`, with a clock that the test knows.

    Args:
        run: Runs the command.
        patch: What the clock is set with.
    """

    def __init__(self, run: Callable[..., Ended], patch: pytest.MonkeyPatch) -> None:
        self._run = run
        self._patch = patch
        patch.setattr(doctor, "datetime", SimpleNamespace(now={UTC: NOW}.__getitem__))

    def __call__(
        self,
        *args: str,
        service: Service | None = None,
        environment: Mapping[str, str] | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Ended:
        """Run it, with these options; `meanwhile` happens just before."""
        for name, value in (environment or {}).items():
            self._patch.setenv(name, value)
        readings = iter((1.0, 2.2344))
        self._patch.setattr(doctor, "time", SimpleNamespace(monotonic=lambda: next(readings)))
        with respx.mock(assert_all_called=False) as router:
            router.route().mock(side_effect=(service or Service()).answer)
            meanwhile()
            return self._run("doctor", *args)
