"""YAML is read as YAML 1.2 and written so that readers of 1.1 and 1.2 agree."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.tools.model_cost import main as print_cost
from spec.tools.yaml_source import dump, load

WORDS = "yes No on y N ~ null 1e3 0o17 017 1_000 2024-01-01 12:30 = << ' #a"
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(WORDS.split())
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
READ = {
    "yes": "yes", "off": "off", "2024-01-31": "2024-01-31", "2024-01-31T10:00:00Z": "2024-01-31T10:00:00Z",
    "1.0": 1.0, "1e3": 1000.0, "0o17": 15, "0x1F": 31, "012": 12, "TRUE": True, "~": None, "'5'": "5",
}  # fmt: skip


@given(VALUES)
@settings(deadline=None, max_examples=60, database=None, derandomize=True)
def test_what_is_written_reads_the_same_everywhere(value: Any) -> None:
    """PyYAML, which reads YAML 1.1, and our reader of 1.2 give back exactly what was written."""
    text = dump({"value": value})
    assert yaml.safe_load(text) == {"value": value}
    again = load(text, "a.yaml").value
    assert again == {"value": value}
    assert dump(again) == text


def test_scalars_are_read_as_yaml_1_2() -> None:
    """A plain scalar means what YAML 1.2 says, and a date is a string."""
    read = {text: load(f"a: {text}", "a.yaml").value["a"] for text in READ}
    assert {text: (value, type(value)) for text, value in read.items()} == {
        text: (value, type(value)) for text, value in READ.items()
    }


def test_keys_are_strings_and_lines_are_known() -> None:
    """200 as a key is '200', as in JSON; every value knows its line, aliased ones too."""
    source = load("a: &x\n  b: 1\n200:\n  - *x\n", "a.yaml", first_line=10)
    assert source.value == {"a": {"b": 1}, "200": [{"b": 1}]}
    assert source.line(("200", 0)) == 10  # where it is written out
    assert source.line(("200",)) == 12
    assert source.value["a"] is not source.value["200"][0]


def test_a_model_costs_a_few_lines() -> None:
    """`make model-cost` counts the lines that name a model, and fails for a name that nothing has."""
    assert (print_cost(["pro"]), print_cost(["no-such-model"])) == (0, 1)
