"""The limits of an image: read from the document, and what is said of an image that breaks one."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.examples import examples
from kling_elements.images import ImageConstraints, ImageInfo, problems

EXTENSION: dict[str, object] = {
    "formats": ["jpg", "png"],
    "minWidth": 300,
    "minHeight": 300,
    "minAspectRatio": 0.4,
    "maxAspectRatio": 2.5,
    "maxBytes": 10_000_000,
}
RULES = ImageConstraints.from_document(EXTENSION)
MIB = 2**20


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({}, RULES),
        ({"formats": ("PNG",)}, attrs.evolve(RULES, formats=("png",))),
        ({"formats": ["png", "JPG", "jpeg"]}, attrs.evolve(RULES, formats=("png", "jpeg"))),
        ({"minWidth": 1, "minHeight": 2}, attrs.evolve(RULES, min_width=1, min_height=2)),
        ({"maxBytes": 1}, attrs.evolve(RULES, max_bytes=1)),
        ({"minAspectRatio": 2.5}, attrs.evolve(RULES, min_aspect_ratio=2.5)),
        (
            {"minAspectRatio": 1, "maxAspectRatio": 1},
            attrs.evolve(RULES, min_aspect_ratio=1.0, max_aspect_ratio=1.0),
        ),
    ],
)
def test_rules_that_make_sense(change: dict[str, object], rules: ImageConstraints) -> None:
    """Each limit is the document's own, the least and the closest ones as well."""
    assert ImageConstraints.from_document(EXTENSION | change) == rules


@pytest.mark.parametrize(
    ("change", "word"),
    [
        *(
            ({key: value}, key)
            for key in ("minWidth", "minHeight", "maxBytes")
            for value in (0, -1, True, 1.5, "300", None)
        ),
        *(
            ({key: value}, key)
            for key in ("minAspectRatio", "maxAspectRatio")
            for value in (0, -0.5, True, float("inf"), float("nan"), "2.5", None)
        ),
        *(({"formats": value}, "formats") for value in ([], "png", 5, None, {"png": 1}, ["png", 5])),
        ({"formats": ["webp", "png", "gif"]}, "webp, gif"),
        ({"minAspectRatio": 2.6}, "minAspectRatio is greater than maxAspectRatio"),
        ({"a": 1, "b": 2}, "a, b"),
    ],
)
def test_rules_that_make_no_sense(change: dict[str, object], word: str) -> None:
    """A fault of the document is an error that names its key."""
    with pytest.raises(ValueError, match="x-image-constraints") as caught:
        ImageConstraints.from_document(EXTENSION | change)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "matters"),
    [
        (RULES, False),
        (attrs.evolve(RULES, min_aspect_ratio=1 / 3, max_aspect_ratio=3.0), False),
        (attrs.evolve(RULES, min_width=301), True),
        (attrs.evolve(RULES, max_aspect_ratio=2.6), True),
        (attrs.evolve(RULES, min_aspect_ratio=0.5), True),
    ],
)
def test_whether_a_turn_matters(rules: ImageConstraints, matters: bool) -> None:  # noqa: FBT001
    """A turn changes nothing while both sides have one minimum, and the ratios are each other's inverse."""
    assert rules.orientation_matters is matters
    (found,) = problems(ImageInfo("png", 200, 200, turned=True), rules)
    assert ("EXIF" in found) is matters
    assert "EXIF" not in str(problems(ImageInfo("png", 200, 200), rules))


SQUARE = attrs.evolve(RULES, min_aspect_ratio=1.0, max_aspect_ratio=1.5)
TALL = attrs.evolve(RULES, min_aspect_ratio=0.5, max_aspect_ratio=1.0)
BINARY = attrs.evolve(RULES, max_bytes=5 * MIB)
PNG = attrs.evolve(RULES, formats=("png",))


@pytest.mark.parametrize(
    ("facts", "rules", "expected"),
    [
        (ImageInfo("png", 300, 299), RULES, ["300x299 px: at least 300x300"]),
        (ImageInfo("png", 299, 300), RULES, ["299x300 px"]),
        (ImageInfo("png", None, 100), RULES, []),
        (ImageInfo("png", 100, None), RULES, []),
        (ImageInfo("png", 0, 300), RULES, ["0x300 px"]),
        (ImageInfo("png", 300, 0), RULES, ["300x0 px"]),
        (ImageInfo("png", 1000, 2501), RULES, ["1:2.501: 1:2.5 to 2.5:1"]),
        (ImageInfo("png", 2_500_001, 1_000_000), RULES, ["2.500001:1: 1:2.5 to 2.5:1"]),
        (ImageInfo("png", 25_000_001, 10_000_000), RULES, ["25000001:10000000: 1:2.5 to 2.5:1"]),
        (ImageInfo("png", 301, 300), SQUARE, []),
        (ImageInfo("png", 300, 301), SQUARE, ["1:1.003: 1:1 to 1.5:1"]),
        (ImageInfo("png", 600, 300), SQUARE, ["2.00:1: 1:1 to 1.5:1"]),
        (
            ImageInfo("png", 600, 300, turned=True),
            TALL,
            ["2.00:1 (turned by its EXIF orientation): 1:2 to 1:1"],
        ),
        (ImageInfo("png", size=5 * MIB - 1), BINARY, []),
        (ImageInfo("png", size=5 * MIB), BINARY, ["5,242,880 bytes: under 5,242,880 bytes"]),
        (ImageInfo("png", size=6 * MIB), BINARY, ["6.0 MiB: under 5 MiB"]),
        (ImageInfo("png", size=10_040_000), RULES, ["10,040,000 bytes: under 10,000,000 bytes"]),
        (ImageInfo("png", size=10_060_000), RULES, ["10.1 MB: under 10 MB"]),
        (ImageInfo("xyz"), RULES, ["is xyz: JPEG or PNG"]),
        (ImageInfo("jpeg"), PNG, ["JPEG image: PNG"]),
        (ImageInfo("gif", 299, 1000, damage="is broken"), RULES, ["GIF", "is broken", "299x1000", "1:3.34"]),
    ],
)
def test_each_limit_at_its_edge(facts: ImageInfo, rules: ImageConstraints, expected: list[str]) -> None:
    """What is just beyond a limit is named in digits that show it; what is not known is no problem."""
    found = problems(facts, rules)
    assert len(found) == len(expected)
    assert all(words in problem for words, problem in zip(expected, found, strict=True))


@examples(100)
@given(width=st.integers(1, 70_000), height=st.integers(1, 70_000))
def test_aspect_ratio_is_exact(width: int, height: int) -> None:
    """The ratio is judged in whole numbers, whichever way the image is turned, and shown exactly."""
    facts = ImageInfo("png", width, height)
    turned = problems(ImageInfo("png", height, width, turned=True), RULES)
    assert len(problems(facts, RULES)) == len(turned)
    refused = [text for text in problems(facts, RULES) if "aspect ratio" in text]
    assert bool(refused) == (not (2 * height <= 5 * width and 2 * width <= 5 * height))
    if refused:
        one, other = refused[0].removeprefix("has the aspect ratio ").split(": ")[0].split(":")
        assert {float(one), float(other)} != {1, 2.5}
