"""OpenAPI Overlay 1.0.0, as the standard has it and as this project wants it."""

import copy
from typing import Any

import pytest
import yaml

from contract_tests.spec.pages import INFO, at, fixture
from spec.tools import yaml_source
from spec.tools.errors import SpecError
from spec.tools.overlay import apply_overlay
from spec.tools.yaml_source import Source

ROWS = fixture("overlay-actions.yaml")
WHY = {"description": "a reason", "x-source": "the page", "x-sureness": "A"}
DOCUMENT: dict[str, Any] = {
    "info": {"title": "T", "tags": ["a"]},
    "paths": {
        "/a": {"get": {"tags": ["x"], "parameters": [{"name": "p"}, {"name": "q"}, {"name": "r"}]}},
        "/b": {"get": {"tags": ["y"], "deprecated": True}},
    },
}


def overlay(action: dict[str, Any], **root: Any) -> Source:
    content = {"overlay": "1.0.0", "info": INFO, "actions": [{**WHY, **action}], **root}
    return yaml_source.load(yaml.safe_dump(content, sort_keys=False), "overlay.yaml")


@pytest.mark.parametrize(("action", "place", "expected"), ROWS["right"], ids=str)
def test_actions_do_what_the_standard_says(action: dict[str, Any], place: Any, expected: object) -> None:
    """Each kind of target and action has the standard's result, and leaves the given document alone."""
    before = copy.deepcopy(DOCUMENT)
    assert at(apply_overlay(DOCUMENT, overlay(action), []), place) == expected
    assert before == DOCUMENT


@pytest.mark.parametrize(("action", "words"), ROWS["wrong"], ids=str)
def test_a_wrong_action_is_named_with_its_line(action: dict[str, Any], words: str) -> None:
    """An action that is wrong, or lacks a reason, source or sureness, is an error with number and line."""
    with pytest.raises(SpecError, match=words) as caught:
        apply_overlay(DOCUMENT, overlay(action), [])
    assert caught.value.file == "overlay.yaml"
    assert (caught.value.line or 0) > 4
    assert "action 1" in caught.value.message


@pytest.mark.parametrize(("action", "words"), ROWS["told"], ids=str)
def test_what_a_maintainer_should_look_at_is_told(action: dict[str, Any], words: str) -> None:
    """A superfluous action, and one whose target reaches paths that nobody named, is told with its line."""
    reports: list[str] = []
    assert apply_overlay(DOCUMENT, overlay(action), reports) == DOCUMENT
    assert words in reports[0]
    assert reports[0].startswith("overlay.yaml:")


def test_what_is_no_overlay_is_refused() -> None:
    """Another version, a missing part, an unknown key: none is taken for an overlay."""
    wrong: list[dict[str, Any]] = [{"overlay": "2.0.0"}, {"overlay": None}, {"info": {}}, {"extra": 1}]
    for root in (*wrong, {"actions": []}, {"actions": {}}):
        with pytest.raises(SpecError):
            apply_overlay(DOCUMENT, overlay({"target": "$.info", "update": {}}, **root), [])


def test_a_reference_is_not_put_beside_other_keys() -> None:
    """A `$ref` silences what stands beside it: such an update is refused, and no word is lost."""
    reference, words = {"$ref": "#/components/responses/A"}, {"description": "words"}
    for start, update in ((words, reference), (reference, words)):
        action = overlay({"target": "$.responses", "update": {"404": update}})
        with pytest.raises(SpecError, match=r"a `\$ref` would stand beside other keys"):
            apply_overlay({"responses": {"404": start}}, action, [])
