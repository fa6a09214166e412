"""Check values by the document's own schemas before anything is sent, with messages that help.

This module holds no limits: lengths, counts, choices and formats are read from the document.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache, cached_property
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any, TypeAlias

from kling_elements.document import Document, load_document
from kling_elements.errors import ValidationError
from kling_elements.printable import shown_value
from kling_elements.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Check: TypeAlias = Callable[[object], bool]

_MAX_SHOWN = 60
_STRICT_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_JSON_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_PLAIN = frozenset(f"{ascii_letters}{digits}_-")
_KNOWN_KEYWORDS = {
    *("type", "enum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "items"),
    *("required", "properties", "title", "description", "default", "example"),
}
_ARTICLE = {"array": "an", "integer": "an", "object": "an"}


class Validator:
    """Checks values against one schema of a document.

    Attributes:
        schema: The schema, references resolved one level.
        document: The document that its references point into.
    """

    def __init__(self, schema: Mapping[str, Any], document: Document) -> None:
        self.schema = schema
        self.document = document

    @cached_property
    def _compiled(self) -> Any:
        import jsonschema_rs

        # OpenAPI 3.0 schemas are close to Draft 4; `components` lets their references resolve.
        components = self.document.content["components"]
        whole = {**_without_nullable(dict(self.schema)), "components": _without_nullable(components)}
        return jsonschema_rs.Draft4Validator(whole, validate_formats=True)

    @cached_property
    def _certainly_fits(self) -> Check:
        return _quick_check(self.schema)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the members that the schema knows."""
        return tuple(self.schema.get("properties", ()))

    def misfits(self, value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield where a value does not fit and why, in the JSON Schema library's words.

        Raises:
            ValueError: If the library can't take the value: it is nested too deeply, or half of a surrogate
                pair stands in a name.
        """
        for error in self._compiled.iter_errors(value):
            yield tuple(error.instance_path), str(error.message)

    def problems(self, value: object, name: str = "") -> list[str]:
        """Return a sentence for each invalid member, in the schema's order; empty if the value fits.

        Args:
            value: A JSON value.
            name: The name of the value itself in the sentences; members have their own names.
        """
        if self._certainly_fits(value):
            return []
        parts = (
            [((member,), part) for member, part in value.items()]
            if isinstance(value, dict)
            else [((), value)]
        )
        found = {
            _label(name, path): f"{_label(name, path)} {self._refusal(path, part)}"
            for path, part in parts
            if not _is_json(part)
        }
        if isinstance(value, dict):
            value = {member: part for member, part in value.items() if _label(name, [member]) not in found}
        elif found:
            return list(found.values())
        try:
            # JSON keeps no class of the caller's, which the library refuses: this is what the service reads.
            errors = list(self._compiled.iter_errors(json.loads(_STRICT_JSON.encode(value))))
        except (ValueError, RecursionError) as error:  # it is nested too deeply
            return [*found.values(), f"{_label(name, [])} can't be checked: {error}"]
        for misfit in errors:
            path = list(misfit.instance_path)
            keyword = str(misfit.schema_path[-1])
            if keyword == "required":
                path.append(misfit.kind.property)
            label = _label(name, path)
            # A wrong type violates `enum` as well, and the choices say more.
            if label not in found or keyword == "enum":
                found[label] = (
                    f"{label} {_sentence(keyword, self._subschema(path), misfit.instance, misfit.message)}"
                )
        order = {member: place for place, member in enumerate(self.names)}
        return sorted(found.values(), key=lambda text: order.get(re.split(r"[\s.\[]", text)[0], -1))

    def _refusal(self, path: Sequence[str | int], got: object) -> str:
        """Return why a value that JSON can't hold is refused, by the schema if its type is wrong."""
        schema = self._subschema(path)
        if isinstance(got, str):
            return "holds half of a surrogate pair, which can't be sent as UTF-8"
        for keyword in ("enum", "type"):
            if keyword in schema:
                return _sentence(keyword, schema, got, "")
        return f"can't be written as JSON: got {_shown(got)}"

    def _subschema(self, path: Sequence[str | int]) -> Mapping[str, Any]:
        node = self.schema
        for part in path:
            member = node.get("properties", {}).get(part) if isinstance(part, str) else node.get("items")
            node = self.document.resolve(member or {})
        return node


@cache
def request_validator(operation_id: str) -> Validator:
    """Return the validator of an operation's JSON request body."""
    document = load_document()
    content = document.operation(operation_id)["requestBody"]["content"]
    return Validator(document.resolve(content["application/json"]["schema"]), document)


@cache
def parameter_validator(operation_id: str, name: str) -> Validator:
    """Return the validator of a parameter of an operation."""
    document = load_document()
    return Validator(document.resolve(document.parameter(operation_id, name)["schema"]), document)


def check_parameter(operation_id: str, name: str, value: object) -> None:
    """Check a parameter.

    Raises:
        ValidationError: It does not fit the document.
    """
    if problems := parameter_validator(operation_id, name).problems(value, name):
        raise ValidationError(problems)


def unknown_names(
    given: Sequence[str], known: Sequence[str], what: str = "a field of the request"
) -> list[str]:
    """Return a sentence for each unknown name, with the nearest known one."""
    return [f"{name} is not {what}{did_you_mean(name, known)}" for name in given if name not in known]


def check_names(given: Mapping[str, object], known: Sequence[str], what: str) -> None:
    """Check the names of a caller's options.

    Raises:
        ValidationError: If one is unknown; it names the nearest one that is known.
    """
    if given and (problems := unknown_names(tuple(given), known, what)):
        raise ValidationError(problems)


def _quick_check(schema: Mapping[str, Any]) -> Check:
    """Return what says whether a value fits for certain, so that an ordinary request loads no validator.

    Its False leaves a value to that. It knows texts, lists and objects, and some keywords of theirs, but no
    class that is derived from one of Python's: it may be something else as well.
    """
    if not all(word in _KNOWN_KEYWORDS or word.startswith("x-") for word in schema):
        return _never
    get, kind = schema.get, schema.get("type")
    if kind == "string":
        least, most = get("minLength", 0), get("maxLength", math.inf)
        choices, pattern = get("enum"), get("pattern")
        return lambda value: (
            type(value) is str
            and least <= len(value) <= most
            and (choices is None or value in choices)
            and (value.isascii() or _is_json(value))
            and (pattern is None or _certainly_matches(pattern, value))
        )
    if kind == "array" and "enum" not in schema:
        fewest, limit, fits = get("minItems", 0), get("maxItems", math.inf), _quick_check(get("items", {}))
        return lambda value: type(value) is list and fewest <= len(value) <= limit and all(map(fits, value))
    if kind == "object" and "enum" not in schema:
        members = {name: _quick_check(member) for name, member in get("properties", {}).items()}
        required = frozenset(get("required", ()))
        return lambda value: (
            type(value) is dict
            and required <= value.keys()
            and all(members.get(name, _never)(part) for name, part in value.items())
        )
    return _never


def _never(_: object) -> bool:
    return False


def _certainly_matches(pattern: str, text: str) -> bool:
    """Whether a text matches in every dialect: no backslash, and no character of a meaning of its own."""
    try:
        return "\\" not in pattern and _PLAIN.issuperset(text) and re.search(pattern, text) is not None
    except re.error:
        return False


def _is_json(value: object) -> bool:
    """Return whether a value can be sent: of JSON's types, without NaN, and in UTF-8."""
    try:
        _STRICT_JSON.encode(value).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _label(name: str, path: Sequence[str | int]) -> str:
    label = name
    for part in path:
        label += f"[{part}]" if isinstance(part, int) else f".{part}" if label else part
    return label or "the request"


def _sentence(keyword: str, schema: Mapping[str, Any], got: object, otherwise: str) -> str:
    """Return what was expected and what was given, for a violated keyword of a schema."""
    limit = schema.get(keyword)
    size = len(got) if isinstance(got, (str, list)) else 0
    shown = _shown(got)
    plural = "" if limit == 1 else "s"
    match keyword:
        case "required":
            text = "is missing"
        case _ if limit is None:  # from the schema of a member that the schema doesn't name
            text = _verbatim(otherwise)
        case "enum":
            choices = limit if isinstance(limit, list) else []
            named = " or ".join(map(repr, choices))
            text = f"must be the {_type(schema)} {named}: got {shown}{did_you_mean(got, choices)}"
        case "type":
            wanted = _type(schema)
            text = f"must be {_ARTICLE.get(wanted, 'a')} {wanted}: got {shown}"
        case "maxLength" | "minLength":
            text = f"must have at {_most(keyword)} {limit} character{plural}: got {size or 'none'}"
        case "maxItems" | "minItems":
            text = f"must have at {_most(keyword)} {limit} item{plural}: got {size or 'none'}"
        case "maximum" | "minimum":
            text = f"must be at {_most(keyword)} {limit}: got {shown}"
        case "format":
            text = f"must be a valid {limit}: got {shown}"
        case "pattern":
            text = f"must match {limit}: got {shown}"
        case _:
            text = _verbatim(otherwise)
    return text


def _verbatim(text: str) -> str:
    return f"does not fit the document: {text[: _MAX_SHOWN * 3]}"


def _most(keyword: str) -> str:
    return "most" if keyword.startswith("max") else "least"


def _type(schema: Mapping[str, Any]) -> str:
    return str(schema.get("type", "value"))


def _shown(value: object) -> str:
    """Return a value with its JSON type, short enough for one line."""
    if value is None:
        return "null"
    name = _JSON_NAMES.get(type(value), type(value).__name__)
    return f"the {name} {shown_value(value)}"


def _without_nullable(node: Any) -> Any:
    """Return the schema with OpenAPI 3.0's `nullable` expressed in JSON Schema."""
    if isinstance(node, list):
        return [_without_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _without_nullable(value) for key, value in node.items()}
    return {"anyOf": [plain, {"enum": [None]}]} if plain.get("nullable") is True else plain
