"""Ask the service once, as soon as a process can: by raw httpx, by this client, or by another one.

python first.py WHICH URL
"""

# ruff: noqa: PLC0415 - a process imports what it measures

from __future__ import annotations

import sys
from importlib import import_module

KEY = "a-key-of-no-account"
TASK = "5f9f4e8c-0000-4000-8000-000000000001"


def raw(url: str) -> None:
    """By httpx alone."""
    import httpx

    httpx.Client(base_url=url).get(f"/v1/ai/{TASK}", headers={"x-freepik-api-key": KEY})


def look(url: str) -> None:
    """A look by this client."""
    from kling_elements import KlingElements

    KlingElements(KEY, url).get(TASK)


def create(url: str) -> None:
    """A create by this client, without a journal."""
    from kling_elements import KlingElements

    KlingElements(KEY, url, journal=False).create("https://example.com/a.png")


def create_journalled(url: str) -> None:
    """A create by this client, whose journal exists."""
    from kling_elements import KlingElements

    KlingElements(KEY, url).create("https://example.com/a.png")


def command(url: str) -> None:
    """The command `kling-elements status`."""
    from kling_elements.__main__ import main

    sys.argv = ["kling-elements", "status", TASK, "--base-url", url]
    main()


def fal_client(url: str) -> None:
    """By fal-client."""
    import os

    os.environ["FAL_QUEUE_RUN_HOST"] = url.removeprefix("https://")
    import_module("fal_client").SyncClient(key=KEY).status("owner/model", TASK)


def replicate(url: str) -> None:
    """By replicate."""
    import_module("replicate").Client(api_token=KEY, base_url=url).predictions.get(TASK)


def runwayml(url: str) -> None:
    """By runwayml."""
    import_module("runwayml").RunwayML(api_key=KEY, base_url=url).tasks.retrieve(TASK)


def openai(url: str) -> None:
    """By openai."""
    import_module("openai").OpenAI(api_key=KEY, base_url=url).models.retrieve("any")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
