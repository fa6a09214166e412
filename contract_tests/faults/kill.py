"""`kill -9` at random moments of a batch, and the same command again: nothing is lost or paid twice.

    python -m contract_tests.faults.kill --kills 300 --jobs 20 --seed 1

The mock is the service. A batch is run, and killed, and run again until it is whole. In
some runs the disk is full, the journal is damaged (and put back later), or the wall clock is wrong. Then
`resume` finishes what it can, creates that were in flight at a kill are looked up and adopted or given up,
and the mock's own books are compared with the files. Ends with 1 if anything was lost or paid twice.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from attrs import define, field

from contract_tests.faults.forker import fork_runs
from contract_tests.support.answers import mp4
from kling_elements_mock import MockSettings, Polls, ServedMock, serve
from kling_elements_mock.tasks import results

_LONGEST_LIFE: Final = 0.6  # seconds until a kill; a whole run takes longer
_MAX_RUNS: Final = 2000
_WAIT: Final = ("--poll-interval", "0.02")
_PLAIN, _FULL, _DAMAGED, _CLOCK = "none", "full disk", "damaged journal", "wrong clock"
_TROUBLES: Final = (_PLAIN,) * 7 + (_FULL, _DAMAGED, _CLOCK)
_REFUSED: Final = 2  # the journal can't be used
_SLOWNESS: Final = 0.05  # seconds an answer takes, so that some kills hit a create in flight


@define
class Round:
    """One batch, killed until it is whole; `found` is what was wrong."""

    folder: Path
    served: ServedMock
    jobs: int
    forker: Connection
    journal: Path
    kills: int = 0
    adopted: int = 0
    abandoned: int = 0
    troubles: Counter[str] = field(factory=Counter)
    found: list[str] = field(factory=list)

    def prompt(self, number: int) -> str:
        """What tells a job's task apart at the mock."""
        return f"{self.folder.name} {number}"

    def until_whole(self, rng: random.Random, kills: int) -> None:
        """Run and kill the batch until it is whole, or there were enough kills; then finish and judge it."""
        jobs = [
            {"id": f"job{n}", "images": [f"https://example.com/{n}.png"], "prompt": self.prompt(n)}
            for n in range(self.jobs)
        ]
        (self.folder / "jobs.jsonl").write_text("".join(f"{json.dumps(job)}\n" for job in jobs))
        for _ in range(_MAX_RUNS):
            trouble = rng.choice(_TROUBLES) if self.kills < kills else _PLAIN
            life = rng.uniform(0.0, _LONGEST_LIFE) if self.kills < kills else None
            if trouble != _PLAIN:
                self.troubled(trouble, life=life, hours=rng.uniform(-48, 48))
            elif (code := self.batch(life=life)) is not None:
                self.must(code in {0, 9}, f"a run ended with {code}")
                break
        self.finish()
        self.judge()

    def must(self, is_so: object, text: str, *, says: bool = True) -> None:
        """Note what is not so, with what the command said last."""
        if not is_so:
            self.found.append(f"{text}: {self.said()}" if says else text)

    def batch(self, **how: Any) -> int | None:
        return self.run("batch", str(self.folder / "jobs.jsonl"), "-d", str(self.folder / "out"), **how)

    def troubled(self, trouble: str, **how: Any) -> None:
        """Run the batch while something else is wrong, and put that right."""
        self.troubles[trouble] += 1
        time.sleep(2 * _SLOWNESS)  # what was in flight at the last kill is served by then
        whole, before = self.journal.read_bytes(), self.tasks()
        if trouble == _DAMAGED:
            self.journal.write_bytes(whole[: len(whole) // 2])
        code = self.batch(trouble=trouble, **how)
        self.must("Traceback" not in self.said(), trouble)
        if trouble == _DAMAGED:
            went_on = code not in {_REFUSED, None} or self.tasks() != before
            self.must(not went_on, f"a batch went on with a damaged journal: {code}")
            backup = self.journal.with_suffix(".backup")
            backup.write_bytes(whole)
            backup.replace(self.journal)

    def run(
        self, *args: str, life: float | None = None, trouble: str = _PLAIN, hours: float = 0
    ) -> int | None:
        """Run the command; gives its exit code, or None if it was killed."""
        words, said = ["--base-url", self.served.url, *args, *_WAIT], str(self.folder / "said")
        self.forker.send((words, said, 1 if trouble == _FULL else -1, hours * 3600 * (trouble == _CLOCK)))
        pid = self.forker.recv()
        if life is not None:
            time.sleep(life)
            with suppress(ProcessLookupError):  # it was faster
                os.killpg(pid, signal.SIGKILL)
        status = self.forker.recv()
        if life is not None and os.WIFSIGNALED(status):
            self.kills += 1
            return None
        return os.waitstatus_to_exitcode(status)

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def tasks(self) -> dict[str, list[str]]:
        """Return the ids of the service's tasks of this round, by prompt."""
        found: dict[str, list[str]] = {}
        for task in self.served.mock.tasks:
            if (prompt := str(task.body.get("prompt"))).startswith(f"{self.folder.name} "):
                found.setdefault(prompt, []).append(task.id)
        return found

    def finish(self) -> None:
        """Finish what `resume` can, then settle the creates that were in flight at a kill."""
        code = self.run("resume", "--json")
        state = json.loads(self.said())
        self.must(code in {0, 6}, f"resume ended with {code}")
        self.must(self.run("resume", "--json") == code, "a second resume ended otherwise")
        served = self.tasks()
        unrecorded = {each["id"] for each in state["unrecorded"]}
        for entry in state["unknown"]:
            mine = next(iter(served.get(self.prompt(int(entry["job"].removeprefix("job"))), ())), "")
            shown = f"{entry['job']}: its task {mine} is not shown as unrecorded"
            self.must(not mine or mine in unrecorded, shown, says=False)
            self.adopted, self.abandoned = self.adopted + bool(mine), self.abandoned + (not mine)
            how = ("--adopt", mine, "--entry") if mine else ("--abandon",)
            code = self.run("resume", *how, entry["entry"], "--json")
            self.must(code in {0, 6}, f"{entry['job']} could not be settled: {code}")
        code = self.batch()
        self.must(code == 0, f"the batch is not whole at the end: {code}")

    def judge(self) -> None:
        """Compare the files and the report with the service's books."""
        tasks, out = self.tasks(), self.folder / "out"
        for number in range(self.jobs):
            ids, video = tasks.get(self.prompt(number), []), out / f"job{number}.mp4"
            self.must(len(ids) == 1, f"{self.prompt(number)}: paid {len(ids)} times", says=False)
            is_there = video.exists() and video.read_bytes()[4:8] == b"ftyp"
            self.must(is_there, f"job{number}: no video", says=False)
        lines = (out / "report.jsonl").read_text().splitlines()
        reported = {json.loads(line)["id"] for line in lines if line.endswith("}")}
        self.must(len(reported) >= self.jobs, "the report lacks jobs", says=False)


def run(kills: int, jobs: int, seed: int, folder: Path) -> list[str]:
    """Kill so many times; gives what was wrong, and prints what was done."""
    rng = random.Random(seed)  # noqa: S311 - chooses moments
    rounds: list[Round] = []
    started = time.monotonic()
    journal = folder / "journal.sqlite3"
    variables = {"KLING_ELEMENTS_JOURNAL": str(journal), "KLING_ELEMENTS_API_KEY": "kill-test-key"}
    context = get_context("spawn")
    here, there = context.Pipe()
    (folder / "first.jsonl").write_text('{"images": ["https://example.com/first.png"]}')
    settings = MockSettings(pace=Polls(2), scenario=f"slow={_SLOWNESS}")
    quick = patch.object(results, "draw", lambda _: mp4())  # drawing a real video takes half a second
    with quick, patch.dict(os.environ, variables), serve(settings) as served, here, there:
        first = ["batch", str(folder / "first.jsonl"), "-d", str(folder / "first"), "-q", *_WAIT]
        forker = context.Process(target=fork_runs, args=(there, ["--base-url", served.url, *first]))
        forker.start()
        here.recv()
        while (done := sum(one.kills for one in rounds)) < kills:
            own = folder / f"round{len(rounds)}"
            own.mkdir()
            one = Round(own, served, jobs, here, journal)
            rounds.append(one)
            one.until_whole(rng, kills - done)
            _say(f"round {len(rounds)}: {one.kills} kills, {one.adopted} adopted")
        forker.kill()
        forker.join()
    found = [f"{one.folder.name}: {what}" for one in rounds for what in one.found]
    troubles = sum((one.troubles for one in rounds), Counter[str]())
    _say(
        f"{sum(one.kills for one in rounds)} kills -9 in {len(rounds)} batches of {jobs} jobs, "
        f"{time.monotonic() - started:.0f} s, seed {seed}\n"
        f"runs with {', '.join(f'a {name}: {count}' for name, count in sorted(troubles.items()))}\n"
        f"creates in flight at a kill: {sum(one.adopted for one in rounds)} had made a task (adopted), "
        f"{sum(one.abandoned for one in rounds)} had not (given up, and created)\n"
        f"lost or paid twice: {len(found)}"
    )
    return found


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - it tells


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(given.kills, given.jobs, given.seed, Path(folder))
    for each in found:
        _say(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
