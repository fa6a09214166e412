"""What `doctor` tells of the journal, the limits and the tasks that nobody recorded, to the letter."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from contract_tests.client.cli.conftest import KEY
from contract_tests.client.cli.doctoring import ORIGIN, Doctor, Service, listed, printed, refused, told
from kling_elements import Journal, Task
from kling_elements.api.auth import ApiKey
from kling_elements.journal import NewEntry
from kling_elements.operations.sender import rate_limiter_key
from kling_elements.policy.rate_limits import Limits, Rate, rate_limiter_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx


LIMITS = "ok 1 of 100 requests in 3600 s, 0 of 3 tasks"
RESUME = f"kling-elements --base-url {ORIGIN} resume"
NOBODY = (
    "at the service that the journal does not know (made elsewhere, or by a create that was not answered): "
)
HINT = ". The account, its plan, or the request's content is refused; the key itself may be good"
ADOPT = f". To take one: {RESUME} --adopt ID"


class Kept:
    """A journal on disk, and what creates are noted in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal.open(path)
        self.owner = NewEntry("std", ORIGIN, self.journal.fingerprint(KEY))
        self.others = (
            evolve(self.owner, origin="http://other.localhost"),
            evolve(self.owner, fingerprint=self.journal.fingerprint("key-of-another-account")),
        )

    def create(self, owner: NewEntry, *task_ids: str, unknown: int = 0) -> None:
        """Note creates: some that made tasks, others of which nobody knows whether they did."""
        for task_id in task_ids:
            self.journal.created(self.journal.begin(owner).entry_id, Task(task_id, "CREATED"))
        for _ in range(unknown):
            self.journal.unknown(self.journal.begin(owner).entry_id, "no answer")


@pytest.fixture(autouse=True)
def _a_window_that_outlasts_the_slowest_test() -> None:
    rate_limiter_for(rate_limiter_key(ApiKey(KEY)), ORIGIN, Limits((Rate(100, 3600.0),)))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    path = tmp_path / "journal.sqlite3"
    monkeypatch.setenv("KLING_ELEMENTS_JOURNAL", str(path))
    kept = Kept(path)
    yield kept
    kept.journal.close()


@pytest.mark.parametrize(
    ("tasks", "unknown", "said"),
    [
        ([], 0, "ok {}: 0 tasks unfinished, 0 creates of unknown outcome"),
        (["a"], 0, "ok {}: 1 task unfinished, 0 creates of unknown outcome. To finish them: " + RESUME),
        (["a", "b"], 0, "ok {}: 2 tasks unfinished, 0 creates of unknown outcome. To finish them: " + RESUME),
        ([], 1, "warn {}: 0 tasks unfinished, 1 create of unknown outcome. To finish them: " + RESUME),
        (["a"], 2, "warn {}: 1 task unfinished, 2 creates of unknown outcome. To finish them: " + RESUME),
    ],
)
def test_what_is_unfinished_or_doubtful_is_counted(
    doctor: Doctor, kept: Kept, tasks: list[str], unknown: int, said: str
) -> None:
    """The journal's entries of this key and origin are counted; a create of unknown outcome is a warning."""
    kept.create(kept.owner, *tasks, unknown=unknown)
    for other in kept.others:
        kept.create(other, "c", unknown=1)
    ended = doctor("--base-url", ORIGIN)
    assert ended.out == printed(told(journal=said.format(kept.path), limits=LIMITS))
    assert (ended.code, ended.err) == (0, "")


def tasks(number: int) -> httpx.Response:
    return listed(*(f"t{each}" for each in range(1, number + 1)))


@pytest.mark.parametrize(
    ("std", "pro", "said"),
    [
        (1, tasks(0), f"1 task of the model std {NOBODY}t1{ADOPT}"),
        (0, tasks(5), f"5 tasks of the model pro {NOBODY}t1, t2, t3, t4, t5{ADOPT}"),
        (0, tasks(6), f"6 tasks of the model pro {NOBODY}t1, t2, t3, t4, t5 and 1 more{ADOPT}"),
        (0, refused(403, "no"), f"the tasks of the model pro could not be compared: HTTP 403: no{HINT}"),
        (
            2,
            tasks(1),
            f"2 tasks of the model std {NOBODY}t1, t2{ADOPT}\n1 task of the model pro {NOBODY}t1{ADOPT}",
        ),
    ],
    ids=["one", "five", "six", "a plan without the model", "two models"],
)
@pytest.mark.parametrize("unknown", [0, 1], ids=["sure", "doubtful"])
def test_tasks_that_nobody_recorded(  # noqa: PLR0913, PLR0917 - cases
    doctor: Doctor, kept: Kept, std: int, pro: httpx.Response, said: str, unknown: int
) -> None:
    """Tasks of each model that the journal does not know are told, the first of them by their ids."""
    kept.create(kept.owner, "mine", unknown=unknown)
    level = "warn" if unknown else "ok"
    ids = [f"t{each}" for each in range(1, std + 1)]
    ended = doctor("--base-url", ORIGIN, service=Service([listed("mine", *ids)], [pro]))
    expected = told(
        service=f"ok reached in 1234 ms, the key is accepted; {std + 1} task{'s' if std else ''}, "
        f"{std + 1} not done",
        journal=f"{level} {kept.path}: 1 task unfinished, {unknown} create{'' if unknown else 's'} "
        f"of unknown outcome. To finish them: {RESUME}",
        limits=LIMITS,
        unrecorded="\n".join(f"{level} {line}" for line in said.splitlines()),
    )
    assert (ended.code, ended.out) == (0, printed(expected))


def test_a_list_that_is_refused_the_second_time(doctor: Doctor, kept: Kept) -> None:
    """A list that can't be compared with the journal is told, and the other model's is all the same."""
    service = Service([listed(), refused(403, "no")], [listed("t1")])
    ended = doctor("--base-url", ORIGIN, service=service)
    expected = told(
        journal=f"ok {kept.path}: 0 tasks unfinished, 0 creates of unknown outcome",
        limits=LIMITS,
        unrecorded=f"ok the tasks of the model std could not be compared: HTTP 403: no{HINT}\n"
        f"ok 1 task of the model pro {NOBODY}t1{ADOPT}",
    )
    assert (ended.code, ended.out) == (0, printed(expected))


def test_without_the_service_the_journal_is_told(doctor: Doctor, kept: Kept) -> None:
    """A service that refuses is asked once; what the journal holds is told all the same."""
    kept.create(kept.owner, "a")
    service = Service([refused(403, "no")])
    ended = doctor(service=service, environment={"KLING_ELEMENTS_BASE_URL": ORIGIN})
    names = dict.fromkeys(name for _, name, _ in told(limits=LIMITS))
    assert [line.split()[1].rstrip(":") for line in ended.out.splitlines()] == list(names)
    assert (
        f"ok    journal:   {kept.path}: 1 task unfinished, 0 creates of unknown outcome. To finish them: "
        in (ended.out)
    )
    assert (ended.code, len(service.asked)) == (3, 1)


def test_a_used_up_quota_is_a_warning(doctor: Doctor, kept: Kept) -> None:
    """A day's quota that any process found used up is a warning, with the time until its renewal."""
    kept.journal.quota_exhausted(kept.owner, time.time() + 2 * 3600)
    ended = doctor("--base-url", ORIGIN)
    expected = told(
        journal=f"ok {kept.path}: 0 tasks unfinished, 0 creates of unknown outcome",
        limits="warn 1 of 100 requests in 3600 s, 0 of 3 tasks, the day's quota is used up; "
        "it may be renewed in 2.0 h",
    )
    assert (ended.code, ended.out) == (0, printed(expected))


def test_a_journal_that_cannot_be_used(doctor: Doctor, tmp_path: Path) -> None:
    """A journal that can't be used is a warning, with the reason; no more is asked."""
    path = tmp_path / "journal.sqlite3"
    path.mkdir()
    service = Service()
    ended = doctor("--base-url", ORIGIN, service=service, environment={"KLING_ELEMENTS_JOURNAL": str(path)})
    expected = told(journal=f"warn {path} can't be used: unable to open database file")
    assert (ended.code, ended.out, len(service.asked)) == (0, printed(expected), 1)


def test_no_key_is_shown(doctor: Doctor, tmp_path: Path) -> None:
    """Neither the key that is used nor one that is only set stands in the report, wherever they come from."""
    other = "key-of-another-account"
    folder = tmp_path / f"{KEY}-{other}"
    folder.mkdir()
    path = folder / "journal.sqlite3"
    environment = {"KLING_ELEMENTS_JOURNAL": str(path), "MAGNIFIC_API_KEY": other}
    ended = doctor("--base-url", ORIGIN, environment=environment)
    shown = tmp_path / "[API key]-[API key]" / "journal.sqlite3"
    expected = told(
        key="warn from KLING_ELEMENTS_API_KEY; another one in MAGNIFIC_API_KEY is not used",
        journal=f"ok {shown}: 0 tasks unfinished, 0 creates of unknown outcome",
        limits=LIMITS,
    )
    assert (ended.code, ended.out) == (0, printed(expected))
