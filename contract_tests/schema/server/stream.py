"""Prints a digest of the requests that each phase sends: the same seed must give the same digests.

`python -m contract_tests.schema.server.stream SEED EXAMPLES`
"""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from contract_tests.schema.server import default_target, engine
from contract_tests.schema.server.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contract_tests.schema.server.exchange import Sent


def digest(record: Sequence[Sent]) -> str:
    """Give one word for a stream of requests: their number, and a hash of all of each, in order."""
    found = hashlib.sha256()
    for sent in record:
        found.update(repr((sent.method, sent.target, sent.headers, sent.body)).encode())
    return f"{len(record)}-{found.hexdigest()[:16]}"


def digests(seed: int, examples: int, phases: Sequence[engine.Phase] = engine.PHASES) -> list[str]:
    """Run phases, each against a fresh mock, and give the digest of what each has sent."""
    found = []
    for phase in phases:
        with default_target.in_process(Configuration(key="contract-suite-key", seed=seed)) as target:
            engine.run(target, phase, seed, examples)
            found.append(f"{phase} {digest(target.record)}")
    return found


if __name__ == "__main__":
    sys.stdout.write("\n".join(digests(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
