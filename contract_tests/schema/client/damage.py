"""Ways to break what the document promises: values that break one limit of a schema, and damaged answers."""

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from contract_tests.support.answers import IMAGE
from contract_tests.support.strategies import Wire, plain

Damage = Callable[[DrawFn, Wire], Wire]
_KINDS: Final[Mapping[str, object]] = {
    "string": "text", "integer": 5, "number": 0.5, "boolean": True, "array": ["text"], "object": {"a": "b"},
}  # fmt: skip
_TAKEN_AS: Final = {"array": ["string"], "number": ["integer"]}  # one image need not stand in a list


@frozen
class Violation:
    """One way to break one limit of a schema; the value `MISSING` stands for none."""

    path: tuple[str | int, ...]
    keyword: str
    bad: Any

    @property
    def name(self) -> str:
        """What the value at fault is called in messages: `duration`, `images[1]`."""
        return "".join(f"[{part}]" if isinstance(part, int) else part for part in self.path)

    def into(self, whole: Mapping[str, Any]) -> dict[str, Any]:
        """A value with this one fault in it."""
        broken: dict[str, Any] = copy.deepcopy(dict(whole))
        node: Any = broken
        for part in self.path[:-1]:
            node = node[part]
        node[self.path[-1]] = self.bad
        if self.bad is MISSING:
            del node[self.path[-1]]
        return broken


MISSING: Final = object()


def violations(schema: Mapping[str, Any], path: tuple[str | int, ...] = ()) -> Iterator[Violation]:
    """Every single way to break a schema, limit by limit, from the schema itself."""
    known = plain(schema)
    yield from (Violation(path, keyword, bad) for keyword, bad in _broken(known))
    for name in known.get("required", ()):
        yield Violation((*path, name), "required", MISSING)
    for name, member in known.get("properties", {}).items():
        yield from violations(member, (*path, name))
    if "items" in known:
        yield from violations(known["items"], (*path, 0))


def _broken(schema: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    kind = schema["type"]
    for name, value in _KINDS.items():
        if name not in {kind, *_TAKEN_AS.get(kind, ())}:
            yield "type", value
    for keyword, make in _LIMITS.items():
        if keyword in schema:
            yield from ((keyword, bad) for bad in make(schema[keyword]))


def _near_choices(choices: Sequence[Any]) -> list[Any]:
    """Values next to those of an enum: another spelling, another type with the same digits, others."""
    near: list[object] = ["", "other"]
    for choice in choices:
        near += [f" {choice}", f"{choice} ", f"{choice}s", str(choice)[:-1], str(choice)[::-1]]
        near += [str(choice).upper(), str(choice).title(), [choice]]
        near += [int(choice), float(choice)] if str(choice).isdigit() else [str(choice).replace("_", ":")]
    return [value for value in near if value not in choices]


_NO_FORMATS: Final = {
    "uri": ["", "x", "//host/path", "/path", "http://[::1", "https://a b.example", "https://ä.example/", "%"],
    "uuid": ["", "x", "046b6c7f-0b8a-43b9-b35d-6489e6daee9", "046b6c7f-0b8a-43b9-b35d-6489e6daee9g"],
}
# Next to letters, digits, `-` and `_`: what would change the path, the query or the line, and look-alikes.
_ODD_TEXTS: Final = ["..", ".", "a/b", "a?b", "a#b", "a b", "a\n", "%2e%2e", "é", "\u0661", "a\x00", "\u200b"]
_LIMITS: Final[Mapping[str, Callable[[Any], Sequence[Any]]]] = {
    "enum": _near_choices,
    "maxLength": lambda most: ["x" * (most + 1), "🎬" * (most + 1)],
    "minLength": lambda least: ["x" * (least - 1)] * (least > 0),
    "maxItems": lambda most: [[IMAGE] * (most + 1)],
    "minItems": lambda least: [[IMAGE] * (least - 1)] * (least > 0),
    "format": lambda name: _NO_FORMATS[name],
    "pattern": lambda _: _ODD_TEXTS,
    "maximum": lambda most: [most + 1],
    "minimum": lambda least: [least - 1],
}


@st.composite
def damaged(draw: DrawFn, answer: Wire, first: Damage) -> Wire:
    """An answer with one to three things wrong with it."""
    for damage in (first, *draw(st.lists(st.sampled_from(DAMAGES), max_size=2))):
        answer = damage(draw, answer)
    return answer


def _other_status(draw: DrawFn, answer: Wire) -> Wire:
    where = draw(st.sampled_from(["https://elsewhere.example/", "/v2", "//", "http://[", ""]))
    code = draw(st.sampled_from([*range(200, 600), 600, 999]) | st.sampled_from(range(300, 309)))
    return evolve(answer, status=code, headers={**answer.headers, "location": where})


_HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>cf-ray</body></html>"
_BODIES: Final = (
    *(b"", b" \n", _HTML, b"null", b"[]", b"5", b'"text"', b"\xff\xfe\x00", b"[" * 50_000, b'{"data":' * 9),
)


def _other_body(draw: DrawFn, answer: Wire) -> Wire:
    return evolve(answer, body=draw(st.sampled_from(_BODIES) | st.binary(max_size=40)), value=None)


def _cut_or_longer(draw: DrawFn, answer: Wire) -> Wire:
    """Leave out the end, turn one bit, give the outermost members twice, or something after the end."""
    body = answer.body or b"{"
    place, bit = draw(st.integers(0, len(body) - 1)), draw(st.integers(0, 7))
    turned = body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]
    twice = b'{"data": null, "message": 5, ' + body[1:]
    longer = [body + end for end in (body, b"}", b"<html>", b"\x00", b"{")]
    return evolve(answer, body=draw(st.sampled_from([body[:place], turned, twice, *longer])))


def _mislabelled(draw: DrawFn, answer: Wire) -> Wire:
    kinds = ["", "text/html", "application/xml", "application/octet-stream", "nonsense", "a/b;c;;=d"]
    codec = draw(st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig", "latin-1", "cp500"]))
    labels = [f"application/json; charset={name}" for name in ("utf-8", "latin-1", "utf-7", "klingon", codec)]
    body = answer.body.decode("utf-8", "replace").encode(codec, "replace")
    return evolve(answer, body=body, media_type=draw(st.sampled_from([*kinds, *labels])))


def _odd_headers(draw: DrawFn, answer: Wire) -> Wire:
    names = ["retry-after", "x-ratelimit-reset", "x-ratelimit-limit", "x-request-id", "content-encoding"]
    odd = ["-1", "soon", "1e9", "9" * 30, "", "0.5", "Wed, 99 Foo 2015", "NaN", "gzip", "br"]
    name = draw(st.sampled_from([*names, "date"]))
    return evolve(answer, headers={**answer.headers, name: draw(st.sampled_from(odd))})


_WORDS: Final = ("QUEUED", "PENDING", "CANCELLED", "ERROR", "completed", "", " ", "🎬", "X" * 5000)
_VALUES: Final = (*_KINDS.values(), *_WORDS, None, [], {}, math.nan, math.inf, 10**400, -1, 1.5, MISSING)


def _edited(draw: DrawFn, answer: Wire) -> Wire:
    """Change one place in the JSON, take it away, or put something unknown beside it."""
    if not isinstance(answer.value, dict) or not answer.value:
        return answer
    whole: dict[str, Any] = copy.deepcopy(answer.value)
    node, key = draw(st.sampled_from(list(_spots(whole))))
    if isinstance(node, dict) and draw(st.booleans()):
        key = draw(st.sampled_from([key, "has_nsfw"]))
    node[key] = draw(st.sampled_from(_VALUES))
    if node[key] is MISSING:
        del node[key]
    return evolve(answer, body=json.dumps(whole).encode(), value=whole)


def _spots(node: Any) -> Iterator[tuple[Any, Any]]:
    for key, member in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(member, (dict, list)):
            yield from _spots(member)


DAMAGES: Final = (_other_status, _other_body, _cut_or_longer, _mislabelled, _odd_headers, _edited)
