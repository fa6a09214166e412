"""The answers under `contract_tests/fixtures`: where each is known from, and what the client makes of it."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from attrs import frozen

from contract_tests.support.contract import document, load_yaml
from contract_tests.support.strategies import Wire

FOLDER: Final = Path(__file__).resolve().parents[1] / "fixtures"
Mark = Literal["observed", "published", "inferred"]
MARKS: Final = get_args(Mark)
SURENESS: Final = "ABCD"
METHODS: Final = ("create", "get", "list", "wait", "generate")
KINDS: Final = ("task", "tasks", "error", "rides_out")


@frozen
class Fixture:
    """One answer of the service, as the folder's README explains; `expected` is by public method."""

    name: str
    mark: Mark
    sureness: str
    source: str
    sibling: str
    base_url: str
    wire: Wire
    expected: Mapping[str, Mapping[str, Any]]


def load(path: Path) -> Fixture:
    """Read one file; ValueError if it does not say what it must, or says more."""
    content: dict[str, Any] = load_yaml(path)
    response: dict[str, Any] = content["response"]
    expected = {name: what for names, what in content["expect"].items() for name in names.split(", ")}
    unknown = set(content) - {"mark", "sureness", "source", "sibling", "server", "response", "expect"}
    is_whole = (
        content["mark"] in MARKS
        and content["sureness"] in SURENESS
        and bool(content["source"].strip())
        and set(expected) <= set(METHODS)
        and all(len(what) == 1 and set(what) <= set(KINDS) for what in expected.values())
    )
    if unknown or not expected or not is_whole:
        raise ValueError(f"{path.name} is not as {FOLDER.name}/README.md wants it {sorted(unknown)}")
    headers = {name.lower(): value for name, value in response.get("headers", {}).items()}
    media_type = headers.pop("content-type", "")
    value = response.get("json")
    body = response["text"] if "text" in response else json.dumps(value, ensure_ascii=False)
    wire = Wire(response["status"], media_type, headers, body.encode(), value)
    url = document()["servers"][content.get("server", 0)]["url"]
    said = (content["mark"], content["sureness"], content["source"], content.get("sibling", ""))
    return Fixture(path.stem, *said, url, wire, expected)


@cache
def load_all() -> tuple[Fixture, ...]:
    return tuple(load(path) for path in sorted(FOLDER.glob("*.yaml")))
