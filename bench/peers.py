"""A look by another client over httpx's `MockTransport`, beside raw httpx: microseconds, as JSON.

    python -m bench.peers openai|runwayml

It runs in that client's environment.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.measures import KEY, TASK, pairs

try:
    import httpx
except ImportError:  # openai has moved on
    import httpx2 as httpx  # type: ignore[import-not-found, no-redef]

if TYPE_CHECKING:
    from collections.abc import Callable

_BODIES = {
    "openai": {"id": TASK, "object": "model", "created": 1, "owned_by": "x"},
    "runwayml": {"id": TASK, "status": "PENDING", "createdAt": "2026-01-01T00:00:00Z"},
}


def _look(name: str, given: httpx.Client) -> Callable[[], Any]:
    if name == "openai":
        client = import_module("openai").OpenAI(api_key=KEY, http_client=given)
        return lambda: client.models.retrieve(TASK).id
    other = import_module("runwayml").RunwayML(api_key=KEY, http_client=given)
    return lambda: other.tasks.retrieve(TASK).id


def main(name: str) -> None:
    """Measure."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=_BODIES[name]))
    raw = httpx.Client(base_url="https://api.example.com", transport=transport)
    look = _look(name, httpx.Client(transport=transport))
    print(json.dumps(pairs(lambda: raw.get(f"/v1/{TASK}").json()["id"], look, 100)))


if __name__ == "__main__":
    main(sys.argv[1])
