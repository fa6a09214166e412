"""Validates values against the document's schemas, and finds fields that no schema declares."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import jsonschema_rs

from contract_tests.schema.server.operations import branches
from contract_tests.support.contract import document, in_json_schema

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
# By the schema's own identity, and with it, so that no other one gets it.
_validators: dict[int, tuple[Any, jsonschema_rs.Draft4Validator]] = {}


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Give what is wrong with a value, formats included; nothing if it fits."""
    if id(schema) not in _validators:
        whole = in_json_schema({"components": document().get("components", {}), "allOf": [schema]})
        made = jsonschema_rs.Draft4Validator(whole, validate_formats=True, formats={"uuid": _is_uuid})
        _validators[id(schema)] = schema, made
    return [
        f"{''.join(f'/{part}' for part in error.instance_path) or 'the whole'}: {error.message[:300]}"
        for error in _validators[id(schema)][1].iter_errors(value)
    ]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def header_faults(schema: dict[str, Any], text: str) -> list[str]:
    """Give what is wrong with a header's value. An integer is written in plain digits and nothing else."""
    value: Any = text
    if schema.get("type") == "integer":
        if _INTEGER.fullmatch(text) is None:
            return [f"{text!r} is no integer"]
        value = int(text)
    elif schema.get("type") == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    return faults(schema, value)


def undeclared(schema: dict[str, Any], value: Any, place: str = "") -> Iterator[str]:
    """Give the place of each field that no branch of its schema declares."""
    some = list(branches(schema))
    if isinstance(value, list):
        items = [branch["items"] for branch in some if "items" in branch]
        for index, element in enumerate(value):
            yield from undeclared({"anyOf": items}, element, f"{place}/{index}")
    elif isinstance(value, dict):
        declaring = [branch["properties"] for branch in some if "properties" in branch]
        if not declaring or any(branch.get("additionalProperties") for branch in some):
            return
        for name, child in value.items():
            nodes = [known[name] for known in declaring if name in known]
            if nodes:
                yield from undeclared({"anyOf": nodes}, child, f"{place}/{name}")
            else:
                yield f"{place}/{name}"
