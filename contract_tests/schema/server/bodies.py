"""Request bodies made from a schema: each breaks it at one place, or goes to the edge of what it allows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contract_tests.schema.server.operations import properties, sample
from contract_tests.schema.server.target import example_body
from contract_tests.support.contract import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.schema.server.operations import Operation

_OF_TYPE: Final[dict[str, Any]] = {
    "string": "text",
    "integer": 7,
    "number": 7.5,
    "boolean": True,
    "null": None,
    "array": ["text"],
    "object": {"a": "text"},
}
_NO_URIS: Final = ("not a uri", "/relative", "http://a b/", "http://[::1", "://example.com", "")


@dataclass(frozen=True, slots=True)
class Body:
    """A body for a request.

    Attributes:
        label: What is peculiar about it.
        value: The JSON value.
        parameter: The property at fault; None if the body is valid, empty if it is the body as a whole.
    """

    label: str
    value: Any
    parameter: str | None = None


def broken(operation: Operation) -> Iterator[Body]:
    """Give bodies that break the schema at one place each."""
    base, schema = example_body(operation), operation.body_schema
    for kind in ("array", "string", "integer", "boolean", "null"):
        if kind != schema.get("type"):
            yield Body(f"the body is of type {kind}", _OF_TYPE[kind], "")
    for name in schema.get("required", ()):
        yield Body(f"{name} is missing", {k: v for k, v in base.items() if k != name}, name)
    for name, node in properties(schema).items():
        for label, value in _bad(node):
            yield Body(f"{name} {label}", {**base, name: value}, name)


def _bad(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    node = resolve(node)
    kinds = {
        node.get("type"),
        "null" if node.get("nullable") else None,
        "integer" if node.get("type") == "number" else None,
    }
    for kind, value in _OF_TYPE.items():
        if "type" in node and kind not in kinds:
            yield f"is of type {kind}", value
    if "enum" in node:
        yield from _no_words(node["enum"])
    if node.get("format") == "uri":
        yield from ((f"is {text!r}, no URI", text) for text in _NO_URIS)
    yield from _over_the_edge(node)
    for label, value in _bad(node["items"]) if "items" in node else ():
        yield f"has an item that {label}", [value]


def _no_words(words: list[Any]) -> Iterator[tuple[str, Any]]:
    """Give what looks like a word of an enum and is none; first of all the integer that a numeral names."""
    for word in filter(lambda known: isinstance(known, str), words):
        if word.lstrip("-").isdigit():
            yield f"is the integer {word}", int(word)
        if word.upper() != word:
            yield f"is {word.upper()!r}", word.upper()
        yield f"is {word!r} with a space", f"{word} "
    yield "is none of the words", "no-such-word"
    yield "is empty", ""


def _over_the_edge(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give values just outside each limit."""
    item = sample(node.get("items", {})) if "items" in node else "text"
    edges = (
        ("maxLength", "is one character too long", lambda most: "a" * (most + 1)),
        ("minLength", "is one character too short", lambda least: "a" * (least - 1) if least else None),
        ("maxItems", "has one item too many", lambda most: [item] * (most + 1)),
        ("minItems", "has one item too few", lambda least: [item] * (least - 1) if least else None),
        ("maximum", "is too large", lambda most: most + 1),
        ("minimum", "is too small", lambda least: least - 1),
    )
    for keyword, label, make in edges:
        value = make(node[keyword]) if keyword in node else None
        if value is not None:
            yield label, value


def valid(operation: Operation) -> Iterator[Body]:
    """Give bodies at the edge of what the schema allows, and the document's own examples."""
    media = operation.body["content"]["application/json"] if operation.body else {}
    for label, example in media.get("examples", {}).items():
        yield Body(f"example {label}", example["value"])
    base, schema = example_body(operation), operation.body_schema
    yield Body("only what is required", {n: v for n, v in base.items() if n in schema.get("required", ())})
    for name, node in properties(schema).items():
        for word in node.get("enum", ()):
            yield Body(f"{name} is {word!r}", {**base, name: word})
        if "maxLength" in node:
            # Outside the basic plane: whoever counts UTF-16 units or bytes finds two or four times as many.
            yield Body(f"{name} as long as it may be", {**base, name: "\N{CAT FACE}" * node["maxLength"]})
        if node.get("type") == "string" and "enum" not in node and "format" not in node:
            yield Body(f"{name} is odd text", {**base, name: 'a"\\\n\t\u0001\u2028é\N{CAT FACE}'})
        if node.get("type") == "array" and name in base and base[name]:
            for count in sorted({node.get("minItems", 0), node.get("maxItems", 1)}):
                yield Body(f"{name} has {count} items", {**base, name: (base[name] * count)[:count]})


def malformed(operation: Operation) -> Iterator[tuple[str, bytes]]:
    """Give bytes that are no JSON by the letter, with what is wrong with them."""
    good = json.dumps(example_body(operation)).encode()
    yield "nothing", b""
    yield "white space", b" \n"
    yield "no JSON", b"\x00\x01\x02"
    yield "plain text", b"hello"
    yield "a lone bracket", b"["
    yield "bytes that are no UTF-8", b'"\xff\xfe"'
    yield "a text that is no UTF-8", good[:-1] + b', "x": "\xff\xfe"}'
    yield "bottomless nesting", b"[" * 100_000
    yield "a cut-off body", good[:-1]
    yield "text after the end", good + b"}"
    yield "single quotes", good.replace(b'"', b"'")
    yield "a comma too many", good[:-1] + b",}"
    yield "NaN", good[:-1] + b', "x": NaN}'
    yield "UTF-16", good.decode().encode("utf-16")
