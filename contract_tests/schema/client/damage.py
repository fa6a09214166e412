"""Ways to break what the document promises: values that break one limit of a schema, and damaged answers."""

from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen
from hypothesis import strategies as st

from contract_tests.support.strategies import plain, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from contract_tests.support.strategies import Wire

    Damage = Callable[[DrawFn, Wire], Wire]

_SHORT: Final = 30
_FAR: Final = 2**31
_KINDS: Final[Mapping[str, object]] = {
    "string": "text",
    "integer": 5,
    "number": 0.5,
    "boolean": True,
    "array": ["text"],
    "object": {"text": "text"},
}


_TAKEN_AS: Final = {"array": ["string"], "number": ["integer"]}  # one image need not stand in a list


@frozen
class Violation:
    """One way to break one limit of a schema; `bad` is None where a member is to be missing."""

    path: tuple[str | int, ...]
    keyword: str
    bad: SearchStrategy[Any] | None = field(repr=False)

    @property
    def name(self) -> str:
        """What the value at fault is called in messages: `duration`, `images[1]`."""
        return "".join(f"[{part}]" if isinstance(part, int) else part for part in self.path)

    def into(self, whole: Mapping[str, Any], bad: object) -> dict[str, Any]:
        """A value with this one fault in it."""
        broken: dict[str, Any] = copy.deepcopy(dict(whole))
        node: Any = broken
        for part in self.path[:-1]:
            node = node[part]
        if self.bad is None:
            del node[self.path[-1]]
        else:
            node[self.path[-1]] = bad
        return broken

    def __str__(self) -> str:
        return f"{self.name}-{self.keyword}"


def violations(schema: Mapping[str, Any], path: tuple[str | int, ...] = ()) -> Iterator[Violation]:
    """Every single way to break a schema, limit by limit, from the schema itself."""
    known = plain(schema)
    for keyword, bad in _broken(known):
        yield Violation(path, keyword, bad)
    for name in known.get("required", ()):
        yield Violation((*path, name), "required", None)
    for name, member in known.get("properties", {}).items():
        yield from violations(member, (*path, name))
    if "items" in known:
        yield from violations(known["items"], (*path, 0))


def _broken(schema: Mapping[str, Any]) -> Iterator[tuple[str, SearchStrategy[Any]]]:
    kind = schema["type"]
    if kind != "object":
        others = [value for name, value in _KINDS.items() if name not in {kind, *_TAKEN_AS.get(kind, ())}]
        yield "type", st.sampled_from(others)
    if "enum" in schema:
        yield "enum", _near_choices(schema["enum"])
    for keyword, make in _LIMITS.items():
        if keyword in schema and (bad := make(schema, schema[keyword])) is not None:
            yield keyword, bad


def _near_choices(choices: Sequence[Any]) -> SearchStrategy[Any]:
    """Values next to those of an enum: another spelling, another type with the same digits, others."""
    near: list[object] = [""]
    for choice in choices:
        near += [f" {choice}", f"{choice} ", f"{choice}s", str(choice)[:-1], str(choice)[::-1]]
        near += [str(choice).upper(), str(choice).title(), [choice]]
        near += [int(choice), float(choice)] if str(choice).isdigit() else [str(choice).replace("_", ":")]
    texts = st.text(max_size=_SHORT).filter(lambda text: text not in choices)
    return st.sampled_from([value for value in near if value not in choices]) | texts


_NO_URIS: Final = (
    *("", "x", "//host/path", "/path", "http://[::1", "https://a b.example", "https://ä.example/", "%", ":"),
)
_NO_UUIDS: Final = ("", "x", "046b6c7f-0b8a-43b9-b35d-6489e6daee9", "046b6c7f-0b8a-43b9-b35d-6489e6daee9g")
_NO_FORMATS: Final = {"uri": _NO_URIS, "uuid": _NO_UUIDS}
# Next to letters, digits, `-` and `_`: what would change the path, the query or the line, and look-alikes.
_ODD_TEXTS: Final = ("..", ".", "a/b", "a?b", "a#b", "a b", "a\n", "%2e%2e", "é", "\u0661", "a\x00", "\u200b")


def _lists(schema: Mapping[str, Any], least: int, most: int) -> SearchStrategy[Any] | None:
    return st.lists(values(schema["items"]), min_size=least, max_size=most) if most >= 0 else None


def _texts(letters: str, least: int, most: int) -> SearchStrategy[str] | None:
    sizes = st.integers(least, most)
    return st.builds(lambda x, size: x * size, st.sampled_from(letters), sizes) if most >= 0 else None


_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any], Any], SearchStrategy[Any] | None]]] = {
    "maxLength": lambda _, most: _texts("xß🎬", most + 1, most + 3),
    "minLength": lambda _, least: _texts("x", 0, least - 1),
    "maxItems": lambda schema, most: _lists(schema, most + 1, most + 3),
    "minItems": lambda schema, least: _lists(schema, 0, least - 1),
    "format": lambda _, name: st.sampled_from(_NO_FORMATS[name]),
    "pattern": lambda *_: st.sampled_from(_ODD_TEXTS),
    "maximum": lambda _, most: st.integers(most + 1, most + _FAR),
    "minimum": lambda _, least: st.integers(least - _FAR, least - 1),
}

_WORDS: Final = ("QUEUED", "PENDING", "CANCELLED", "ERROR", "completed", "", " ", "🎬", "X" * 5000)
_HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>cf-ray</body></html>"
_CODES: Final = [*range(200, 600), 600, 999]


@st.composite
def damaged(draw: DrawFn, answer: Wire, damages: Sequence[Damage] = ()) -> Wire:
    """An answer with one to three things wrong with it, or with those that are named."""
    for damage in damages or draw(st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3)):
        answer = damage(draw, answer)
    return answer


def _other_status(draw: DrawFn, answer: Wire) -> Wire:
    return evolve(answer, status=draw(st.sampled_from(_CODES)))


def _redirect(draw: DrawFn, answer: Wire) -> Wire:
    where = draw(st.sampled_from(["https://elsewhere.example/", "/v2", "//", "http://[", ""]))
    code = draw(st.sampled_from([300, 301, 302, 303, 304, 307, 308]))
    return evolve(answer, status=code, headers={**answer.headers, "location": where})


def _truncated(draw: DrawFn, answer: Wire) -> Wire:
    return evolve(answer, body=answer.body[: draw(st.integers(0, max(0, len(answer.body) - 1)))])


def _replaced(draw: DrawFn, answer: Wire) -> Wire:
    odd = [b"", b" \n", _HTML, b"null", b"[]", b"5", b'"text"', b"\xff\xfe\x00", b"[" * 50_000]
    body = st.sampled_from([*odd, b'{"data":' * 9]) | st.binary(max_size=40)
    return evolve(answer, body=draw(body), value=None)


def _flipped(draw: DrawFn, answer: Wire) -> Wire:
    if not answer.body:
        return answer
    body = bytearray(answer.body)
    body[draw(st.integers(0, len(body) - 1))] ^= 1 << draw(st.integers(0, 7))
    return evolve(answer, body=bytes(body))


def _recoded(draw: DrawFn, answer: Wire) -> Wire:
    text = answer.body.decode("utf-8", "replace")
    codec = draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "latin-1", "cp500"]))
    label = draw(st.sampled_from(["utf-8", "latin-1", "utf-7", "klingon", codec]))
    return evolve(answer, body=text.encode(codec, "replace"), media_type=f"application/json; charset={label}")


def _mislabelled(draw: DrawFn, answer: Wire) -> Wire:
    kinds = ["", "text/html", "text/plain", "application/octet-stream", "nonsense", "a/b;c;;=d"]
    return evolve(answer, media_type=draw(st.sampled_from([*kinds, "application/xml"])))


def _odd_headers(draw: DrawFn, answer: Wire) -> Wire:
    numbers = ["-1", "soon", "1e9", "9" * 30, "", "0.5", "٣", "Wed, 99 Foo 2015", "NaN"]
    names = ["retry-after", "x-ratelimit-reset", "x-ratelimit-limit", "x-request-id", "content-encoding"]
    odd = {draw(st.sampled_from([*names, "date"])): draw(st.sampled_from([*numbers, "gzip", "br"]))}
    return evolve(answer, headers={**answer.headers, **{k: v for k, v in odd.items() if v.isascii()}})


def _edited(draw: DrawFn, answer: Wire) -> Wire:
    """Change one place in the JSON: another kind, an odd word, missing, or beside something unknown."""
    if not isinstance(answer.value, dict) or not answer.value:
        return answer
    whole: dict[str, Any] = copy.deepcopy(answer.value)
    node, key = draw(st.sampled_from(list(_spots(whole))))
    match draw(st.sampled_from(["kind", "word", "gone", "more", "number"])):
        case "kind":
            node[key] = draw(st.sampled_from([*_KINDS.values(), None, [], {}]))
        case "word":
            node[key] = draw(st.sampled_from(_WORDS))
        case "number":
            node[key] = draw(st.sampled_from([math.nan, math.inf, 10**400, -1, 1.5]))
        case "gone" if isinstance(node, dict):
            del node[key]
        case _ if isinstance(node, dict):
            node["has_nsfw"] = [True]
        case _:
            node.append(draw(st.sampled_from(list(_KINDS.values()))))
    return evolve(answer, body=json.dumps(whole).encode(), value=whole)


def _twice(draw: DrawFn, answer: Wire) -> Wire:
    """Give the outermost members twice, or the whole document twice."""
    body = answer.body
    if draw(st.booleans()) and body.startswith(b"{"):
        return evolve(answer, body=b'{"data": null, "message": 5, ' + body[1:])
    return evolve(answer, body=body + body)


def _spots(node: Any) -> Iterator[tuple[Any, Any]]:
    pairs = list(node.items() if isinstance(node, dict) else enumerate(node))
    for key, member in pairs:
        yield node, key
        if isinstance(member, (dict, list)):
            yield from _spots(member)


DAMAGES: Final[Sequence[Damage]] = (
    *(_other_status, _redirect, _truncated, _replaced, _flipped, _recoded, _mislabelled, _odd_headers),
    *(_edited, _twice),
)
