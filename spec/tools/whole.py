"""A whole OpenAPI document of the vendor's: the operations that are wanted, and the components they need.

Only what is wanted is made into values, so that the time goes to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode

from spec.tools.components import Part, references
from spec.tools.embedded import read_document
from spec.tools.naming import numbered
from spec.tools.page import decode
from spec.tools.structure import (
    GRAMMAR,
    KIND_OF_SECTION,
    METHODS,
    UnknownKeyError,
    operations,
    pointer,
    reference_keys,
    resolve,
    walk,
)
from spec.tools.yaml_source import Source, Values, compose, compose_json

if TYPE_CHECKING:
    from collections.abc import Collection

    from spec.tools.errors import Keys
    from spec.tools.selection import Selection

Name = tuple[str, str]
"""The path and the method of an operation."""

_MOST_STEPS: Final = 20
_SUFFIXES: Final = (".yaml", ".yml", ".json")


def is_document(name: str) -> bool:
    """Return whether a file of spec/upstream/ is a whole document, by its name."""
    return name.endswith(_SUFFIXES)


@dataclass
class Whole:
    """A whole document, of which parts can be read."""

    file: str
    values: Values
    top: dict[str, Node]  # the nodes of the root
    paths: dict[str, dict[str, Node]] = field(default_factory=dict)  # the nodes of each path item
    # the nodes of each section of components
    components: dict[str, dict[str, Node]] = field(default_factory=dict)
    tags: dict[Name, list[Any]] = field(default_factory=dict)  # the tags of each operation
    # the given id of each operation; None where there is none
    ids: dict[Name, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, content: bytes, file: str) -> Whole:
        """Read a document as far as its operations are known."""
        text = decode(content, file)
        root = compose_json(text, file) if file.endswith(".json") else compose(text, file)
        values = Values(root, file)
        values.lines[()] = 1
        made = cls(file, values, {})
        made.top = made._members(root, ())
        if "openapi" not in made.top:
            raise made._error("this is no OpenAPI document: it has no `openapi: 3.0.x` or `3.1.x`", ())
        if "paths" not in made.top:
            raise made._error("no `paths`: the document is cut off or wrong; fetch it again", ())
        for path, item in made._members(made.top["paths"], ("paths",)).items():
            made._read_path(path, item)
        if "components" in made.top:
            for section, node in made._members(made.top["components"], ("components",)).items():
                if section in KIND_OF_SECTION:
                    made.components[section] = made._members(node, ("components", section))
        return made

    def _read_path(self, path: str, item: Node) -> None:
        keys = ("paths", path)
        self.paths[path] = members = self._members(item, keys)
        if path.startswith("x-"):
            return
        steps = 0
        while "$ref" in members:
            steps += 1
            members = {**self._referred(members.pop("$ref"), keys, steps), **members}
        self.paths[path] = members
        for key in members:
            if key not in GRAMMAR["path item"] and not key.startswith("x-"):
                problem = f"`{key}` is not known in a path item of OpenAPI 3.0: correct the document's copy"
                raise self._error(problem, (*keys, key))
        for method in METHODS:
            if method in members:
                operation = self._members(members[method], (*keys, method))
                tags = operation.get("tags")
                found = self.values.value(tags, (*keys, method, "tags")) if tags else []
                self.tags[path, method] = found if isinstance(found, list) else []
                name = operation.get("operationId")
                self.ids[path, method] = name.value if isinstance(name, ScalarNode) else None

    def _referred(self, reference: Node, keys: Keys, steps: int) -> dict[str, Node]:
        """Return the members of the path item that a reference names."""
        found: Node | None = None
        members = self.top if steps < _MOST_STEPS else {}
        for key in map(str, reference_keys(str(reference.value))):
            found = members.get(key)
            members = self._members(found, keys) if isinstance(found, MappingNode) else {}
        if found is None:
            raise self._error(f"the path item {reference.value} leads nowhere", keys)
        return members

    def _error(self, message: str, keys: Keys) -> Exception:
        return Source(self.file, None, self.values.lines).error(message, keys)

    def _members(self, node: Node | None, keys: Keys) -> dict[str, Node]:
        if not isinstance(node, MappingNode):
            raise self._error("expected a map: the document is cut off or wrong; fetch it again", keys)
        found: dict[str, Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else ""
            self.values.lines[*keys, key] = key_node.start_mark.line + 1
            if key in found:
                raise self._error(f"the key {key!r} stands here twice: remove one", (*keys, key))
            found[key] = value
        return found

    def _value(self, node: Node, keys: Keys) -> Any:
        """Make a value, which keeps the line of its key."""
        line = self.values.lines.get(keys)
        made = self.values.value(node, keys)
        if line is not None:
            self.values.lines[keys] = line
        return made

    def wanted(self, selection: Selection) -> list[Name]:
        """Return the operations that are wanted, in the document's order."""
        return [name for name in self.ids if selection.wants(*name, self.tags[name], self.ids[name])]

    def part(self, chosen: Collection[Name], reports: list[str]) -> Part:
        """Read some operations with all the components that they refer to."""
        source = Source(self.file, self._values_of(chosen), self.values.lines)
        try:
            self._add_components(source.value)
        except UnknownKeyError as error:
            raise source.error(f"{error.problem}: correct it in the document's copy", error.keys) from error
        document = read_document(source, reports)
        self._number_ids(document, source, reports)
        self._drop_links(document, set(self.ids) - set(chosen), source, reports)
        return Part(self.file, 1, document, own_info=True, source=source)

    def _values_of(self, chosen: Collection[Name]) -> dict[str, Any]:
        made = {
            key: self._value(node, (key,))
            for key, node in self.top.items()
            if key not in {"paths", "components"}
        }
        made["paths"] = {
            path: {
                key: self._value(node, ("paths", path, key))
                for key, node in item.items()
                if key not in METHODS or (path, key) in chosen
            }
            for path, item in self.paths.items()
            if any(name[0] == path for name in chosen)
        }
        tags = {tag for name in chosen for tag in self.tags[name]}
        if isinstance(made.get("tags"), list):
            made["tags"] = [one for one in made["tags"] if isinstance(one, dict) and one.get("name") in tags]
        return made

    def _add_components(self, made: dict[str, Any]) -> None:
        """Add the components that the operations refer to, and those that these refer to."""
        found: dict[Name, Any] = {}
        needs_top = any("security" not in operation for _, _, operation in operations(made))
        waiting: list[tuple[dict[str, Any], str, Keys]] = [(made["paths"], "paths", ("paths",))]
        if needs_top and isinstance(made.get("security"), list):
            waiting.append(({"security": made["security"]}, "document", ()))
        while waiting:
            for _, _, (section, name) in references(*waiting.pop()):
                node = self.components.get(section, {}).get(name)
                if node is not None and (section, name) not in found:
                    keys: Keys = ("components", section, name)
                    found[section, name] = self._value(node, keys)
                    if not isinstance(found[section, name], dict):
                        raise self._error("expected a map", keys)
                    waiting.append((found[section, name], KIND_OF_SECTION[section], keys))
        made["components"] = {
            section: {name: found[section, name] for name in named if (section, name) in found}
            for section, named in self.components.items()
        }
        made["components"] = {section: named for section, named in made["components"].items() if named}

    def _number_ids(self, document: dict[str, Any], source: Source, reports: list[str]) -> None:
        """Give the later of two operations of one id a number: whole documents have such."""
        seen: set[str] = set()
        for path, method, operation in operations(document):
            name = str(operation["operationId"])
            new = next(one for one in numbered(name) if one not in seen)
            if new != name:
                operation["operationId"] = new
                line = source.line(("paths", path, method))
                reports.append(f"{self.file}:{line}: the operationId {name} is taken: called {new}")
            seen.add(new)

    def _drop_links(
        self, document: dict[str, Any], others: set[Name], source: Source, reports: list[str]
    ) -> None:
        """Leave out the links to operations that were not selected."""
        kept = {operation["operationId"] for _, _, operation in operations(document)}
        gone = {self.ids[name] for name in others} - kept - {None}
        gone |= {pointer(("paths", *name)) for name in others}
        places: list[str] = []
        for node in [one for one in walk(document) if isinstance(one.value.get("links"), dict)]:
            for name, link in list(node.value["links"].items()):
                target = self._link(document, link)
                if {target.get("operationId"), target.get("operationRef")} & gone:
                    places.append(f"{self.file}:{source.line((*node.keys, 'links', name))}")
                    if node.kind == "response":
                        del node.value["links"][name]
            if not node.value["links"]:
                del node.value["links"]
        shared = document.get("components", {}).get("links", {})
        for name in list(shared):
            if {shared[name].get("operationId"), shared[name].get("operationRef")} & gone:
                del shared[name]
        if not shared:
            document.get("components", {}).pop("links", None)
        if places:
            reports.append(f"{places[0]}: {len(places)} links to operations left out are left out, too")

    @staticmethod
    def _link(document: dict[str, Any], link: dict[str, Any]) -> dict[str, Any]:
        try:
            found: dict[str, Any] = resolve(document, link["$ref"]) if "$ref" in link else link
        except LookupError:
            return {}  # `check` says so
        return found


def left_out(whole: Whole, chosen: Collection[Name], part: Part | None) -> str:
    """Return how much of a document was selected, in words."""
    components = sum(map(len, whole.components.values()))
    kept = 0 if part is None else sum(map(len, part.document.get("components", {}).values()))
    return (
        f"{whole.file}: {len(chosen)} of its {len(whole.ids)} operations and {kept} of its {components}"
        f" components are taken; {len(whole.ids) - len(chosen)} and {components - kept} are left out"
    )


def looks_whole(name: str, content: bytes) -> bool:
    """Return whether a file or an answer is a whole document rather than a page."""
    if name.lower().endswith((".md", *_SUFFIXES)):
        return is_document(name.lower())
    head = content[:4096].decode("utf-8", "replace")
    named = re.search(r"^\s*(\{\s*)?[\"']?(openapi|swagger)[\"']?\s*:", head, re.MULTILINE)
    return named is not None and "````" not in head
