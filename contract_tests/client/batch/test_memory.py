"""A batch of any length needs the same memory."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

from contract_tests.client.batch.conftest import URL

if TYPE_CHECKING:
    from contract_tests.client.batch.conftest import Bench

# Bytes: caches that fill once. A line that is kept costs over 500, so a thousand of them cost more.
_SLACK = 300_000
# What the package's own lines allocate: the interpreter's tables grow by leaps that are not its doing.
_OWN = (tracemalloc.Filter(inclusive=True, filename_pattern="*/kling_elements/*"),)


def test_a_thousand_lines_need_no_more_than_sixty(bench: Bench) -> None:
    """Of lines of which most are bad, and some are made, nothing is kept but what is in work."""
    bench.service.keeps_books = False
    client = bench.open_client()

    def held(name: str, count: int, every: int) -> int:
        """Return the bytes that a batch still holds when it is nearly over."""
        path = bench.folder / name
        with path.open("w") as stream:
            for number in range(count):
                text = f'"id": "{name}{number}", "prompt": "{name} {number} {"x" * 200}"'
                output = "" if number % every == 0 else ', "output": "../x.mp4"'
                stream.write(f'{{{text}, "images": ["{URL}"]{output}}}\n')
        tracemalloc.start()
        try:
            with client.batch(path) as batch:
                for _ in range(count - 5):
                    next(batch)
                traces = tracemalloc.take_snapshot().filter_traces(_OWN).traces
                return sum(trace.size for trace in traces)
        finally:
            tracemalloc.stop()

    held("warm", 60, 10)
    assert held("large", 1_200, 100) < held("small", 60, 10) + _SLACK
