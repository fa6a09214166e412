"""Validate a request against the document's schemas, and name each invalid parameter.

This is not the validator that the client uses: a mistake of one library must not pass on both sides.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from email import message_from_bytes
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from attrs import frozen
from jsonschema import Draft4Validator, ValidationError  # type: ignore[import-untyped]  # it ships no types
from jsonschema.validators import extend  # type: ignore[import-untyped]  # as above
from openapi_schema_validator import OAS30WriteValidator
from referencing import Registry, Specification

from kling_elements_mock.document import strict_json
from kling_elements_mock.document.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from kling_elements_mock.document.node import Node
    from kling_elements_mock.document.openapi import Document, Operation

_log = logging.getLogger("kling_elements_mock")
_DOCUMENT = "urn:kling-elements-mock:document"
_SCHEMAS = "#/components/schemas/"
_MOST = 20
_PLAIN: Mapping[str, Any] = Draft4Validator.VALIDATORS


@frozen
class Violation:
    """An invalid parameter: its name, e.g. `images[4]`, and the reason."""

    name: str
    reason: str


def _pattern(
    validator: Any, pattern: str, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    del schema
    if not validator.is_type(instance, "string"):
        return
    compiled = _compiled(pattern)
    if compiled is not None and compiled.search(instance) is None:
        yield ValidationError("does not match the pattern")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Compile a schema's pattern; None, with a warning, if Python can't: nothing is then held to it."""
    # Schemas speak ECMA-262, where digits are ASCII and `$` is the very end, except in a set or escaped. In
    # Python it also stands before a last line feed.
    python = re.sub(r"(\\.|\[(?:\\.|[^\]])*\])|\$", lambda found: found[1] or r"\Z", pattern)
    try:
        return re.compile(python, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        _log.warning("the pattern %r is not checked, as Python can't read it: %s", pattern, error)
        return None


def _branches(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    """Return a check of `oneOf` or `anyOf` that holds a value to the branch that its discriminator chooses.

    Where that chooses none, it changes nothing. The library's own takes its value for the name of any schema,
    and fails if it is no text.
    """
    plain = _PLAIN[keyword]

    def check(
        validator: Any, branches: list[Mapping[str, Any]], instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        given = schema.get("discriminator")
        hint: dict[str, Any] = given if isinstance(given, dict) else {}
        name = hint.get("propertyName")
        if name is None or not isinstance(instance, dict):
            yield from plain(validator, branches, instance, schema)
            return
        chosen = _chosen(branches, hint.get("mapping"), instance.get(name))
        if chosen is not None:
            yield from validator.descend(instance, chosen)
        elif errors := list(plain(validator, branches, instance, schema)):
            yield ValidationError("chooses no branch", path=[name], validator="discriminator")
            yield from errors

    return check


def _chosen(branches: list[Mapping[str, Any]], mapping: Any, value: Any) -> Mapping[str, Any] | None:
    if not isinstance(value, str):
        return None
    # A mapping has references or names of schemas; a value without one is a name.
    wanted = mapping.get(value, value) if isinstance(mapping, dict) else value
    return next((one for one in branches if one.get("$ref") in (wanted, f"{_SCHEMAS}{wanted}")), None)


_Validator = extend(
    OAS30WriteValidator,
    {
        "pattern": _pattern,
        "oneOf": _branches("oneOf"),
        "anyOf": _branches("anyOf"),
        "allOf": _PLAIN["allOf"],
    },
)


class Schemas:
    """Validates values against the schemas of one document."""

    def __init__(self, document: Document) -> None:
        resource = Specification.OPAQUE.create_resource(document.root)
        registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)

        @lru_cache(maxsize=512)
        def validator(pointer: str) -> Any:
            schema = {"$ref": f"{_DOCUMENT}#{pointer}"}
            return _Validator(schema, registry=registry, format_checker=FORMATS)

        self._validator = validator

    def violations(self, schema: Node, value: Any) -> tuple[Violation, ...]:
        """Return the first 20 violations, one a place; none if `value` is valid."""
        found: dict[str, Violation] = {}
        try:
            for error in self._validator(schema.pointer.replace("%", "%25")).iter_errors(value):
                violation = _describe(error)
                found.setdefault(violation.name, violation)
                if len(found) >= _MOST:
                    break
        except RecursionError:
            return (Violation("body", "is nested too deeply"),)
        return tuple(found.values())


def _describe(error: ValidationError) -> Violation:
    steps = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    path = "".join(steps).lstrip(".")
    if error.validator == "required":
        wanted: Any = error.validator_value
        missing = next((name for name in wanted if repr(name) in error.message.split(" is ")[0]), "?")
        return Violation(f"{path}.{missing}" if path else missing, "is required")
    return Violation(path or "body", _reason(error))


def _reason(error: ValidationError) -> str:
    """Say what a keyword requires, without the value, which may be megabytes of base64."""
    wanted, value = error.validator_value, error.instance
    size = len(value) if isinstance(value, (str, list, dict)) else 0
    texts = {
        "type": f"must be of type {wanted}",
        "enum": f"must be one of {', '.join(map(repr, wanted)) if isinstance(wanted, list) else wanted}",
        "maxLength": f"must have at most {wanted} characters, has {size}",
        "minLength": f"must have at least {wanted} characters, has {size}",
        "maxItems": f"must have at most {wanted} items, has {size}",
        "minItems": f"must have at least {wanted} items, has {size}",
        "uniqueItems": "must not have the same item twice",
        "format": f"must be a valid {wanted}",
        "pattern": f"must match {wanted}",
        "minimum": f"must be {wanted} or more",
        "maximum": f"must be {wanted} or less",
        "multipleOf": f"must be a multiple of {wanted}",
        "additionalProperties": "has a property that is not documented",
        "oneOf": "must match exactly one of the documented shapes",
        "anyOf": "must match one of the documented shapes",
        "discriminator": "must choose one of the documented shapes",
        "not": "has a shape that is not allowed",
    }
    return texts.get(str(error.validator), f"does not match the schema ({error.validator})")


@frozen
class Carried:
    """What a request carries beside its body. Path values are percent-encoded, header names lower-case."""

    path: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


def parameters(
    schemas: Schemas, operation: Operation, carried: Carried, skip: Iterable[str] = ()
) -> list[Violation]:
    """Check the documented parameters of a request, except the path parameters in `skip`."""
    found: list[Violation] = []
    try:
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(carried.query, keep_blank_values=True, max_num_fields=1000):
            query.setdefault(name, []).append(value)
    except ValueError:
        return [Violation("query", "has too many fields")]
    for parameter in operation.parameters:
        name, place = parameter.text("name") or "", parameter.text("in")
        if place == "path" and name in skip:
            continue
        schema = parameter.get("schema")
        # What is written as an object has a dozen forms (OpenAPI's styles), which nothing here reads.
        if schema is not None and "object" in _kinds(schema):
            continue
        values = _values(carried, query, name, place or "")
        if not values:
            if parameter.value.get("required"):
                found.append(Violation(name, "is required"))
            continue
        if schema is None:
            continue
        value = _typed(schema, values, _between(parameter))
        found += [
            Violation(name if v.name == "body" else f"{name}.{v.name}", v.reason)
            for v in schemas.violations(schema, value)
        ]
    return found


def _values(carried: Carried, query: Mapping[str, list[str]], name: str, place: str) -> list[str]:
    if place == "query":
        return query.get(name, [])
    if place == "path":
        value = carried.path.get(name)
        return [] if value is None else [unquote(value)]
    source = carried.headers if place == "header" else carried.cookies
    value = source.get(name.lower() if place == "header" else name)
    return [] if value is None else [value]


def form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of an `application/x-www-form-urlencoded` body; raises ValueError."""
    return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=1000)


def multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a `multipart/form-data` body, files as text; raises ValueError."""
    parts = message_from_bytes(f"content-type: {content_type}\r\n\r\n".encode() + body)
    if body.strip() == f"--{parts.get_boundary()}--".encode():
        return []
    if not parts.is_multipart() or parts.defects:
        raise ValueError("The body is no multipart/form-data")
    fields = []
    for part in parts.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            name = str(part.get_param("name", header="content-disposition"))
            fields.append((name, content.decode("utf-8", "replace")))
    return fields


def typed_form(schema: Node | None, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the value of a form's fields, typed by its schema."""
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    typed: dict[str, Node] = {}
    for branch in () if schema is None else schema.branches:
        typed = {**branch.children("properties"), **typed}
    return {
        name: _typed(typed[name], values) if name in typed else values[-1] for name, values in fields.items()
    }


def _between(parameter: Node) -> str | None:
    """Return what stands between the items of a list in one text; None if each has a field of its own."""
    is_query = parameter.text("in") == "query"
    style = parameter.text("style") or ("form" if is_query else "simple")
    if is_query and parameter.value.get("explode", style == "form"):
        return None
    return {"spaceDelimited": " ", "pipeDelimited": "|"}.get(style, ",")


def _typed(schema: Node, values: list[str], between: str | None = None) -> Any:
    kinds = _kinds(schema)
    if "array" not in kinds:
        return _value(kinds, values[-1])
    parts = values if between is None or len(values) > 1 else values[0].split(between)
    items = [items for branch in schema.branches if (items := branch.get("items")) is not None]
    if not items:
        return parts
    item_kinds = _kinds(items[0])
    found = [_value(item_kinds, part) for part in parts]
    # A list of objects is JSON: in one field, or in a field for each.
    is_whole = len(found) == 1 and isinstance(found[0], list) and "array" not in item_kinds
    return found[0] if is_whole else found


def _kinds(schema: Node) -> set[str]:
    return {kind for branch in schema.branches if (kind := branch.text("type")) is not None}


def _value(kinds: set[str], text: str) -> Any:
    """Return what a text says in one of some types; objects, and lists in a list, are JSON."""
    if "integer" in kinds and re.fullmatch(r"-?\d{1,30}", text, re.ASCII):
        return int(text)
    if "number" in kinds and re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?", text, re.ASCII):
        return float(text)
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    if not kinds.isdisjoint({"object", "array"}):
        with suppress(strict_json.NotJsonError):
            return strict_json.parse(text.encode())
    return text
