"""The canary: it sees each deviation, names it, and never sends what could become a task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from attrs import evolve

from contract_tests.support.contract import key_headers, place, request_schema, resolve
from kling_elements.api.endpoints import MODELS
from kling_elements.canary import WRONG_KEY, Key, UnsafeProbeError, examine, plan, refuse_if_unsafe
from kling_elements.document import load_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.loopback import Answer, Asked

KEY = "fpk-0123456789-secret"
LIST_STD = place("listKlingElementsStdTasks")[1]
TASK = {"task_id": "046b6c7f-0b8a-43b9-b35d-6489e6daee91", "status": "IN_PROGRESS"}
VALID: dict[str, Any] = {
    "images": ["https://images.example.com/a.jpg"],
    "prompt": "a",
    "negative_prompt": "b",
    "duration": "5",
    "aspect_ratio": "widescreen_16_9",
    "webhook_url": "https://hooks.example.com/",
}


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def of_list(status: int, headers: dict[str, str], content: bytes) -> Callable[[Asked, Answer], Answer]:
    """Alter the answer to the list with the right key."""

    def alter(asked: Asked, answer: Answer) -> Answer:
        is_it = asked.method == "GET" and asked.path == LIST_STD and KEY in asked.headers.values()
        return (status, {"content-type": "application/json", **headers}, content) if is_it else answer

    return alter


def listed(*tasks: Any, **more: Any) -> bytes:
    return body({"data": list(tasks), **more})


def test_a_service_like_the_document_has_no_deviation(service: Callable[..., Any]) -> None:
    """The mock, which keeps to the document, gets no word of blame, and no task is made."""
    with service() as served:
        assert served.deviations() == {}
        assert served.tasks() == 0
        assert len(served.asked) == len(plan(load_document(), MODELS)[0])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {}, listed({**TASK, "status": "QUEUED"})), "the body.data[0].status"),
        ((200, {}, listed({"status": "CREATED"})), "task_id"),
        ((200, {}, listed({**TASK, "progress": 3})), "the body.data[].progress is not in the document"),
        ((200, {}, listed(TASK, pagination={})), "the body.pagination is not in the document"),
        ((200, {}, body([TASK])), "the body: "),
        ((200, {}, b"{"), "no JSON"),
        ((200, {"content-type": "text/html"}, b"<html>"), "media type is text/html"),
        ((200, {"x-ratelimit-reset": "tomorrow"}, listed(TASK)), "the header x-ratelimit-reset"),
        ((204, {}, b""), "the document has no answer 204"),
        (
            (418, {}, body({"message": "x"})),
            "answered 418, where the document leads one to expect 200 or 404",
        ),
        ((301, {"location": "https://elsewhere.example.com/"}, b""), "answered 301"),
        ((503, {}, body({"message": "x"})), "ask again later"),
        ((401, {}, body({"message": "x"})), "answered 401"),
    ],
)
def test_each_deviation_is_told_by_itself(service: Callable[..., Any], answer: Answer, words: str) -> None:
    """Whatever differs in one answer is told of that probe, in words that name the place, and of no other."""
    with service(of_list(*answer)) as served:
        told = served.deviations()
        assert list(told) == ["list of std, your key"]
        assert any(words in text for text in told["list of std, your key"]), told


def test_a_key_that_is_not_looked_at_is_told(service: Callable[..., Any]) -> None:
    """A service that takes any key deviates at every probe with a wrong one."""

    def alter(asked: Asked, answer: Answer) -> Answer:
        if WRONG_KEY in asked.headers.values():
            return 404, {"content-type": "application/json"}, body({"message": "x"})
        return answer

    with service(alter) as served:
        told = served.deviations()
        assert told
        assert all("a wrong key" in name for name in told)
        assert all("expect 401" in texts[0] for texts in told.values())


def test_a_service_that_takes_anything_is_the_worst(service: Callable[..., Any]) -> None:
    """Should a service make a task of an impossible body, the answer with its id is told, and what to do."""

    def alter(asked: Asked, answer: Answer) -> Answer:
        return (200, {}, body({"data": TASK})) if asked.method == "POST" else answer

    with service(alter) as served:
        told = [text for texts in served.deviations().values() for text in texts]
        assert told
        assert all(
            "may have been created" in text and TASK["task_id"] in text and "kling-elements list" in text
            for text in told
        )


def test_no_answer_is_told(service: Callable[..., Any]) -> None:
    """A service that is not reached is one deviation a probe, and no exception."""
    with service() as served:
        settings = served.settings
    document = load_document()
    probes, _ = plan(document, MODELS)
    told = list(examine(document, probes, settings))
    assert len(told) == len(probes)
    assert all("no answer" in found[0].text for _, found in told)


def test_every_create_breaks_the_schema_in_every_field() -> None:
    """By the document, not the client's own checks: each field is in a probe's body, and none fits."""
    schema = request_schema()
    probes, skipped = plan(load_document(), MODELS)
    creates = [probe for probe in probes if probe.request.method == "POST"]
    assert skipped == []
    assert {probe.template for probe in creates} == {
        place("createKlingElementsStdTask")[1],
        place("createKlingElementsProTask")[1],
    }
    for probe in creates:
        sent = json.loads(probe.request.content or b"")
        assert set(sent) == set(schema["properties"]), probe.name
        for name, value in sent.items():
            member = resolve(schema["properties"][name])
            validator = jsonschema_rs.Draft4Validator(member, validate_formats=True)
            assert not validator.is_valid(value), (probe.name, name)


@pytest.mark.parametrize("name", list(VALID))
def test_a_body_with_one_good_field_is_not_sent(service: Callable[..., Any], name: str) -> None:
    """The gate before sending refuses a create as soon as one field of it would pass."""
    document = load_document()
    probe = next(probe for probe in plan(document, MODELS)[0] if probe.is_create and probe.key is Key.OWN)
    sent = {**json.loads(probe.request.content or b""), name: VALID[name]}
    unsafe = evolve(probe, request=evolve(probe.request, content=body(sent)))
    with service() as served:
        with pytest.raises(UnsafeProbeError, match="not sent"):
            list(examine(document, [unsafe], served.settings))
        assert served.asked == []


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"{}", b'{"images": 1}', body(VALID)])
def test_odd_and_valid_bodies_are_not_sent(content: bytes) -> None:
    """A body that a lax server might take for an empty one, or for a good one, does not pass the gate."""
    document = load_document()
    probe = next(probe for probe in plan(document, MODELS)[0] if probe.is_create)
    with pytest.raises(UnsafeProbeError):
        refuse_if_unsafe(document, evolve(probe, request=evolve(probe.request, content=content)))


def test_keys_go_where_they_belong(service: Callable[..., Any]) -> None:
    """A probe without a key carries none, one with a wrong key the wrong one, and none carries two."""
    document = load_document()
    probes, _ = plan(document, MODELS)
    with service() as served:
        list(examine(document, probes, served.settings))
        names = {header.lower() for header in key_headers().values()}
        for probe, asked in zip(probes, served.asked, strict=True):
            keys = [value for header, value in asked.headers.items() if header in names]
            assert keys == {Key.NONE: [], Key.WRONG: [WRONG_KEY], Key.OWN: [KEY]}[probe.key], probe.name
            assert (KEY in str(asked)) is (probe.key is Key.OWN)


def test_without_a_key_the_rest_is_asked(service: Callable[..., Any]) -> None:
    """Where there is no key, what needs none is asked all the same."""
    document = load_document()
    probes, _ = plan(document, MODELS)
    with service() as served:
        asked = [probe.key for probe, _ in examine(document, probes, served.settings, has_key=False)]
    assert set(asked) == {Key.NONE, Key.WRONG}
