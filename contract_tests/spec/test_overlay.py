"""OpenAPI Overlay 1.0.0, as the standard has it and as this project wants it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from spec.tools import yaml_source
from spec.tools.errors import SpecError
from spec.tools.overlay import apply_overlay

if TYPE_CHECKING:
    from spec.tools.yaml_source import Source

WHY = {"description": "a reason", "x-source": "the page", "x-sureness": "A"}
DOCUMENT: dict[str, Any] = {
    "info": {"title": "T", "tags": ["a"]},
    "paths": {
        "/a": {"get": {"tags": ["x"], "parameters": [{"name": "p"}, {"name": "q"}, {"name": "r"}]}},
        "/b": {"get": {"tags": ["y"], "deprecated": True}},
    },
}


def overlay(*actions: dict[str, Any], **root: Any) -> Source:
    content = {
        "overlay": "1.0.0",
        "info": {"title": "O", "version": "1"},
        "actions": [{**WHY, **action} for action in actions],
        **root,
    }
    return yaml_source.load(yaml.safe_dump(content, sort_keys=False), "overlay.yaml")


def applied(*actions: dict[str, Any]) -> dict[str, Any]:
    return apply_overlay(DOCUMENT, overlay(*actions), [])


@pytest.mark.parametrize(
    ("action", "place", "expected"),
    [
        ({"target": "$.info", "update": {"title": "U", "version": "2"}}, ("info",),
         {"title": "U", "tags": ["a"], "version": "2"}),
        ({"target": "$", "update": {"info": {"contact": {"name": "n"}}}}, ("info",),
         {"title": "T", "tags": ["a"], "contact": {"name": "n"}}),
        ({"target": "$.info", "update": {"tags": ["b"]}}, ("info", "tags"), ["a", "b"]),
        ({"target": "$.info.tags", "update": "b"}, ("info", "tags"), ["a", "b"]),
        ({"target": "$.info.tags", "update": ["b"]}, ("info", "tags"), ["a", ["b"]]),
        ({"target": "$.paths['/a'].get.parameters[1]", "update": {"in": "query"}},
         ("paths", "/a", "get", "parameters"), [{"name": "p"}, {"name": "q", "in": "query"}, {"name": "r"}]),
        ({"target": "$.paths[*].get", "update": {"deprecated": False}},
         ("paths", "/b", "get", "deprecated"), False),
        ({"target": "$.paths[?@.get.deprecated == true].get", "update": {"summary": "old"}},
         ("paths", "/b", "get", "summary"), "old"),
        ({"target": "$.paths['/a'].get.parameters[?@.name != 'q']", "remove": True},
         ("paths", "/a", "get", "parameters"), [{"name": "q"}]),
        ({"target": "$.paths['/b']", "remove": True}, ("paths",), {"/a": DOCUMENT["paths"]["/a"]}),
        ({"target": "$.info.title", "remove": True}, ("info",), {"tags": ["a"]}),
        ({"target": "$..tags", "remove": True, "update": {"no": "effect"}}, ("info",), {"title": "T"}),
        ({"target": "$..*", "remove": True}, (), {}),
    ],
)  # fmt: skip
def test_actions_do_what_the_standard_says(
    action: dict[str, Any], place: tuple[str, ...], expected: object
) -> None:
    """Each kind of target and action has the standard's result, and leaves the given document alone."""
    before = copy.deepcopy(DOCUMENT)
    made: Any = applied(action)
    for key in place:
        made = made[key]
    assert made == expected
    assert before == DOCUMENT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "$.nothing", "update": {}}, r"action 1 \(\$\.nothing\) matches nothing"),
        ({"target": "$.info[", "update": {}}, "no JSONPath"),
        ({"target": "$.info", "update": {}, "description": ""}, "needs `description`"),
        ({"target": "$.info", "update": {}, "x-source": None}, "needs `x-source`"),
        ({"target": "$.info", "update": {}, "x-sureness": "E"}, "needs `x-sureness`: one of A, B, C, D"),
        ({"target": "$.info"}, "does nothing"),
        ({"target": "$.info", "remove": "yes"}, "true or false"),
        ({"target": "$.info", "update": {}, "upsert": 1}, "`upsert` is not known"),
        ({"target": "$.info.title", "update": {"a": 1}}, "neither a map nor a list"),
        ({"target": "$.info", "update": "a"}, "must be a map"),
        ({"target": "$.info", "update": {"tags": {"a": 1}}}, "`tags` is one kind of value"),
        ({"target": "$", "remove": True}, "whole document"),
        ({"target": 5}, "needs a `target`"),
    ],
)
def test_a_wrong_action_is_named_with_its_line(change: dict[str, Any], words: str) -> None:
    """An action that is wrong, or lacks a reason, source or sureness, is an error with number and line."""
    with pytest.raises(SpecError, match=words) as caught:
        applied(change)
    assert caught.value.file == "overlay.yaml"
    assert (caught.value.line or 0) > 4
    assert "action 1" in caught.value.message


@pytest.mark.parametrize(
    "root",
    [{"overlay": "2.0.0"}, {"info": {}}, {"actions": []}, {"extra": 1}, {"overlay": None}, {"actions": {}}],
)
def test_what_is_no_overlay_is_refused(root: dict[str, Any]) -> None:
    """Another version, a missing part, an unknown key: none is taken for an overlay."""
    with pytest.raises(SpecError):
        apply_overlay(DOCUMENT, overlay({"target": "$.info", "update": {}}, **root), [])


def test_an_action_may_say_that_matching_nothing_is_right() -> None:
    """`x-may-match-nothing` makes an action that matches nothing a report, which gives its words."""
    reports: list[str] = []
    action = {"target": "$.nowhere", "update": {"a": 1}, "x-may-match-nothing": "the page is there now"}
    made = apply_overlay(DOCUMENT, overlay(action), reports)
    assert made == DOCUMENT
    assert len(reports) == 1
    assert "matches nothing any more: the page is there now" in reports[0]


@pytest.mark.parametrize("words", [True, "", " ", ["a"]])
def test_why_it_may_match_nothing_is_said_in_words(words: Any) -> None:
    """`x-may-match-nothing` without a reason is an error."""
    with pytest.raises(SpecError, match="in words"):
        applied({"target": "$.info", "update": {"a": 1}, "x-may-match-nothing": words})


@pytest.mark.parametrize(
    ("target", "update"),
    [("$.info.tags", "a"), ("$.info", {"tags": ["a"]}), ("$.paths['/a'].get.parameters", {"name": "q"})],
)
def test_what_is_there_is_not_added_twice(target: str, update: Any) -> None:
    """An entry that the page has come to say itself is not doubled, and the action is superfluous."""
    reports: list[str] = []
    assert apply_overlay(DOCUMENT, overlay({"target": target, "update": update}), reports) == DOCUMENT
    assert "changes nothing any more" in reports[0]


@pytest.mark.parametrize(
    ("start", "update"),
    [
        ({"description": "the page's own", "content": {}}, {"$ref": "#/components/responses/A"}),
        ({"$ref": "#/components/responses/A"}, {"description": "more"}),
    ],
)
def test_a_reference_is_not_put_beside_other_keys(start: dict[str, Any], update: dict[str, Any]) -> None:
    """A `$ref` silences what stands beside it: such an update is refused, and no word is lost."""
    document = {"responses": {"404": start}}
    with pytest.raises(SpecError, match=r"a `\$ref` would stand beside other keys"):
        apply_overlay(document, overlay({"target": "$.responses", "update": {"404": update}}), [])
