"""What an answer to the canary means."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

from kling_elements.types import Response
from kling_elements.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from kling_elements.canary.probes import Probe
    from kling_elements.document import Document
    from kling_elements.types import Outcome

_MOST_TOLD = 5  # misfits of one answer
_LONGEST = 160
_OK = range(200, 300)
_SERVER_ERRORS = range(500, 600)
_TOO_MANY = 429


@frozen
class Deviation:
    """One way in which an answer is not what the document says.

    Attributes:
        text: What deviates, in one sentence. It may quote the answer.
        is_grave: Whether callers of this client may be hurt; else it is new, and harmless to them.
    """

    text: str
    is_grave: bool = True


def judge(document: Document, probe: Probe, outcome: Outcome) -> list[Deviation]:
    """Compare what came with what the document says.

    Args:
        document: What the service is compared with.
        probe: What was asked.
        outcome: What came.

    Returns:
        The deviations; none if there are none.
    """
    if not isinstance(outcome, Response):
        return [Deviation(f"no answer: {outcome.text}")]
    if probe.is_create and outcome.status in _OK:
        return [
            Deviation(
                f"answered {outcome.status} to a body that the document refuses in every field: a task may"
                " have been created, and billed. Look for it: kling-elements list. The answer: "
                f"{_shown(outcome.text)}"
            )
        ]
    found: list[Deviation] = []
    responses = document.operation_at(probe.request.method, probe.template)["responses"]
    if outcome.status not in probe.expected:
        found.append(_unexpected(probe, outcome.status))
    response = responses.get(str(outcome.status))
    if response is None:
        found.append(Deviation(f"the document has no answer {outcome.status} here"))
        response = responses.get("default", {})
    response = document.resolve(response)
    return [
        *found,
        *_compare_headers(document, response, outcome),
        *_compare_body(document, response, outcome),
    ]


def _unexpected(probe: Probe, status: int) -> Deviation:
    wanted = " or ".join(map(str, probe.expected))
    if status == _TOO_MANY or status in _SERVER_ERRORS:
        return Deviation(f"answered {status} in place of {wanted}: nothing can be told; ask again later")
    return Deviation(f"answered {status}, where the document leads one to expect {wanted}")


def _compare_headers(
    document: Document, response: Mapping[str, Any], answer: Response
) -> Iterator[Deviation]:
    """Headers that came must fit; the document promises none."""
    for name, header in response.get("headers", {}).items():
        value = answer.headers.get(name.lower())
        if value is None:
            continue
        schema = document.resolve(document.resolve(header).get("schema", {}))
        for _, message in _misfits(document, schema, _typed(value, schema.get("type"))):
            yield Deviation(f"the header {name}: {message}")


def _typed(value: str, name: object) -> object:
    """A header's text as a value of the type that the schema names; as it is if it is none."""
    with suppress(ValueError):
        if name == "integer":
            return int(value)
        if name == "number":
            return float(value)
    return value


def _compare_body(document: Document, response: Mapping[str, Any], answer: Response) -> Iterator[Deviation]:
    offered = response.get("content")
    came = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not offered:
        return
    if came not in offered:
        yield Deviation(
            f"the media type is {_shown(came) or 'missing'}, where the document has {' or '.join(offered)}"
        )
        return
    schema = offered[came].get("schema", {})
    value: object = answer.text
    if came == "application/json" or came.endswith("+json"):
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            yield Deviation(f"the body is no JSON: {_shown(answer.text)}")
            return
    try:
        misfits = list(_misfits(document, schema, value))
    except ValueError as error:  # nested too deeply, or a name that holds half of a surrogate pair
        yield Deviation(f"the body can't be compared with the document: {_shown(str(error))}")
        return
    yield from (Deviation(f"{place}: {message}") for place, message in misfits[:_MOST_TOLD])
    if len(misfits) > _MOST_TOLD:
        yield Deviation(f"and {len(misfits) - _MOST_TOLD} more in the same body")
    for place in dict.fromkeys(_unknown(document, [schema], value, "the body")):
        yield Deviation(f"{place} is not in the document", is_grave=False)


def _misfits(document: Document, schema: Mapping[str, Any], value: object) -> Iterator[tuple[str, str]]:
    # Not the validator's sentences: those are about a caller's input, and a schema of plain parts.
    for path, message in Validator(document.resolve(schema), document).misfits(value):
        yield _place(path), _shown(message)


def _place(path: Sequence[str | int]) -> str:
    return "the body" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _unknown(
    document: Document, schemas: Sequence[Mapping[str, Any]], value: object, place: str
) -> Iterator[str]:
    """Members that none of the schemas that may be meant knows, each place in a list told once."""
    known = [part for schema in schemas for part in _alternatives(document, schema)]
    if isinstance(value, list):
        inner = [schema["items"] for schema in known if "items" in schema]
        for item in value:
            yield from _unknown(document, inner, item, f"{place}[]")
    elif isinstance(value, dict) and any("properties" in schema for schema in known):
        for name, member in value.items():
            inner = [schema["properties"][name] for schema in known if name in schema.get("properties", {})]
            if inner:
                yield from _unknown(document, inner, member, f"{place}.{name}")
            else:
                yield f"{place}.{_shown(name)}"


def _alternatives(document: Document, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    schema = document.resolve(schema)
    yield schema
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            yield from _alternatives(document, part)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
