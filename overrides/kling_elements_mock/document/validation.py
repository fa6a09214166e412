"""Validate a request against the document's schemas, and name each invalid parameter.

This is not the validator that the client uses: a mistake of one library must not pass on both sides.
"""

from __future__ import annotations

import logging
import re
from email import message_from_bytes
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from attrs import frozen
from jsonschema import ValidationError  # type: ignore[import-untyped]  # it ships no types
from jsonschema.validators import extend  # type: ignore[import-untyped]  # as above
from openapi_schema_validator import OAS30WriteValidator
from referencing import Registry, Specification

from kling_elements_mock.document.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kling_elements_mock.document.node import Node
    from kling_elements_mock.document.openapi import Document, Operation

_log = logging.getLogger("kling_elements_mock")
_DOCUMENT = "urn:kling-elements-mock:document"
_MOST = 20


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


_Validator = extend(OAS30WriteValidator, {"pattern": _pattern})


class Schemas:
    """Validates values against the schemas of one document."""

    def __init__(self, document: Document) -> None:
        resource = Specification.OPAQUE.create_resource(document.root)
        registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)
        self._validator = lru_cache(maxsize=512)(
            lambda pointer: _Validator(
                {"$ref": f"{_DOCUMENT}#{pointer}"}, registry=registry, format_checker=FORMATS
            )
        )

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
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
    ).lstrip(".")
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
        values = _values(carried, query, name, place or "")
        if place == "path" and name in skip:
            continue
        if not values:
            if parameter.value.get("required"):
                found.append(Violation(name, "is required"))
            continue
        schema = parameter.get("schema")
        if schema is None:
            continue
        value = _typed(schema, values)
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
    typed = {} if schema is None else schema.children("properties")
    return {
        name: _typed(typed[name], values) if name in typed else values[-1] for name, values in fields.items()
    }


def _typed(schema: Node, values: list[str]) -> Any:
    kind = schema.text("type")
    if kind == "array":
        items = schema.get("items")
        parts = values if len(values) > 1 else values[0].split(",")
        return parts if items is None else [_scalar(items.text("type"), part) for part in parts]
    return _scalar(kind, values[-1])


def _scalar(kind: str | None, text: str) -> Any:
    if kind == "integer" and re.fullmatch(r"-?\d{1,30}", text, re.ASCII):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?", text, re.ASCII):
        return float(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text
