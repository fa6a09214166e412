"""Values that the document's schemas describe, and answers made of them.

A schema's keyword that is not known here raises: a limit that nobody generates for is one that nobody tests.
"""

import json
import math
import re
import string
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from contract_tests.schema.exercised import Row
from contract_tests.support.contract import document, resolve

_ANNOTATIONS: Final = {
    *("title", "description", "example", "examples", "default", "deprecated", "readOnly", "writeOnly")
}
_KNOWN: Final = {
    *("type", "enum", "nullable", "format", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("items", "minItems", "maxItems", "properties", "required", "allOf", "anyOf", "oneOf"),
}
_SHORT: Final = 30
_MANY: Final = 4
_FAR: Final = 2**31


class UnknownKeyword(LookupError):  # noqa: N818 - it says what happened
    """A schema uses a keyword that no strategy is made for."""


def plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without references at its top and with its `allOf` merged; raises UnknownKeyword."""
    found = dict(resolve(dict(schema)))
    parts = [plain(part) for part in found.pop("allOf", ())]
    unknown = {name for name in found if not name.startswith("x-")} - _KNOWN - _ANNOTATIONS
    if unknown:
        raise UnknownKeyword(f"{__name__} can't generate for {sorted(unknown)}: teach it")
    for part in parts:
        found = {
            **part,
            **found,
            "properties": {**part.get("properties", {}), **found.get("properties", {})},
            "required": [*found.get("required", ()), *part.get("required", ())],
        }
    return found


def values(schema: Mapping[str, Any]) -> SearchStrategy[Any]:
    known = plain(schema)
    if branches := known.get("anyOf") or known.get("oneOf"):
        made = st.one_of([values(branch) for branch in branches])
    elif "enum" in known:
        made = st.sampled_from(known["enum"])
    else:
        made = _of_type(known)
    return st.none() | made if known.get("nullable") else made


def _of_type(schema: Mapping[str, Any]) -> SearchStrategy[Any]:
    match schema.get("type"):
        case "string":
            return _texts(schema)
        case "integer":
            return st.integers(schema.get("minimum", -_FAR), schema.get("maximum", _FAR))
        case "number":
            least, most = schema.get("minimum"), schema.get("maximum")
            return st.floats(least, most, allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "array":
            least = schema.get("minItems", 0)
            most = schema.get("maxItems", least + _MANY)
            return st.lists(values(schema["items"]), min_size=least, max_size=most)
        case "object":
            return _objects(schema)
    raise UnknownKeyword(f"{__name__} knows no type {schema.get('type')!r}: teach it")


def _objects(schema: Mapping[str, Any]) -> SearchStrategy[Any]:
    members = {name: values(member) for name, member in schema.get("properties", {}).items()}
    required = {name: members.pop(name) for name in schema.get("required", ()) if name in members}
    return st.fixed_dictionaries(required, optional=members)


def _texts(schema: Mapping[str, Any]) -> SearchStrategy[str]:
    if "x-image-constraints" in schema:
        return urls()  # the schema says no more than that it is a string; its description says what string
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if "pattern" in schema:
        bounded = st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True)
        return bounded.filter(lambda text: least <= len(text) <= most)
    match schema.get("format"):
        case None:
            short = st.text(min_size=least, max_size=int(min(most, least + _SHORT)))
            # The limit counts characters, and not bytes or UTF-16's halves.
            return short if math.isinf(most) else short | st.sampled_from(["x" * int(most), "🎬" * int(most)])
        case "uri":
            return urls()
        case "uuid":
            return st.uuids().map(str)
    raise UnknownKeyword(f"{__name__} knows no format {schema['format']!r}: teach it")


def urls() -> SearchStrategy[str]:
    """Addresses that a service could call: http or https, with all the characters that RFC 3986 allows."""
    label, piece = r"[a-z0-9]{1,12}", r"([A-Za-z0-9._~!$&'()*+,;=:@-]|%C3%9F){0,8}"
    end = rf"(:[1-9][0-9]{{0,3}})?(/{piece}){{0,3}}(\?{piece}(&{piece})?)?"
    return st.from_regex(rf"https?://({label}\.){{1,3}}(com|example|io){end}", fullmatch=True)


@frozen
class Wire:
    """An answer as it comes over the wire; `value` is what the bytes say, where they are JSON."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    body: bytes
    value: Any = None


def encoded(row: Row, status: int, value: Any, headers: Mapping[str, str]) -> Wire:
    is_json = row.media_type.endswith("json")
    body = json.dumps(value, ensure_ascii=False).encode() if is_json else str(value).encode()
    return Wire(status, row.media_type, headers, body, value)


def task_id_in(value: Any) -> str:
    """The id of the task that an answer shows; empty if it shows none."""
    data = value.get("data") if isinstance(value, dict) else None
    return str(data["task_id"]) if isinstance(data, dict) else ""


def response_of(row: Row) -> dict[str, Any]:
    return resolve(document()["paths"][row.path][row.method.lower()]["responses"][row.status])


def media_of(row: Row) -> dict[str, Any]:
    content: dict[str, Any] = response_of(row)["content"][row.media_type]
    return content


def _header(name: str, schema: Mapping[str, Any]) -> SearchStrategy[str]:
    if name.lower() == "retry-after":  # the schema says "string", and its description which
        return st.integers(0, 10**6).map(str) | st.just("Wed, 21 Oct 2015 07:28:00 GMT")
    if plain(schema)["type"] == "string":
        return st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=40)
    return values(schema).map(str)


@st.composite
def documented_answers(draw: DrawFn, row: Row) -> Wire:
    """Answers that fit the document, made from its schemas; each header may be missing."""
    known = document()["paths"][row.path][row.method.lower()]["responses"]
    # `default` stands for the codes that nothing else is documented for.
    others = [code for code in range(400, 600) if str(code) not in known]
    status = draw(st.sampled_from(others)) if row.status == "default" else int(row.status)
    value = draw(values(media_of(row)["schema"]))
    said = {name: resolve(header)["schema"] for name, header in response_of(row).get("headers", {}).items()}
    made = st.fixed_dictionaries({}, optional={name: _header(name, schema) for name, schema in said.items()})
    return encoded(row, status, value, draw(made))
