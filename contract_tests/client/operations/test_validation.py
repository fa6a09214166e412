"""What is said of a value that doesn't fit a schema: what is wanted, what was given, and what was meant."""

from __future__ import annotations

from typing import Any

import pytest

from kling_elements.document import Document
from kling_elements.validation import Validator, unknown_names

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 4},
        "size": {"type": "integer", "minimum": 2, "maximum": 9},
        "tags": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {"$ref": "#/components/schemas/Tag"},
        },
        "ratio": {"type": "string", "enum": ["wide_16_9", "square_1_1"]},
        "address": {"type": "string", "format": "uri"},
        "code": {"type": "string", "pattern": "^[a-z]+$"},
        "note": {"type": "string", "nullable": True},
        "even": {"type": "integer", "multipleOf": 2},
        "inner": {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "number"}}}},
    },
}
DOCUMENT = Document({"components": {"schemas": {"Tag": {"type": "string", "maxLength": 3}}}})
VALIDATOR = Validator(SCHEMA, DOCUMENT)


@pytest.mark.parametrize("value", ["", "a", "a_B-9", "aaaaa", "a\n", "a b", "é", "a.b", None, 5])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"pattern": "^[a-z]+$"},
        {"pattern": r"^\w+$"},
        {"minLength": 2},
        {"enum": ["a"]},
        {"type": "integer"},
    ],
    ids=str,
)
def test_plain_text_is_checked_as_the_validator_does(value: object, more: dict[str, Any]) -> None:
    """A text that is taken without the JSON Schema library is one that the library takes."""
    validator = Validator({"type": "string", "maxLength": 4, **more}, DOCUMENT)
    assert bool(validator.problems(value, "x")) == bool(list(validator.misfits(value)))


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("name", "", "name must have at least 1 character: got none"),
        ("name", None, "name must be a string: got null"),
        ("name", 1.5, "name must be a string: got the number 1.5"),
        ("name", {"a": 1}, "name must be a string: got the object {'a': 1}"),
        ("size", 1, "size must be at least 2: got the integer 1"),
        ("size", float("nan"), "size must be an integer: got the number nan"),
        ("tags", ["a", "abcd"], "tags[1] must have at most 3 characters: got 4"),
        ("inner", {"list": [1, "x"]}, "inner.list[1] must be a number: got the string 'x'"),
        ("ratio", 5, "ratio must be the string 'wide_16_9' or 'square_1_1': got the integer 5"),
        ("address", "no", "address must be a valid uri: got the string 'no'"),
        ("code", "A1", "code must match ^[a-z]+$: got the string 'A1'"),
        ("note", ["x" * 300], f'note does not fit the document: ["{"x" * 178}'),
        ("more", {1}, "more can't be written as JSON: got the set {1}"),
        ("even", 3, "even does not fit the document: 3 "),
        ("name", ["x" * 57], f"name must be a string: got the array ['{'x' * 57}'…"),
        ("name", "\ud800", "name holds half of a surrogate pair, which can't be sent as UTF-8"),
        ("ratio", b"wide", "ratio must be the string 'wide_16_9' or 'square_1_1': got the bytes b'wide'"),
    ],
)
def test_what_is_said(member: str, value: object, sentence: str) -> None:
    """A fault is reported by the member, by what the schema wants there, and by what was given, cut short."""
    (problem,) = VALIDATOR.problems({"name": "a", member: value})
    assert problem.startswith(sentence)
    assert len(problem) < 220


MEANT = {
    "16:9": "wide_16_9",
    "1_1": "square_1_1",
    " wide 16 9": "wide_16_9",
    "wide_169": "wide_16_9",
    "SQARE_1_1": "square_1_1",
    **dict.fromkeys(("4:3", "169", "", "something")),
}


def test_what_was_meant() -> None:
    """The same words in another spelling, or a slip of the keys, are known; digits alone are no slip."""
    for given, meant in MEANT.items():
        (problem,) = VALIDATOR.problems({"name": "a", "ratio": given})
        hint = f" (did you mean {meant!r}?)" if meant else ""
        assert problem.endswith(f": got the string {given!r}{hint}")


def test_faults_come_in_the_schemas_order() -> None:
    """All that is wrong is told at once, in the order of the schema; what is missing by its name."""
    problems = VALIDATOR.problems({"inner": {"list": [""]}, "tags": ["abcd"], "size": float("inf"), "x": {1}})
    names = [problem.partition(" ")[0] for problem in problems]
    assert names == ["x", "name", "size", "tags[0]", "inner.list[0]"]
    assert problems[1] == "name is missing"


def test_what_fits() -> None:
    """A value that fits has no problem; null only where the document says so."""
    assert VALIDATOR.problems({"name": "abcd", "size": 2, "tags": ["abc"], "note": None, "more": 1}) == []
    assert VALIDATOR.problems({"name": "a", "size": 9, "note": "x"}) == []
    assert VALIDATOR.names == tuple(SCHEMA["properties"])


OTHERS: list[tuple[dict[str, Any], object, str]] = [
    ({"type": "string", "maxLength": 3}, "abcd", "it must have at most 3 characters: got 4"),
    ({"type": "string"}, None, "it must be a string: got null"),
    ({"enum": [1, 2]}, 3, "it must be the value 1 or 2: got the integer 3"),
    ({}, float("inf"), "it can't be written as JSON: got the number inf"),
    ({"additionalProperties": {"type": "string"}}, {"a": 5}, "it.a does not fit the document: 5 "),
    ({"properties": {"nullable": {"type": "null"}}, "required": ["nullable"]}, {}, "it.nullable is missing"),
    ({"minProperties": 2}, {"a": 5}, 'it does not fit the document: {"a":5} '),
]


def test_what_is_said_of_other_schemas() -> None:
    """Where the schema says less, so does the sentence; a value is called by its name, or the request."""
    assert Validator({"type": "string"}, DOCUMENT).problems(5)[0].startswith("the request must be a string")
    for schema, value, sentence in OTHERS:
        (problem,) = Validator(schema, DOCUMENT).problems(value, "it")
        assert problem.startswith(sentence)


def test_names_that_nobody_knows() -> None:
    """A name that is not known is reported with the nearest that is."""
    assert unknown_names(["name", "nam", "zzz"], ["name", "size"]) == [
        "nam is not a field of the request (did you mean 'name'?)",
        "zzz is not a field of the request",
    ]
    assert unknown_names(["x"], [], "an option") == ["x is not an option"]
