"""What an answer to the canary means, told in full: small documents and answers, judged directly."""

from __future__ import annotations

import pytest

from contract_tests.live_service.small import JSON, MESSAGE, TASK, asked, document, of
from kling_elements.canary import Deviation, judge
from kling_elements.types import NoResponse, Response

STATUSES = document(
    of({"$ref": "#/components/schemas/Task"}),
    ("204", {}),
    ("404", {"$ref": "#/components/responses/Wrong"}),
    ("429", {}),
    ("503", {}),
    ("default", {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}}),
)
UNEXPECTED = "answered {}, where the document leads one to expect 200 or 404"
LATER = "answered {} in place of 200 or 404: nothing can be told; ask again later"


@pytest.mark.parametrize(
    ("status", "headers", "body", "texts"),
    [
        (200, JSON, b'{"id": "a"}', []),
        (404, {"content-type": "application/problem+json"}, b'{"message": "no"}', []),
        (
            404,
            JSON,
            b"",
            ["the media type is application/json, where the document has application/problem+json"],
        ),
        (204, {}, b"whatever", [UNEXPECTED.format(204)]),
        (429, {}, b"", [LATER.format(429)]),
        (503, {}, b"", [LATER.format(503)]),
        (499, JSON, b'{"message": "x"}', [UNEXPECTED.format(499), "the document has no answer 499 here"]),
        (500, JSON, b'{"message": "x"}', [LATER.format(500), "the document has no answer 500 here"]),
        (599, JSON, b'{"message": "x"}', [LATER.format(599), "the document has no answer 599 here"]),
        (600, JSON, b'{"message": "x"}', [UNEXPECTED.format(600), "the document has no answer 600 here"]),
        (
            418,
            JSON,
            b"{}",
            [
                UNEXPECTED.format(418),
                "the document has no answer 418 here",
                'the body: "message" is a required property',
            ],
        ),
    ],
)
def test_each_status(status: int, headers: dict[str, str], body: bytes, texts: list[str]) -> None:
    """A status is compared with those expected and documented, and its body with what belongs to it."""
    found = judge(STATUSES, asked("GET", 200, 404), Response(status, headers, body))
    assert found == [Deviation(text) for text in texts]


def test_a_status_that_is_expected_but_not_documented() -> None:
    """Where the document has neither the status nor a default, that is told, and nothing of the body."""
    found = judge(document(of(TASK)), asked("GET", 401), Response(401, JSON, b"{"))
    assert found == [Deviation("the document has no answer 401 here")]


WORST = (
    "answered {} to a body that the document refuses in every field: a task may have been created, and"
    ' billed. Look for it: kling-elements list. The answer: {{"id": "a"}}'
)


@pytest.mark.parametrize(
    ("method", "status", "texts"),
    [
        ("POST", 200, [WORST.format(200)]),
        ("POST", 299, [WORST.format(299)]),
        (
            "POST",
            300,
            [
                "answered 300, where the document leads one to expect 400",
                "the document has no answer 300 here",
            ],
        ),
        ("POST", 400, []),
        ("GET", 200, ["answered 200, where the document leads one to expect 400"]),
    ],
)
def test_a_success_of_an_impossible_create_is_all_that_is_told(
    method: str, status: int, texts: list[str]
) -> None:
    """Any 2xx to a create is the worst there is, and told alone; no other answer is mistaken for it."""
    answer = Response(status, JSON, b'{"id":\n  "a"}')
    found = judge(document(("400", {}), of(TASK)), asked(method, 400), answer)
    assert found == [Deviation(text) for text in texts]


def test_no_answer_is_told_in_the_transports_words() -> None:
    """A service that gave no answer is one deviation, with what happened."""
    assert judge(STATUSES, asked(), NoResponse("refused", was_sent=False)) == [
        Deviation("no answer: refused")
    ]


LEFT = "the header X-Left: {}"


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        ({}, []),
        ({"x-left": "0", "x-share": "0.5", "x-kind": "a"}, []),
        ({"x-share": "2"}, []),
        ({"x-more": "anything", "x-any": "anything"}, []),
        ({"x-left": "-1"}, [LEFT.format("-1 is less than the minimum of 0")]),
        ({"x-left": "1.5"}, [LEFT.format('"1.5" is not of type "integer"')]),
        ({"x-left": "soon"}, [LEFT.format('"soon" is not of type "integer"')]),
        ({"x-share": "1.5e3"}, ["the header x-share: 1500.0 is greater than the maximum of 2"]),
        ({"x-share": "half"}, ['the header x-share: "half" is not of type "number"']),
        ({"x-kind": "5"}, ['the header x-kind: "5" is not one of "a" or "b"']),
        (
            {"x-kind": "c", "x-left": "-2"},
            [
                LEFT.format("-2 is less than the minimum of 0"),
                'the header x-kind: "c" is not one of "a" or "b"',
            ],
        ),
    ],
)
def test_headers_that_came_must_fit(headers: dict[str, str], texts: list[str]) -> None:
    """A header is compared as the type of its schema, whatever the case of its name; none has to come."""
    response = {
        "headers": {
            "X-Absent": {"schema": {"type": "integer"}},
            "X-Left": {"$ref": "#/components/headers/Left"},
            "x-share": {"schema": {"type": "number", "maximum": 2}},
            "x-kind": {"schema": {"type": "string", "enum": ["a", "b"]}},
            "x-any": {},
        }
    }
    found = judge(document(("200", response)), asked(), Response(200, headers, b""))
    assert found == [Deviation(text) for text in texts]


@pytest.mark.parametrize(
    ("headers", "body", "texts"),
    [
        ({"content-type": "application/json"}, b'{"id": "a"}', []),
        ({"content-type": "APPLICATION/JSON ; charset=utf-8; v=1"}, b'{"id": "a"}', []),
        ({"content-type": "application/problem+json"}, b'{"message": "a"}', []),
        ({"content-type": "application/problem+json"}, b"{}", ['the body: "message" is a required property']),
        ({"content-type": "application/problem+json"}, b"a\nb", ["the body is no JSON: a b"]),
        ({"content-type": "application/json"}, b"", ["the body is no JSON: "]),
        ({"content-type": "application/json"}, b"[" * 100_000, [f"the body is no JSON: {'[' * 160}…"]),
        ({"content-type": "text/plain"}, b"yes", []),
        ({"content-type": "text/plain"}, b'"yes"', ['the body: "\\"yes\\"" is not one of "yes" or "no"']),
        ({"content-type": "text/html"}, b"any {", []),
        ({}, b'{"id": "a"}', ["the media type is missing, where the document has {}"]),
        ({"content-type": ""}, b'{"id": "a"}', ["the media type is missing, where the document has {}"]),
        ({"content-type": "json"}, b"{}", ["the media type is json, where the document has {}"]),
        (
            {"content-type": "x" * 161},
            b"{}",
            [f"the media type is {'x' * 160}…, where the document has {{}}"],
        ),
    ],
)
def test_each_media_type(headers: dict[str, str], body: bytes, texts: list[str]) -> None:
    """A body is compared with the schema of its own media type, as JSON where that is JSON, else as text."""
    content = {
        "application/json": {"schema": {"$ref": "#/components/schemas/Task"}},
        "application/problem+json": {"schema": MESSAGE},
        "text/plain": {"schema": {"type": "string", "enum": ["yes", "no"]}},
        "text/html": {},
    }
    found = judge(document(("200", {"content": content})), asked(), Response(200, headers, body))
    known = "application/json or application/problem+json or text/plain or text/html"
    assert found == [Deviation(text.replace("{}", known)) for text in texts]


@pytest.mark.parametrize("length", [160, 161])
def test_a_long_body_is_shown_in_part(length: int) -> None:
    """What is quoted of an answer is one line of at most 160 characters, and a sign that there is more."""
    body = "a b" + "c" * (length - 3)
    shown = body if length == 160 else f"{body[:160]}…"
    found = judge(document(of(TASK)), asked(), Response(200, JSON, f"\n{body.replace(' ', '  ')}\n".encode()))
    assert found == [Deviation(f"the body is no JSON: {shown}")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a":' * 300 + b"1" + b"}" * 300, "Recursion limit reached"),
        (
            b'{"\\ud800": 1}',
            "'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed",
        ),
    ],
    ids=["too deep", "half of a surrogate pair"],
)
def test_a_body_that_cant_be_compared_is_told(body: bytes, words: str) -> None:
    """JSON that the schema's library can't take is a deviation as well, and ends nothing."""
    found = judge(document(of(TASK)), asked(), Response(200, JSON, body))
    assert found == [Deviation(f"the body can't be compared with the document: {words}")]
