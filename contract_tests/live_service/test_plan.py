"""What the canary asks: every question, whole."""

from __future__ import annotations

import copy
import json

import pytest

from contract_tests.support.contract import place
from kling_elements.api.endpoints import MODELS
from kling_elements.canary import UNKNOWN_ID, Key, Probe, impossible_bodies, plan
from kling_elements.canary.probes import template_of
from kling_elements.document import Document, load_document
from kling_elements.types import Request

ACCEPT = {"Accept": "application/json, application/problem+json;q=0.9, */*;q=0.1"}
ONE = place("getKlingElementsTask")[1]


def lists(name: str, path: str) -> list[Probe]:
    """The questions for the list of a model."""
    request = Request("GET", path, ACCEPT)
    return [
        Probe(f"list of {name}, no key", path, request, Key.NONE, (401,)),
        Probe(f"list of {name}, a wrong key", path, request, Key.WRONG, (401,)),
        Probe(f"list of {name}, your key", path, request, Key.OWN, (200, 404)),
    ]


def creates(name: str, path: str) -> list[Probe]:
    """The creates of a model that none could take as valid."""
    probes = []
    for kind, body in impossible_bodies(load_document(), "post", path).items():
        headers = {**ACCEPT, "Content-Type": "application/json"}
        request = Request("POST", path, headers, json.dumps(body).encode())
        probes += [
            Probe(f"create of {name}, {kind}, a wrong key", path, request, Key.WRONG, (401,)),
            Probe(f"create of {name}, {kind}, your key", path, request, Key.OWN, (400,)),
        ]
    assert len(probes) == 4
    return probes


def unknown() -> list[Probe]:
    """The questions for a task that does not exist."""
    request = Request("GET", ONE.replace("{task-id}", UNKNOWN_ID), ACCEPT, task_id=UNKNOWN_ID)
    return [
        Probe("unknown task, no key", ONE, request, Key.NONE, (401,)),
        Probe("unknown task, a wrong key", ONE, request, Key.WRONG, (401,)),
        Probe("unknown task, your key", ONE, request, Key.OWN, (404,)),
    ]


STD = place("createKlingElementsStdTask")[1]
PRO = place("createKlingElementsProTask")[1]


def test_everything_that_is_asked() -> None:
    """Lists and impossible creates of each model, and an unknown task, with each key that tells something."""
    assert plan(load_document(), MODELS) == (
        [
            *lists("std", place("listKlingElementsStdTasks")[1]),
            *creates("std", STD),
            *lists("pro", place("listKlingElementsProTasks")[1]),
            *creates("pro", PRO),
            *unknown(),
        ],
        [],
    )


def test_a_create_that_no_body_is_safe_for_is_left_out_and_told() -> None:
    """Where the document requires no member, no create is asked, and a sentence says so; all else is."""
    content = copy.deepcopy(load_document().content)
    for path in (STD, PRO):
        content["paths"][path]["post"]["requestBody"] = {
            "content": {"application/json": {"schema": {"properties": {"images": {"type": "array"}}}}}
        }
    assert plan(Document(content), MODELS) == (
        [
            *lists("std", place("listKlingElementsStdTasks")[1]),
            *lists("pro", place("listKlingElementsProTasks")[1]),
            *unknown(),
        ],
        [
            "creates of std were not probed: no body is safe enough by the document's schema",
            "creates of pro were not probed: no body is safe enough by the document's schema",
        ],
    )


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/a.b", "/a.b"),
        ("/a.b/5", "/a.b/{id}"),
        ("/a.b/5-x/c/d", "/a.b/{id}/c/{other-id}"),
        ("/axb", None),
        ("/a.b/", None),
        ("/a.b/5/6", None),
        ("/a.b/5/c", None),
    ],
)
def test_the_documents_path_of_a_path(path: str, template: str | None) -> None:
    """A parameter stands for one segment of a path, and anything else for itself."""
    document = Document({"paths": {"/a.b": {}, "/a.b/{id}": {}, "/a.b/{id}/c/{other-id}": {}}})
    if template is not None:
        assert template_of(document, path) == template
        return
    with pytest.raises(LookupError) as caught:
        template_of(document, path)
    assert str(caught.value) == f"the document has no path {path}"
