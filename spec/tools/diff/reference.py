"""A document with its references: what one leads to, and which operations a component concerns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from spec.tools.diff.model import Direction, Use
from spec.tools.errors import SpecError
from spec.tools.structure import METHODS, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

_VALUES: Final = frozenset({"example", "examples", "default", "enum", "const"})
_NAMED_SCHEMAS: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})


def operations(items: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give path, method and operation of every operation in a map of path items."""
    for path, item in (items if isinstance(items, dict) else {}).items():
        for method in METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                yield path, method, item[method]


@dataclass(frozen=True)
class Document:
    """One of the two documents.

    Attributes:
        file: What to call it in errors.
        root: The document, parameters and security written at each operation (see `spread`).
    """

    file: str
    root: dict[str, Any]

    def component(self, section: str, name: str) -> Any:
        """Give a component, or None."""
        components = self.root.get("components")
        found = components.get(section) if isinstance(components, dict) else None
        return found.get(name) if isinstance(found, dict) else None

    def names(self, section: str) -> list[str]:
        """Name the components of a section, in their order."""
        components = self.root.get("components")
        found = components.get(section) if isinstance(components, dict) else None
        return list(found) if isinstance(found, dict) else []

    def target(self, reference: str) -> Any:
        """Follow a reference inside the document, and those it leads to.

        Raises:
            SpecError: It leads nowhere, or in a circle.
        """
        seen: list[str] = []
        while True:
            if reference in seen:
                raise SpecError(f"the references {' → '.join([*seen, reference])} go in a circle", self.file)
            seen.append(reference)
            try:
                value = resolve(self.root, reference)
            except LookupError:
                raise SpecError(f"the reference {reference} leads nowhere: mend it", self.file) from None
            if (further := reference_of(value)) is None:
                return value
            reference = further

    def resolved(self, value: Any) -> Any:
        """Give what a value stands for: itself, or what its reference inside the document leads to."""
        reference = reference_of(value)
        return value if reference is None else self.target(reference)

    def uses(self, section: str, name: str) -> frozenset[Use]:
        """Tell which operations a component concerns, and which way its values go there."""
        return frozenset(self._all_uses.get((section, name), ()))

    @cached_property
    def _all_uses(self) -> dict[tuple[str, str], set[Use]]:
        uses: dict[tuple[str, str], set[Use]] = {}
        for path, method, operation in operations(self.root.get("paths")):
            self._mark_operation(operation, f"{method.upper()} {path}", Direction.SENT, uses)
        for name, _, operation in operations(self.root.get("webhooks")):
            self._mark_operation(operation, f"webhook {name}", Direction.RECEIVED, uses)
        return uses

    def _mark_operation(
        self, operation: dict[str, Any], label: str, asked: Direction, uses: dict[tuple[str, str], set[Use]]
    ) -> None:
        request, response = (
            ("request", "response") if asked is Direction.SENT else ("callback", "callback's answer")
        )
        for key in ("parameters", "requestBody"):
            self._mark(operation.get(key), Use(label, request, asked), uses)
        self._mark(operation.get("responses"), Use(label, response, asked.turned), uses)
        for alternative in as_list(operation.get("security")):
            for name in alternative if isinstance(alternative, dict) else ():
                use = Use(label, "security", Direction.SENT)
                uses.setdefault(("securitySchemes", str(name)), set()).add(use)
        callbacks = operation.get("callbacks")
        for callback in (callbacks if isinstance(callbacks, dict) else {}).values():
            if (component := component_of(callback)) is not None:
                uses.setdefault(component, set()).add(Use(label, "callback", asked.turned))
            for _, _, inner in operations(self.resolved(callback)):
                self._mark_operation(inner, label, asked.turned, uses)

    def _mark(self, value: Any, use: Use, uses: dict[tuple[str, str], set[Use]]) -> None:
        waiting: list[tuple[Any, bool]] = [(value, False)]
        while waiting:
            value, names = waiting.pop()
            if isinstance(value, list):
                waiting += [(item, False) for item in value]
            elif isinstance(value, dict):
                reference = None if names else reference_of(value)
                if reference is not None:
                    component = component_of(value)
                    if component is None:
                        continue
                    marked = uses.setdefault(component, set())
                    if use not in marked:
                        marked.add(use)
                        waiting.append((self.component(*component), False))
                    continue
                waiting += [
                    (item, not names and key in _NAMED_SCHEMAS)
                    for key, item in value.items()
                    if names or (key not in _VALUES and not key.startswith("x-"))
                ]


def as_map(value: Any) -> dict[str, Any]:
    """Give a map; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Give a list; anything else counts as an empty one."""
    return value if isinstance(value, list) else []


def reference_of(value: Any) -> str | None:
    """Give the reference inside the document that a value is, or None."""
    if isinstance(value, dict) and isinstance(reference := value.get("$ref"), str):
        return reference if reference.startswith("#/") else None
    return None


def component_of(value: Any) -> tuple[str, str] | None:
    """Give section and name of the component that a value refers to, or None."""
    reference = reference_of(value)
    parts = (reference or "").split("/")
    if len(parts) != 4 or parts[1] != "components":  # noqa: PLR2004 - #/components/SECTION/NAME
        return None
    return parts[2], parts[3].replace("~1", "/").replace("~0", "~")


def spread(root: dict[str, Any], file: str) -> Document:
    """Write out at each operation what a path or the document says for all: parameters and security.

    Callers meet operations, and moving a parameter from the path to all its operations changes nothing for
    them.
    """
    for key in ("paths", "components", "info", "webhooks"):
        if not isinstance(root.get(key, {}), dict):
            raise SpecError("this is no OpenAPI document: a map must stand here", file, keys=(key,))
    unspread = Document(file, root)
    paths = {}
    for path, item in as_map(root.get("paths")).items():
        if not isinstance(item, dict):
            paths[path] = item
            continue
        made = {key: value for key, value in item.items() if key != "parameters" or not _any_operation(item)}
        for method in METHODS:
            if isinstance(operation := item.get(method), dict):
                made[method] = _spread_operation(operation, item.get("parameters"), root, unspread)
        paths[path] = made
    whole = {key: value for key, value in root.items() if key != "security" or not paths}
    return Document(file, {**whole, **({"paths": paths} if "paths" in root else {})})


def _any_operation(item: dict[str, Any]) -> bool:
    return any(isinstance(item.get(method), dict) for method in METHODS)


def _spread_operation(
    operation: dict[str, Any], parameters: Any, root: dict[str, Any], document: Document
) -> dict[str, Any]:
    made = dict(operation)
    if isinstance(parameters, list) and parameters:
        own = as_list(operation.get("parameters"))
        taken = {identity(document.resolved(parameter)) for parameter in own}
        inherited = [one for one in parameters if identity(document.resolved(one)) not in taken]
        made["parameters"] = [*inherited, *own]
    if "security" in root:
        made.setdefault("security", root["security"])
    return made


def identity(parameter: Any) -> tuple[str, str]:
    """Give what tells parameters apart: where it goes and its name; header names ignore case."""
    if not isinstance(parameter, dict):
        return ("", str(parameter))
    where, name = str(parameter.get("in", "")), str(parameter.get("name", ""))
    return (where, name.lower() if where == "header" else name)
