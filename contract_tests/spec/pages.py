"""Small pages and documents for the tests of the tools under spec/tools, and ways through them."""

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from contract_tests.support.contract import load_yaml
from spec.tools import yaml_source
from spec.tools.build import convert_upstream
from spec.tools.errors import Keys
from spec.tools.layout import Layout
from spec.tools.replace import files_below

FIXTURES: Final = Path(__file__).parent / "fixtures"
ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = Layout(ROOT)
REF: Final = "#/components/schemas/"
INFO: Final = {"title": "Things", "version": "1"}


def children(value: Any) -> list[tuple[Any, Any]]:
    """Return the entries of a map or a list; of anything else, none."""
    lists = enumerate(value) if isinstance(value, list) else ()
    return list(value.items() if isinstance(value, dict) else lists)


def ways(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Give the way to every value, the whole first."""
    yield keys
    for key, item in children(value):
        yield from ways(item, (*keys, key))


def at(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = value[key]
    return value


def leaves(value: Any) -> list[Keys]:
    """Return the ways to every value that holds no other."""
    return [keys for keys in ways(value) if not children(at(value, keys))]


def put(value: Any, keys: Keys, new: Any) -> Any:
    """Return a copy of a value with another one at the end of a way; None removes what is there."""
    made = copy.deepcopy(value)
    if new is None:
        del at(made, keys[:-1])[keys[-1]]
    else:
        at(made, keys[:-1])[keys[-1]] = copy.deepcopy(new)
    return made


def files(layout: Layout) -> dict[str, bytes]:
    """Read all files of a project but its cache and its history of git."""
    found = files_below(layout.root)
    return {name: content for name, content in found.items() if not name.startswith((".cache", ".git/"))}


def fixture(name: str) -> Any:
    """Read a YAML file under fixtures/, fresh for each caller."""
    return load_yaml(FIXTURES / name)


@cache
def vendored() -> dict[str, Any]:
    """This project's own document; tests don't change it."""
    found: dict[str, Any] = yaml_source.load(PROJECT.document.read_text("utf-8"), "openapi.yaml").value
    return found


def page(block: Any, fence: str = "post /v1/things", title: str = "Things") -> bytes:
    """Make a page of one block of any content."""
    text = block if isinstance(block, str) else yaml.safe_dump(block, sort_keys=False)
    return f"# {title}\n\n````yaml {fence}\n{text}````\n".encode()


def excerpt(**changes: Any) -> bytes:
    """Make a page of the older format with what a test is about, and the rest small."""
    ok = {"application/json": {"schemaArray": [{"type": "object"}], "description": "OK"}}
    components = changes.pop("components", {"schemas": {}})
    request: dict[str, Any] = {"security": [], "parameters": {}, "body": {}}
    paths = {"path": "/v1/things", "method": "post", "request": request, "response": {"200": ok}}
    return page({"paths": {**paths, "type": "path", **changes}, "components": components})


def embedded(
    fence: str = "post /v1/things", operation: dict[str, Any] | None = None, **changes: Any
) -> bytes:
    """Make a page of the newer format with what a test is about, and the rest small."""
    method, path = fence.split()
    paths = {path: {method: {"responses": {"200": {"description": "OK"}}, **(operation or {})}}}
    return page({"openapi": "3.0.0", "info": INFO, "paths": paths, **changes}, fence)


def converted(*pages: bytes) -> dict[str, Any]:
    """Convert pages, named in the order given, and forget what there is to report."""
    return convert_upstream({f"page-{n}.md": content for n, content in enumerate(pages)}, [])
