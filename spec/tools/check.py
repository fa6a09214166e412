"""What must hold for a document before anything is made of it.

It is valid OpenAPI 3.0, its references and links lead somewhere, its operations and security schemes can be
told apart, and its examples and defaults fit their schemas, which no validator on the way looks at.
"""

from __future__ import annotations

import contextlib
import json
import re
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from spec.tools.errors import SpecError, brief
from spec.tools.judge import is_portable, worst
from spec.tools.misfits import misfits
from spec.tools.structure import Node, UnknownKeyError, operations, parameters, pointer, resolve, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys
    from spec.tools.misfits import Misfit

_INVALID: Final = "not valid in OpenAPI 3.0: "


def check(document: dict[str, Any], unfit: list[Misfit] | None = None) -> None:
    """Raise SpecError for the first thing that doesn't hold, with the `keys` of its place.

    `unfit` holds the examples and defaults that don't fit, where they are known.
    """
    for problem, keys in chain(_problems(document), _more_problems(document, unfit)):
        raise SpecError(problem, keys=keys)


def _more_problems(document: dict[str, Any], unfit: list[Misfit] | None) -> Iterator[tuple[str, Keys]]:
    for misfit in misfits(document) if unfit is None else unfit:
        yield f"does not fit its schema: {misfit.problem}", misfit.keys
    for error in _errors(document):  # Without a place: most are about defaults, and are told better above.
        yield _INVALID + brief(error.message), tuple(error.absolute_path)


def first_invalid(document: dict[str, Any]) -> tuple[str, Keys] | None:
    """Return what OpenAPI's own schema says against a document, and the place; None if nothing."""
    # Of a default, the validator gives the way inside its schema alone.
    placed = (error for error in _errors(document) if error.absolute_path)
    error = worst(error for error in placed if error.absolute_path[0] in document)
    return None if error is None else (_INVALID + brief(error.message), tuple(error.absolute_path))


def _problems(document: dict[str, Any]) -> Iterator[tuple[str, Keys]]:
    try:
        nodes = list(walk(document))
    except UnknownKeyError as error:
        yield error.problem, error.keys
        return
    if broken := list(_references(document, nodes)):
        yield from broken
        return
    yield from _parameters(document)
    yield from _values(nodes)
    yield from _operation_ids(document)
    yield from _security(document)
    yield from _links(document, nodes)
    if (invalid := first_invalid(document)) is not None:
        yield invalid


def _references(document: dict[str, Any], nodes: list[Node]) -> Iterator[tuple[str, Keys]]:
    for node in nodes:
        for reference, keys in _mentions(node):
            try:
                resolve(document, str(reference))
            except (LookupError, TypeError):
                yield f"the reference {reference} leads nowhere: add the component, or correct the name", keys
        if "$ref" in node.value and _leads_back(document, node):
            problem = f"the reference {node.value['$ref']} leads back to itself for one value: say what it is"
            yield problem, node.keys


def _mentions(node: Node) -> Iterator[tuple[Any, Keys]]:
    if "$ref" in node.value:
        yield node.value["$ref"], node.keys
    discriminator = node.value.get("discriminator") if node.kind == "schema" else None
    mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
    for value, target in mapping.items() if isinstance(mapping, dict) else ():
        yield target, (*node.keys, "discriminator", "mapping", value)


def _leads_back(document: dict[str, Any], node: Node) -> bool:
    """Tell whether a reference leads back to itself by what counts for the same value."""
    waiting: list[Any] = [node.value]
    seen = set[str]()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, dict):
            continue
        if (reference := str(value.get("$ref", ""))) in seen:
            if value is node.value:
                return True
        elif reference:
            seen.add(reference)
            with contextlib.suppress(LookupError, TypeError):
                waiting.append(resolve(document, reference))
        for key in ("allOf", "anyOf", "oneOf"):
            waiting += value[key] if isinstance(value.get(key), list) else ()
        waiting.append(value.get("not"))
    return False


def _parameters(document: dict[str, Any]) -> Iterator[tuple[str, Keys]]:
    """Find parameters described twice, or that don't fit their path: validators name no place for these."""
    for path, method, operation in operations(document):
        templated = re.findall(r"\{([^{}]*)\}", path)
        seen: set[tuple[Any, Any]] = set()
        for holder, keys in (
            (operation, ("paths", path, method, "parameters")),
            (document["paths"][path], ("paths", path, "parameters")),
        ):
            here: set[tuple[Any, Any]] = set()
            for number, given in enumerate(holder.get("parameters", [])):
                parameter = resolve(document, given["$ref"]) if "$ref" in given else given
                name, location = parameter.get("name"), parameter.get("in")
                at = (*keys, number)
                if (location, name) in here:
                    yield f"the {location} parameter {name!r} is described twice: remove one", at
                if location == "path" and name not in templated:
                    yield f"the path has no {{{name}}}: correct the parameter's name, or remove it", at
                if location == "path" and parameter.get("required") is not True:
                    yield f"the path parameter {name!r} must say `required: true`", at
                here.add((location, name))
            seen |= here
        for name in templated:
            if ("path", name) not in seen:
                problem = f"nothing describes the path's {{{name}}}: add a parameter of that name `in: path`"
                yield problem, ("paths", path, method)


def _values(nodes: list[Node]) -> Iterator[tuple[str, Keys]]:
    for node in [node for node in nodes if node.kind == "schema"]:
        if node.value.get("enum") == []:
            yield "an `enum` of no values allows nothing: list its values, or remove it", (*node.keys, "enum")
        pattern = node.value.get("pattern")
        if isinstance(pattern, str) and not is_portable(pattern):
            problem = "ECMA-262 and Python's `re` don't both read this pattern: correct it, or remove it"
            yield problem, (*node.keys, "pattern")


def _operation_ids(document: dict[str, Any]) -> Iterator[tuple[str, Keys]]:
    seen: dict[str, Keys] = {}
    for path, method, operation in operations(document):
        keys: Keys = ("paths", path, method)
        name = operation.get("operationId")
        if not isinstance(name, str) or not name:
            yield "the operation has no operationId: the generated module is named after it", keys
        elif name in seen:
            yield f"the operationId {name} is taken already: operations need names of their own", keys
        else:
            seen[name] = keys


def _security(document: dict[str, Any]) -> Iterator[tuple[str, Keys]]:
    known = document.get("components", {}).get("securitySchemes", {})
    holders: list[tuple[Keys, dict[str, Any]]] = [((), document)]
    holders += [(("paths", path, method), operation) for path, method, operation in operations(document)]
    for keys, holder in holders:
        for place, requirement in enumerate(holder.get("security", [])):
            for name in requirement:
                if name not in known:
                    yield f"no security scheme is called {name!r}", (*keys, "security", place)


def _links(document: dict[str, Any], nodes: list[Node]) -> Iterator[tuple[str, Keys]]:
    by_id, by_pointer = {}, {}
    for path, method, operation in operations(document):
        by_id[operation.get("operationId")] = path, method
        by_pointer[pointer(("paths", path, method))] = path, method
    for node in nodes:
        if node.kind != "link" or "$ref" in node.value:
            continue
        target = by_id.get(node.value.get("operationId")) or by_pointer.get(
            str(node.value.get("operationRef"))
        )
        if target is None or ("operationId" in node.value) == ("operationRef" in node.value):
            shown = node.value.get("operationId") or node.value.get("operationRef")
            yield f"the link names {shown!r}: exactly one operation of this document must be named", node.keys
            continue
        named = [parameter for parameter, _ in parameters(document, *target)]
        known = {one["name"] for one in named} | {f"{one['in']}.{one['name']}" for one in named}
        for name in [name for name in node.value.get("parameters", {}) if name not in known]:
            problem = f"the link gives {name!r}, which is no parameter of that operation"
            yield problem, (*node.keys, "parameters")


def _errors(document: dict[str, Any]) -> list[Any]:
    """Give the findings of OpenAPI's own schema, by the slow validator that can say what is wrong."""
    if _is_valid(document):
        return []
    from openapi_spec_validator import OpenAPIV30SpecValidator  # noqa: PLC0415 - half a second, seldom needed
    from openapi_spec_validator.schemas import schema_v30  # noqa: PLC0415
    from openapi_spec_validator.schemas.backend.jsonschema import create_validator  # noqa: PLC0415

    class Validator(OpenAPIV30SpecValidator):
        """The validator with the engine that tells why a choice failed, whatever else is installed."""

        schema_validator = create_validator(schema_v30)

    errors: list[Any] = []
    try:
        errors.extend(Validator(document).iter_errors())
    except Exception as crash:  # It fails in its own ways on what is far from a document.
        if not errors:
            raise SpecError(f"{_INVALID}{type(crash).__name__}: {crash}", keys=()) from crash
    return errors


def _is_valid(document: dict[str, Any]) -> bool:
    """Return whether the schema takes a document, by the quick validator."""
    found = find_spec("openapi_spec_validator")
    for folder in (found and found.submodule_search_locations) or ():
        schema = Path(folder, "resources", "schemas", "v3.0", "schema.json")
        if schema.is_file():
            try:
                return jsonschema_rs.validator_for(json.loads(schema.read_bytes())).is_valid(document)
            except (ValueError, TypeError, RecursionError):
                return False
    return False
