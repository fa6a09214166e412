"""Small pages and documents for the tests of the tools under spec/tools."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from spec.tools import yaml_source
from spec.tools.build import convert_upstream
from spec.tools.layout import Layout
from spec.tools.replace import files_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spec.tools.errors import Keys

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def children(value: Any) -> list[tuple[Any, Any]]:
    """Return the entries of a map or a list; of anything else, none."""
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def ways(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Give the way to every value, the whole first."""
    yield keys
    for key, item in children(value):
        yield from ways(item, (*keys, key))


def at(value: Any, keys: Keys) -> Any:
    """Return the value at the end of a way."""
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
    """Read all files of a project but its cache."""
    found = files_below(layout.root)
    return {name: content for name, content in found.items() if not name.startswith(".cache")}


@pytest.fixture(scope="session")
def session_library() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / "fixtures" / "library.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def library(session_library: dict[str, Any]) -> dict[str, Any]:
    """A small document with one of everything that the diff knows, fresh for each test."""
    return copy.deepcopy(session_library)


@pytest.fixture(scope="session")
def vendored() -> dict[str, Any]:
    """This project's own document; tests don't change it."""
    text = Layout(ROOT).document.read_text(encoding="utf-8")
    found: dict[str, Any] = yaml_source.load(text, "openapi.yaml").value
    return found


@pytest.fixture
def no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a quick stand-in in the generator's place, for tests of what is around it."""

    def generate(document: Any, _config: Path, into: Path) -> list[Any]:
        (into / "package").mkdir()
        (into / "package" / "client.py").write_text(f"SIZE = {len(str(document))}\n")
        return []

    monkeypatch.setattr("spec.tools.generate.generate", generate)


@pytest.fixture
def layout() -> Layout:
    """The repository's own inputs and outputs."""
    return Layout(ROOT)


@pytest.fixture
def fixture_page() -> Callable[[str], bytes]:
    """Give the bytes of a page under fixtures/."""
    return lambda name: (HERE / "fixtures" / name).read_bytes()


@pytest.fixture
def page() -> Callable[..., bytes]:
    """Make a page of one block of any content."""

    def make(block: Any, fence: str = "post /v1/things", title: str = "Things") -> bytes:
        text = block if isinstance(block, str) else yaml.safe_dump(block, sort_keys=False)
        return f"# {title}\n\n````yaml {fence}\n{text}````\n".encode()

    return make


@pytest.fixture
def excerpt(page: Callable[..., bytes]) -> Callable[..., bytes]:
    """Make a page of the older format with what a test is about, and the rest small."""

    def make(fence: str = "post /v1/things", **changes: Any) -> bytes:
        method, path = fence.split()
        ok = {"application/json": {"schemaArray": [{"type": "object"}], "description": "OK"}}
        components = changes.pop("components", {"schemas": {}})
        request: dict[str, Any] = {"security": [], "parameters": {}, "body": {}}
        paths = {"path": path, "method": method, "request": request, "response": {"200": ok}, "type": "path"}
        return page({"paths": {**paths, **changes}, "components": components}, fence)

    return make


@pytest.fixture
def embedded(page: Callable[..., bytes]) -> Callable[..., bytes]:
    """Make a page of the newer format with what a test is about, and the rest small."""

    def make(
        fence: str = "post /v1/things", operation: dict[str, Any] | None = None, **changes: Any
    ) -> bytes:
        method, path = fence.split()
        info = {"title": "Things", "version": "1"}
        paths = {path: {method: {"responses": {"200": {"description": "OK"}}, **(operation or {})}}}
        return page({"openapi": "3.0.0", "info": info, "paths": paths, **changes}, fence)

    return make


@pytest.fixture
def converted() -> Callable[..., dict[str, Any]]:
    """Convert pages, named in the order given, and forget what there is to report."""
    return lambda *pages: convert_upstream({f"page-{n}.md": content for n, content in enumerate(pages)}, [])


@pytest.fixture
def document() -> dict[str, Any]:
    """A small valid document of two linked operations."""
    found: dict[str, Any] = yaml.safe_load((HERE / "fixtures" / "things.yaml").read_bytes())
    return found
