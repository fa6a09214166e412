"""Request bodies made from a schema: each breaks it at one place, or goes to the edge of what it allows."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import httpx
from attrs import frozen

from contract_tests.schema.server import schemas
from contract_tests.schema.server.exchange import Answer
from contract_tests.schema.server.operations import life_cycles, operations, properties, sample
from contract_tests.support.contract import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_tests.schema.server.operations import Operation

_OF_TYPE: Final[dict[str, Any]] = {
    "string": "text", "integer": 7, "number": 7.5, "boolean": True, "null": None, "array": ["text"], "object": {"a": "text"},
}  # fmt: skip
_NO_JSON_WORDS: Final = (
    "NaN", "Infinity", "-Infinity", "undefined", "nan", "None", "True", "0x10", "01", "+1", ".5", "1.",
)  # fmt: skip
_NO_URIS: Final = (
    "not a uri", "/relative", "http://a b/", "http://[::1", "://example.com", "", " ", "example.com", "example.com/hook",
    "//example.com/hook", "www.example.com", "localhost", "http", "?a=b", "#a", "1http://a/",
)  # fmt: skip


@frozen
class Body:
    """A body for a request: what is peculiar about it, and the property at fault; None if it is valid."""

    label: str
    value: Any
    parameter: str | None = None


def encoded(media_type: str, value: Any) -> tuple[str, bytes]:
    """Return the content type and the bytes of a value under a media type."""
    if "json" in media_type:
        return media_type, json.dumps(value).encode()
    if not isinstance(value, dict):
        return media_type, str(value).encode()
    texts = {
        name: [_text(v) for v in (some if isinstance(some, list) else [some])] for name, some in value.items()
    }
    if media_type != "multipart/form-data":
        return media_type, urlencode(texts, doseq=True).encode()
    named = f"{media_type}; boundary=contract-suite"
    parts = [(name, (None, text.encode())) for name, some in texts.items() for text in some]
    return named, httpx.Request("POST", "http://x", headers={"content-type": named}, files=parts).read()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def broken(operation: Operation) -> Iterator[Body]:
    """Give bodies that break the schema at one place each; of a form, whose values are texts, fewer."""
    is_json, schema = "json" in operation.media_type, operation.media.get("schema", {})
    for body in _broken(operation):
        if (is_json or _is_of_texts(operation, body)) and schemas.faults(schema, body.value):
            yield body


def _is_of_texts(operation: Operation, body: Body) -> bool:
    known = properties(operation.body_schema)
    return isinstance(body.value, dict) and all(
        isinstance(value, str) and known.get(name, {}).get("type", "string") == "string"
        for name, value in body.value.items()
    )


def _broken(operation: Operation) -> Iterator[Body]:
    base, schema = example_body(operation), operation.body_schema
    for kind in ("array", "string", "integer", "boolean", "null"):
        if kind != schema.get("type"):
            yield Body(f"the body is of type {kind}", _OF_TYPE[kind], "")
    yield Body("the body is in a list", [base], "")
    yield Body("the body is in a text", json.dumps(base), "")
    if not isinstance(base, dict):
        return
    for name in schema.get("required", ()):
        rest = {k: v for k, v in base.items() if k != name}
        yield Body(f"{name} is missing", rest, name)
        yield Body("the body is empty", {}, name)
        for other in _other_names(name):
            yield Body(f"{name} is called {other}", {**rest, other: base[name]}, name)
        for wrapper in ("data", "params", "body", "input"):
            yield Body(f"the body is in {wrapper}", {wrapper: base}, name)
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
    if "items" in node and node.get("type") == "array":
        item = sample(node["items"])
        plain = resolve(node["items"]).get("type") == "string"
        yield "has nothing after a good item", [item, None]
        yield "has a number after a good item", [item, 7]
        yield "has a list in it", [[item]]
        yield "is an object of items", {"0": item}
        yield "is one item without its list", item
        yield from (
            [("is a text of items", f"{item},{item}"), ("has an object", [{"url": item}])] if plain else []
        )


def _other_names(name: str) -> Iterator[str]:
    """Give names that somebody might take for a property's."""
    yield from {
        name.removesuffix("s"), name.capitalize(), name.upper(), f"{name}[]", f"{name}_urls", f" {name}",
        f"{name.removesuffix('s')}_url", f"{name.removesuffix('s')}_list", f"{name}s",
    } - {name}  # fmt: skip


def _no_words(words: list[Any]) -> Iterator[tuple[str, Any]]:
    """Give what looks like a word of an enum and is none: neighbours of each, in every spelling."""
    found: list[Any] = ["no-such-word", "", " ", "null", "default", "auto", "none", 0, 1, -1]
    for word in filter(lambda known: isinstance(known, str), words):
        found += [
            word.upper(), word.title(), word.capitalize(), word.swapcase(), f"{word} ", f" {word}", f"{word}\n",
            f"\t{word}", f"{word}\0", f"\ufeff{word}", f"{word}x", f"x{word}", word[:-1], word[1:], word * 2,
            f"{word},{words[-1]}", [word], {"value": word}, {word: word}, f'"{word}"', f"'{word}'", f"{word};",
        ]  # fmt: skip
        if word.isdecimal():
            found += _near_numerals(word)
        else:
            found += [word.replace("_", other) for other in ("-", " ", "", "__")]
            found += _near_shapes(word)
    yield from ((f"is {value!r}", value) for value in _distinct(found) if value not in words)


def _near_numerals(word: str) -> list[Any]:
    number = int(word)
    around = [number - 1, number + 1, number * 2, number + 5, number * 3, number // 2, -number, number * 1000]
    return [
        number, float(number), number + 0.5, f"{number}.0", f"{number}.5", f"0{word}", f"00{word}", f"+{word}", f"-{word}",
        f"{word}s", f"{word} s", f"{word}sec", f"{word} seconds", f"{number}e0", hex(number), bin(number), f"{word}_0",
        f"{word},0", f"{word}.", f".{word}", "".join(chr(0xFF10 + int(d)) for d in word), f"PT{word}S", f"~{word}",
        "".join(chr(0x0660 + int(d)) for d in word), "five", "FIVE", "ten", "V", "X", f"{word}000", *map(str, around),
        "3", "6", "8", "15", "20", "30", "60", "1", "2", "0", "12", *around,
    ]  # fmt: skip


def _near_shapes(word: str) -> list[Any]:
    name, *numbers = word.split("_")
    return [
        name, "_".join(numbers), ":".join(numbers), "x".join(numbers), "/".join(numbers), f"{name}:{':'.join(numbers)}",
        "_".join([name, *numbers[::-1]]), "_".join(word.split("_")[::-1]), "16:9", "9:16", "1:1", "4:3", "3:4", "21:9",
        "classic_4_3", "traditional_3_4", "standard_3_2", "portrait_2_3", "vertical_1_2", "horizontal_2_1",
        "social_post_4_5", "social_5_4", "film_vertical_9_21", "film_horizontal_21_9", "widescreen_9_16",
        "social_story_16_9", "square", "widescreen", "portrait", "landscape", "smartphone_vertical_9_20",
        "smartphone_horizontal_20_9", "original", "1_1", "16_9", "9_16", "square_2_2", "square_1:1",
    ]  # fmt: skip


def _distinct(values: list[Any]) -> Iterator[Any]:
    seen: set[str] = set()
    for value in values:
        written = json.dumps(value)
        if written not in seen:
            seen.add(written)
            yield value


def _over_the_edge(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give values just outside each limit."""
    item = sample(node.get("items", {})) if "items" in node else "text"
    edges: tuple[tuple[str, dict[str, Callable[[int], Any]]], ...] = (
        ("maxLength", {
            "is one character too long": lambda most: "a" * (most + 1),
            "is one space too long": lambda most: "a" * most + " ",
            "begins with a space too many": lambda most: " " + "a" * most,
            "is one line break too long": lambda most: "a" * most + "\n",
            "is nothing but spaces, and too long": lambda most: " " * (most + 1),
            "has one accented letter too many": lambda most: "\u00e9" * (most + 1),
            "has one letter outside the basic plane too many": lambda most: "\U0001f431" * (most + 1),
            "is too long by an accent": lambda most: "a" * most + "\u0301",
            "is one NUL too long": lambda most: "a" * most + "\0",
            "is ten characters too long": lambda most: "a" * (most + 10),
            "is 0.4 times too long": lambda most: "b " * (most // 10 * 7),
            "is twice too long": lambda most: "a" * (most * 2),
            "is four times too long": lambda most: "word " * most,
            "is a hundred times too long": lambda most: "a" * (most * 100),
        }),
        ("minLength", {"is one character too short": lambda least: "a" * (least - 1)}),
        ("maxItems", {
            "has one item too many": lambda most: [item] * (most + 1),
            "has two items too many": lambda most: [item] * (most + 2),
            "has twice as many items": lambda most: [item] * (most * 2),
            "has a hundred items too many": lambda most: [item] * (most + 100),
        }),
        ("minItems", {"has one item too few": lambda least: [item] * (least - 1)}),
        ("maximum", {"is too large": lambda most: most + 1}),
        ("minimum", {"is too small": lambda least: least - 1}),
    )  # fmt: skip
    for keyword, made in edges:
        yield from ((label, make(node[keyword])) for label, make in made.items() if keyword in node)


@cache
def image_lists() -> frozenset[str]:
    """Return the names of body properties that list images: the document marks their items."""
    nodes = [item for op in operations() for item in properties(op.body_schema).items()]
    return frozenset(
        name for name, node in nodes if any(k.startswith("x-image") for k in resolve(node.get("items", {})))
    )


def valid(operation: Operation) -> Iterator[Body]:
    """Give bodies at the edge of what the schema allows, and the document's own examples."""
    schema = operation.media.get("schema", {})
    yield from (body for body in _valid(operation) if not schemas.faults(schema, body.value))


def _valid(operation: Operation) -> Iterator[Body]:
    hooks = {cycle.webhook_name for cycle in life_cycles()}
    for label, example in operation.media.get("examples", {}).items():
        # Its receiver is somebody's.
        yield Body(f"example {label}", {k: v for k, v in example["value"].items() if k not in hooks})
    base, schema = example_body(operation), operation.body_schema
    if not isinstance(base, dict):
        yield Body("an example", base)
        return
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


def malformed(operation: Operation, body: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Give bytes that are no JSON by the letter, with what is wrong with them; `body` is a good one."""
    good = json.dumps(body).encode()
    made = {
        **({"nothing": b"", "white space": b" \n"} if operation.needs_body else {}),
        "no JSON": b"\x00\x01\x02",
        "plain text": b"hello",
        "a lone bracket": b"[",
        "bytes that are no UTF-8": b'"\xff\xfe"',
        "a text that is no UTF-8": good[:-1] + b', "x": "\xff\xfe"}',
        "bottomless nesting": b"[" * 100_000,
        "a cut-off body": good[:-1],
        "a body without its beginning": good[1:],
        "text after the end": good + b"}",
        "two bodies": good + good,
        "two bodies in two lines": good + b"\n" + good,
        "a word after the end": good + b" x",
        "single quotes": good.replace(b'"', b"'"),
        "a name without quotes": good.replace(b'"', b"", 2),
        "a comma too many": good[:-1] + b",}",
        "a comma too few": good[:-1] + b' "x": 1}',
        "an equals sign for a colon": good.replace(b":", b"=", 1),
        "a comment": good[:-1] + b"/* x */}",
        "a comment in a line": b"// x\n" + good,
        "a hash comment": b"# x\n" + good,
        **{word: good[:-1] + f', "x": {word}}}'.encode() for word in _NO_JSON_WORDS},
        "a line break in a text": good[:-1] + b', "x": "a\nb"}',
        "an unknown escape": good[:-1] + b', "x": "\\x41"}',
        "a form": b"&".join(f"{name}=a".encode() for name in body),
        "Python's words": good.replace(b"[", b"(").replace(b"]", b")"),
        "gzip": gzip.compress(good, mtime=0),
        "YAML": b"images:\n  - https://example.com/a.png\n",
        "XML": b"<images><url>https://example.com/a.png</url></images>",
        "a BOM in UTF-16": good.decode().encode("utf-16-be"),
        "UTF-16": good.decode().encode("utf-16"),
    }
    yield from (
        (label, content)
        for label, content in made.items()
        if not _is_json(content) and (content or operation.needs_body)
    )


def _is_json(content: bytes) -> bool:
    try:
        Answer(200, (), content).json()
    except (ValueError, RecursionError):
        return False
    return True


def example_body(operation: Operation) -> Any:
    """Return the first documented example of an operation's body, else a valid one."""
    media = operation.media
    named = [example["value"] for example in map(resolve, media.get("examples", {}).values())]
    return (named or [media.get("example", sample(media.get("schema", {})))])[0]
