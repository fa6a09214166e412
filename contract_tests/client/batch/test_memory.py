"""A batch of any length needs the same memory."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

from contract_tests.client.batch.conftest import URL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contract_tests.client.batch.conftest import Service
    from kling_elements import KlingElements

# Bytes: caches that fill once. A line that is kept costs over 500, so thousands of them cost more.
_SLACK = 400_000
# What the package's own lines allocate: the interpreter's tables grow by leaps that are not its doing.
_OWN = (tracemalloc.Filter(inclusive=True, filename_pattern="*/kling_elements/*"),)


def held(client: KlingElements, path: Path, out: Path, count: int) -> int:
    """The bytes that were allocated for a batch, and are still held when it is nearly over."""
    tracemalloc.start()
    try:
        with client.batch(path, directory=out) as batch:
            for _ in range(count - 5):
                next(batch)
            traces = tracemalloc.take_snapshot().filter_traces(_OWN).traces
            return sum(trace.size for trace in traces)
    finally:
        tracemalloc.stop()


def test_thousands_of_lines_need_no_more_than_a_hundred(
    service: Service, open_client: Callable[..., KlingElements], tmp_path: Path
) -> None:
    """Of thousands of lines of which most are bad, and some are made, nothing is kept but what is in work.

    What a client holds of a job's task is dropped with the job.
    """
    out = tmp_path / "out"
    service.keeps_books = False

    def write(name: str, count: int, every: int) -> Path:
        path = tmp_path / name
        with path.open("w") as stream:
            for number in range(count):
                text = f'"id": "{name}{number}", "prompt": "{name} {number} {"x" * 200}"'
                output = "" if number % every == 0 else ', "output": "../x.mp4"'
                stream.write(f'{{{text}, "images": ["{URL}"]{output}}}\n')
        return path

    client = open_client()
    held(client, write("warm", 60, 10), out, 60)
    small = held(client, write("small", 60, 10), out, 60)
    large = held(client, write("large", 3_000, 200), out, 3_000)
    assert large < small + _SLACK
