"""Request bodies made from a schema: each breaks it at one place, or goes to the edge of what it allows."""

# ruff: noqa: E501 - tables

import gzip
import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from attrs import frozen

from contract_tests.schema.server import schemas
from contract_tests.schema.server.exchange import Answer
from contract_tests.schema.server.operations import (
    Operation,
    in_text,
    life_cycles,
    operations,
    properties,
    sample,
)
from contract_tests.support.contract import resolve

_CAT: Final = "\N{CAT FACE}"
_OF_TYPE: Final[dict[str, Any]] = {
    "string": "text", "integer": 7, "number": 7.5, "boolean": True, "null": None, "array": ["text"],
    "object": {"a": "text"},
}  # fmt: skip
_NO_JSON_WORDS: Final = (
    "NaN", "Infinity", "-Infinity", "undefined", "nan", "None", "True", "0x10", "01", "+1", ".5", "1.",
)  # fmt: skip
_NO_URIS: Final = (
    "not a uri", "/relative", "http://a b/", "http://[::1", "://example.com", "", " ", "example.com", "?a=b",
    "example.com/hook", "//example.com/hook", "www.example.com", "localhost", "http", "#a", "1http://a/",
)  # fmt: skip
# What servers of other models, and people, take for durations and shapes.
_NUMERALS: Final = (
    "3", "6", "8", "15", "20", "30", "60", "1", "2", "0", "12", "five", "FIVE", "ten", "V", "X",
)  # fmt: skip
_SHAPES: Final = (
    "16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "1_1", "16_9", "9_16", "square_2_2", "square_1:1",
    "classic_4_3", "traditional_3_4", "standard_3_2", "portrait_2_3", "vertical_1_2", "horizontal_2_1",
    "social_post_4_5", "social_5_4", "film_vertical_9_21", "film_horizontal_21_9", "widescreen_9_16",
    "social_story_16_9", "square", "widescreen", "portrait", "landscape", "smartphone_vertical_9_20",
    "smartphone_horizontal_20_9", "original",
)  # fmt: skip


@frozen
class Body:
    """A body for a request: what is peculiar about it, and the property at fault; None if it is valid."""

    label: str
    value: Any
    parameter: str | None = None


def encoded(media_type: str, value: Any) -> tuple[str, bytes]:
    if "json" in media_type:
        return media_type, json.dumps(value).encode()
    if not isinstance(value, dict):
        return media_type, str(value).encode()
    pairs = [(name, v) for name, some in value.items() for v in (some if isinstance(some, list) else [some])]
    texts = [(name, in_text(v)) for name, v in pairs]
    if media_type != "multipart/form-data":
        return media_type, urlencode(texts).encode()
    named = f"{media_type}; boundary=of-a-part"
    parts = [(name, (None, text.encode())) for name, text in texts]
    return named, httpx.Request("POST", "http://x", headers={"content-type": named}, files=parts).read()


def broken(operation: Operation) -> list[Body]:
    """Return bodies that break the schema at one place each; of a form, whose values are texts, fewer."""
    types = {name: node.get("type", "string") for name, node in properties(operation.body_schema).items()}

    def can_be_sent(value: Any) -> bool:
        if "json" in operation.media_type or not isinstance(value, dict):
            return "json" in operation.media_type
        return all(isinstance(v, str) and types.get(n, "string") == "string" for n, v in value.items())

    some = (body for body in _broken(operation) if can_be_sent(body.value))
    return [body for body in some if _faults(operation, body.value) and not _is_absent(operation, body.value)]


def _is_absent(operation: Operation, value: Any) -> bool:
    """Tell whether a body that need not come is written in no bytes: an empty form is no body."""
    return not operation.needs_body and not encoded(operation.media_type, value)[1]


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
        rest, one = {k: v for k, v in base.items() if k != name}, name.removesuffix("s")
        yield Body(f"{name} is missing", rest, name)
        yield Body("the body is empty", {}, name)
        for other in (
            one, name.capitalize(), name.upper(), f"{name}[]", f"{name}_urls", f" {name}", f"{one}_url",
            f"{one}_list", f"{name}s",
        ):  # fmt: skip
            yield Body(f"{name} is called {other}", {**rest, other: base[name]}, name)
        for wrapper in ("data", "params", "body", "input"):
            yield Body(f"the body is in {wrapper}", {wrapper: base}, name)
    for name, node in properties(schema).items():
        for shown, value in {json.dumps(value): value for value in _bad(node)}.items():
            yield Body(f"{name} is {shown[:60]} ({len(shown)} characters)", {**base, name: value}, name)


def _bad(node: dict[str, Any]) -> Iterator[Any]:
    """Give values that a property may not have: most of them break its schema."""
    node = resolve(node)
    yield from _OF_TYPE.values()
    if "enum" in node:
        yield from _no_words(node["enum"])
    if node.get("format") == "uri":
        yield from _NO_URIS
    yield from (node[limit] + step for limit, step in (("maximum", 1), ("minimum", -1)) if limit in node)
    if "minLength" in node:
        yield "a" * (node["minLength"] - 1)
    if "maxLength" in node:
        yield from _too_long(node["maxLength"])
    if node.get("type") == "array":
        item, most = sample(node.get("items", {})), node.get("maxItems", 0)
        yield from ([item] * count for count in (node.get("minItems", 1) - 1, most + 1, most * 2, most + 100))
        yield from ([value] for value in _bad(node.get("items", {})))
        yield from ([item, None], [item, 7], [[item]], {"0": item}, item, f"{item},{item}", [{"url": item}])


def _too_long(most: int) -> Iterable[str]:
    text = "a" * most
    one_more = ("a", " ", "\n", "\0", "\N{COMBINING ACUTE ACCENT}")
    longer = ("\N{LATIN SMALL LETTER E WITH ACUTE}" * (most + 1), _CAT * (most + 1), " " * (most + 1))
    return (*(text + more for more in one_more), f" {text}", *longer, text + "a" * 10, text * 2, text * 100)


def _no_words(words: list[Any]) -> Iterator[Any]:
    """Give what looks like a word of an enum, in every spelling and type."""
    yield from ("no-such-word", "", " ", "null", "default", "auto", "none", 0, 1, -1)
    for word in (word for word in words if isinstance(word, str)):
        yield from (
            word.upper(), word.title(), word.capitalize(), word.swapcase(), f"{word} ", f" {word}", f"{word}\n",
            f"\t{word}", f"{word}\0", f"\ufeff{word}", f"{word}x", f"x{word}", word[:-1], word[1:], word * 2,
            f"{word},{words[-1]}", [word], {"value": word}, {word: word}, f'"{word}"', f"'{word}'", f"{word};",
        )  # fmt: skip
        if word.isdecimal():
            yield from _near_numerals(word, int(word))
        else:
            name, *numbers = word.split("_")
            yield from (word.replace("_", other) for other in ("-", " ", "", "__"))
            yield from (
                name, "_".join(numbers), ":".join(numbers), "x".join(numbers), "/".join(numbers),
                f"{name}:{':'.join(numbers)}", "_".join([name, *numbers[::-1]]), *_SHAPES,
            )  # fmt: skip


def _near_numerals(word: str, number: int) -> Iterable[Any]:
    around = (number - 1, number + 1, number * 2, number + 5, number * 3, number // 2, -number, number * 1000)
    return (
        number, float(number), number + 0.5, f"{number}.0", f"{number}.5", f"0{word}", f"00{word}", f"+{word}",
        f"{word}s", f"{word} s", f"{word}sec", f"{word} seconds", f"{number}e0", hex(number), bin(number),
        f"{word},0", f"{word}.", f".{word}", f"{word}_0", f"PT{word}S", f"~{word}", *map(str, around), *around,
        *("".join(chr(zero + int(digit)) for digit in word) for zero in (0xFF10, 0x0660)), *_NUMERALS,
    )  # fmt: skip


@cache
def image_lists() -> frozenset[str]:
    """Return the names of body properties that list images: the document marks their items."""
    nodes = [item for op in operations() for item in properties(op.body_schema).items()]
    return frozenset(name for name, node in nodes if "x-image" in " ".join(resolve(node.get("items", {}))))


def valid(operation: Operation) -> list[Body]:
    """Return bodies at the edge of what the schema allows, and the document's own examples."""
    good = [body for body in _valid(operation) if not _faults(operation, body.value)]
    # What is written in no bytes is no body.
    is_needed = operation.needs_body
    return [body for body in good if not is_needed or encoded(operation.media_type, body.value)[1]]


def _faults(operation: Operation, value: Any) -> list[str]:
    return schemas.faults(operation.media.get("schema", {}), value)


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
            yield Body(f"{name} as long as it may be", {**base, name: _CAT * node["maxLength"]})
        if node.get("type") == "string" and "enum" not in node and "format" not in node:
            yield Body(f"{name} is odd text", {**base, name: f'a"\\\n\t\u0001\u2028é{_CAT}'})
        if node.get("type") == "array" and base.get(name):
            for count in sorted({node.get("minItems", 0), node.get("maxItems", 1)}):
                yield Body(f"{name} has {count} items", {**base, name: (base[name] * count)[:count]})


def malformed(operation: Operation, body: dict[str, Any]) -> Iterator[bytes]:
    """Give bytes that are no JSON by the letter; `body` is a good one."""
    good = json.dumps(body).encode()
    made = (
        b"", b" \n", b"\x00\x01\x02", b"hello", b"[", b'"\xff\xfe"', good[:-1] + b', "x": "\xff\xfe"}',
        b"[" * 100_000, good[:-1], good[1:], good + b"}", good + good, good + b"\n" + good, good + b" x",
        good.replace(b'"', b"'"), good.replace(b'"', b"", 2), good[:-1] + b",}", good[:-1] + b' "x": 1}',
        good.replace(b":", b"=", 1), good[:-1] + b"/* x */}", b"// x\n" + good, b"# x\n" + good,
        *(good[:-1] + f', "x": {word}}}'.encode() for word in _NO_JSON_WORDS),
        good[:-1] + b', "x": "a\nb"}', good[:-1] + b', "x": "\\x41"}',
        b"&".join(f"{name}=a".encode() for name in body), good.replace(b"[", b"(").replace(b"]", b")"),
        gzip.compress(good, mtime=0), b"images:\n  - https://example.com/a.png\n",
        b"<images><url>https://example.com/a.png</url></images>",
        good.decode().encode("utf-16-be"), good.decode().encode("utf-16"),
    )  # fmt: skip
    for content in made:
        if not _is_json(content) and (content.strip() or operation.needs_body):
            yield content


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
    found = (named or [media.get("example", sample(media.get("schema", {})))])[0]
    if found == {} and "json" not in operation.media_type:  # an empty form is no body
        return {name: sample(node) for name, node in [*properties(operation.body_schema).items()][:1]}
    return found
