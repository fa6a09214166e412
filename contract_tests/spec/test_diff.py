"""Each kind of change is noticed, reported in its place, and rated for the callers of the client."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract_tests.spec.pages import fixture
from contract_tests.support.contract import load_yaml
from spec.tools.diff import Change, Rating, compare
from spec.tools.errors import SpecError

ROWS: list[dict[str, Any]] = [
    row if isinstance(row, dict) else {"rating": row[0], "edits": [row[1:]]}
    for section in load_yaml(Path(__file__).parent / "diff_changes.yaml").values()
    for row in section
]
Document = dict[str, Any]
LIBRARY: Document = fixture("library.yaml")


def edited(document: Document, edits: list[list[Any]]) -> Document:
    """Return a copy of a document with changes made: each a JSON pointer, and a value unless it removes."""
    made = copy.deepcopy(document)
    for pointer, *value in edits:
        *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]
        here: Any = made
        for step in steps:
            here = here[int(step)] if isinstance(here, list) else here[step]
        key: Any = int(last) if isinstance(here, list) and last != "-" else last
        if not value:
            del here[key]
        elif last == "-":
            here.append(copy.deepcopy(value[0]))
        else:
            here[key] = copy.deepcopy(value[0])
    return made


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['edits']}"[:90])
def test_a_change_is_rated(row: dict[str, Any]) -> None:
    """The worst rating is the table's; each change has its reason; taking it back is a change as well."""
    old = edited(LIBRARY, row.get("given", []))
    new = edited(old, row["edits"])
    changes = compare(old, new)
    assert changes[0].rating.word == row["rating"], changes
    assert all(change.why for change in changes)
    assert compare(new, old)


def test_a_change_says_where_and_what() -> None:
    """A change names its place and both values in words."""
    schemas = "/components/schemas/"
    for pointer, value, place, what in (
        ("/servers/1", [], "the document", "server https://mirror.example.com removed"),
        ("/paths/~1books~1{book-id}/parameters/0/schema/maxLength", [9],
         "2 operations: path parameter book-id", "maxLength 20 → 9: tighter"),
        ("/components/responses/Bad/content/application~1json", [],
         "response Bad", "media type application/json removed"),
        ("/security/1", [], "2 operations", "may no longer be called with token"),
        (schemas + "Loan/properties/copies/items/type", ["integer"],
         "schema NewLoan (Loan): copies[]", "type string → integer"),
        (schemas + "Receipt/allOf/1", [], "schema Receipt: state", "property state became optional"),
    ):  # fmt: skip
        changes = compare(LIBRARY, edited(LIBRARY, [[pointer, *value]]))
        assert (place, what) in [(change.place, change.what) for change in changes]


def told(old: Document, new: Document) -> dict[str, Change]:
    changes = compare(old, new)
    assert len({(change.place, change.what) for change in changes}) == len(changes)
    return {change.what: change for change in changes}


def test_a_shared_part_is_reported_once_with_its_operations() -> None:
    """A change in a component, or one made alike at several operations, is one change that names them all."""
    new = edited(LIBRARY, [["/components/schemas/Problem/properties/message"]])
    assert told(LIBRARY, new)["property message removed"].operations == (
        "GET /books/{book-id} (response)", "POST /loans (response)",
    )  # fmt: skip
    answers = ("/paths/~1loans/post/responses/429", "/paths/~1books~1{book-id}/get/responses/429")
    new = edited(LIBRARY, [[pointer, {"description": "Slow down."}] for pointer in answers])
    change = told(LIBRARY, new)["response 429 added"]
    assert (change.place, change.operations) == ("2 operations", ("GET /books/{book-id}", "POST /loans"))


def test_a_schema_that_is_sent_and_received_gets_the_worse_rating() -> None:
    """Both directions count where both documents use the schema; a new use has no old callers."""
    reference = {"$ref": "#/components/schemas/Book"}
    both = edited(LIBRARY, [["/components/schemas/Loan/properties/like", reference]])
    state = "/components/schemas/Book/properties/state/enum"
    changes = told(both, edited(both, [[state, ["IN", "LOST"]]]))
    assert changes["value LOST added"].rating is Rating.RISK
    assert changes["value OUT removed"].rating is Rating.BREAKING
    newly_sent = edited(both, [["/components/schemas/Book/required/-", "pages"]])
    assert told(LIBRARY, newly_sent)["property pages became required"].rating is Rating.SAFE


def test_a_renamed_component_keeps_its_class_by_its_title() -> None:
    """A component under a new name is compared with its old self, recursion and all."""
    text = yaml.safe_dump(LIBRARY).replace("schemas/Book'", "schemas/Volume'")
    new = yaml.safe_load(text.replace(" Book:\n", " Volume:\n"))
    assert max(change.rating for change in compare(LIBRARY, new)) is Rating.SAFE
    del new["components"]["schemas"]["Volume"]["title"]
    assert Rating.BREAKING in {change.rating for change in compare(LIBRARY, new)}


def test_a_bad_reference_is_an_error_in_words() -> None:
    """A reference that leads nowhere or to itself names its document."""
    old = edited(LIBRARY, [["/components/schemas/Loop", {"$ref": "#/components/schemas/Loop"}]])
    for target in ("#/components/schemas/Nowhere", "#/components/schemas/Loop"):
        new = edited(old, [["/components/schemas/Book/properties/pages", {"$ref": target}]])
        with pytest.raises(SpecError) as raised:
            compare(old, new, ("old.yaml", "new.yaml"))
        assert raised.value.file == "new.yaml"
