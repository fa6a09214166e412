"""What the canary asks."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

from kling_elements.api.requests import list_request, status_request
from kling_elements.canary.bodies import impossible_bodies
from kling_elements.types import Request
from kling_elements_api.models import KlingElementsRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_elements.api.endpoints import Endpoints
    from kling_elements.document import Document

WRONG_KEY = "invalid-key-of-the-kling-elements-canary"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class Key(Enum):
    """Which key a probe goes out with."""

    NONE = "no key"
    WRONG = "a wrong key"
    OWN = "your key"


@frozen
class Probe:
    """One question.

    Attributes:
        name: For a person.
        template: The path as the document has it.
        request: What is sent.
        key: With which key.
        expected: The statuses that the document leads one to expect.
    """

    name: str
    template: str
    request: Request
    key: Key
    expected: tuple[int, ...]

    @property
    def is_create(self) -> bool:
        """Whether it would create a task, were its body valid and its key good."""
        return self.request.method != "GET"


def plan(document: Document, models: Mapping[str, Endpoints]) -> tuple[list[Probe], list[str]]:
    """Decide what to ask.

    Args:
        document: What the service is compared with.
        models: The models by name.

    Returns:
        The probes, and a sentence for each thing that can't be asked without danger.
    """
    probes: list[Probe] = []
    skipped: list[str] = []
    for name, model in models.items():
        asked = list_request(model)
        for key, expected in ((Key.NONE, (401,)), (Key.WRONG, (401,)), (Key.OWN, (200, 404))):
            probes.append(Probe(f"list of {name}, {key.value}", asked.path, asked, key, expected))
        blank = model.create(body=KlingElementsRequest(images=[]))
        bodies = impossible_bodies(document, blank["method"], blank["url"])
        if not bodies:
            skipped.append(
                f"creates of {name} were not probed: no body is safe enough by the document's schema"
            )
        for kind, body in bodies.items():
            request = Request(
                blank["method"].upper(),
                blank["url"],
                {**asked.headers, "Content-Type": "application/json"},
                json.dumps(body).encode(),
            )
            for key, expected in ((Key.WRONG, (401,)), (Key.OWN, (400,))):
                probes.append(
                    Probe(f"create of {name}, {kind}, {key.value}", blank["url"], request, key, expected)
                )
    looked = status_request(next(iter(models.values())), UNKNOWN_ID)
    template = template_of(document, looked.path)
    for key, expected in ((Key.NONE, (401,)), (Key.WRONG, (401,)), (Key.OWN, (404,))):
        probes.append(Probe(f"unknown task, {key.value}", template, looked, key, expected))
    return probes, skipped


def template_of(document: Document, path: str) -> str:
    """The document's path for a path that is sent.

    Raises:
        LookupError: If there is none.
    """
    for template in document.content["paths"]:
        if re.fullmatch(re.sub(r"\\\{[^{}]+\\\}", "[^/]+", re.escape(template)), path):
            return str(template)
    raise LookupError(f"the document has no path {path}")
