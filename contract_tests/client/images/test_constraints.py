"""The limits of an image and of its URL: read from the document, and what is said of what breaks one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_elements.images.constraints import ImageConstraints, ImageInfo, problems
from kling_elements.images.urls import is_private_url, shown_url, url_problems

EXTENSION: dict[str, object] = {
    "formats": ["jpeg", "png"],
    "minWidth": 300,
    "minHeight": 300,
    "minAspectRatio": 0.4,
    "maxAspectRatio": 2.5,
    "maxBytes": 10_000_000,
}
RULES = ImageConstraints.from_document(EXTENSION)


def test_the_rules_of_a_document() -> None:
    """Each limit is the document's own; one that isn't checked, a format that can't be decoded, is named."""
    own = ImageConstraints(("jpeg",), 1, 2, 0.1, 0.2, 3)
    keys = ("formats", "minWidth", "minHeight", "minAspectRatio", "maxAspectRatio", "maxBytes")
    assert ImageConstraints.from_document(dict(zip(keys, own, strict=True))) == own
    less = {key: value for key, value in EXTENSION.items() if key != "maxBytes"}
    for extension, word in (
        (EXTENSION | {"formats": ["webp", "png", "gif"]}, "webp, gif"),
        (EXTENSION | {"maxWidth": 1}, "maxWidth"),
        (less, "maxBytes"),
    ):
        with pytest.raises(ValueError, match=word):
            ImageConstraints.from_document(extension)


SQUARE = RULES._replace(min_aspect_ratio=1.0, max_aspect_ratio=1.5)
PNG = RULES._replace(formats=("png",))


# What is known of an image, and what is said of it; by the rules above, or others.
EDGES: list[tuple[ImageInfo, ImageConstraints, list[str]]] = [
    (ImageInfo("png", 300, 299), RULES, ["300x299 px: at least 300x300"]),
    (ImageInfo("png", 299, 300), RULES, ["299x300 px"]),
    (ImageInfo("png", 100, None), RULES, []),
    (ImageInfo("png", 300, 0), RULES, ["300x0 px"]),
    (ImageInfo("png", 1000, 2501), RULES, ["1:2.501: 1:2.5 to 2.5:1"]),
    (ImageInfo("png", 2_500_001, 1_000_000), RULES, ["2.500001:1: 1:2.5 to 2.5:1"]),
    (ImageInfo("png", 301, 300), SQUARE, []),
    (ImageInfo("png", 300, 301), SQUARE, ["1:1.003: 1:1 to 1.5:1"]),
    (ImageInfo("png", size=9_999_999), RULES, []),
    (ImageInfo("png", size=10_000_000), RULES, ["10,000,000 bytes: under 10,000,000 bytes"]),
    (ImageInfo("png", size=10_040_000), RULES, ["10,040,000 bytes: under 10,000,000 bytes"]),
    (ImageInfo("png", size=10_060_000), RULES, ["10.1 MB: under 10 MB"]),
    (ImageInfo("xyz"), RULES, ["is xyz: JPEG or PNG"]),
    (ImageInfo("jpeg"), PNG, ["JPEG image: PNG"]),
    (ImageInfo("gif", 299, 1000, damage="is broken"), RULES, ["GIF", "is broken", "299x1000", "1:3.34"]),
]


def test_each_limit_at_its_edge() -> None:
    """What is just beyond a limit is named in digits that show it; what is not known is no problem."""
    for facts, rules, expected in EDGES:
        found = problems(facts, rules)
        assert all(words in problem for words, problem in zip(expected, found, strict=True)), found


# --- URLs of images

FIT = "https://example.com/".ljust(8192, "a")


NO_HOST, NO_PORT = (
    "names no host: https://HOST/PATH is needed",
    "has a port that is no number from 0 to 65535",
)
URLS: list[tuple[str, list[str]]] = [
    (FIT, []),
    (FIT + "a", ["is 8,193 characters long: at most 8,192 are taken in a URL"]),
    ("https://a/\x9f", [r"has the character '\x9f' at position 11: remove it"]),
    ("https://a/\u3000", [r"has the character '\u3000' at position 11: remove it"]),
    ("https://a/ b", ["has a space at position 11: write it as %20"]),
    ("https://a/b ", ["has a space at position 12: remove it"]),
    ("https://a/~\xa1", []),
    ("ftp://a/b", ["has the scheme 'ftp': http or https is needed"]),
    ("https://[a", ["is not a URL: its host can't be read"]),
    ("https://me@:70000", [NO_HOST, NO_PORT, "holds a user name or password"]),
]


PRIVATE = (
    *("localhost:8000", "LOCALHOST.", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]"),
    *("10.1.2.3", "169.254.169.254", "100.64.0.1", "224.0.0.1", "nas", "nas.local", "mylocal"),
)
PUBLIC = ("example.com", "thelocal.com", "8.8.8.8", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "[broken")


LONG = "https://example.com/".ljust(80, "a")
SHOWN = {
    "https://me:secret@example.com:8443/a?b=secret#c": "https://example.com:8443/a?…",
    "https://example.com/a?": "https://example.com/a",
    "https://example.com/\u200b\x1b[2J": r"https://example.com/\u200b\x1b[2J",
    LONG: LONG,
    LONG + "a": LONG[:79] + "…",
    "https://[broken": "[not a URL]",
}


def test_urls() -> None:
    """Each fault of a URL is a sentence; what may be secret is left out, what can't be printed is escaped.

    A URL that only this network could fetch is known by its host, without resolving it.
    """
    for url, faults in URLS:
        found = url_problems(url)
        assert [problem[: len(fault)] for problem, fault in zip(found, faults, strict=True)] == faults
    assert {url: shown_url(url) for url in SHOWN} == SHOWN
    assert [host for host in PRIVATE if not is_private_url(f"http://{host}/a.png")] == []
    assert [host for host in PUBLIC if is_private_url(f"https://{host}/a.png")] == []


@given(st.text() | st.text().map(lambda tail: "https://" + tail))
def test_no_url_raises(url: str) -> None:
    """Whatever the text is, looking at a URL raises nothing, and what is shown can be printed."""
    url_problems(url)
    is_private_url(url)
    shown_url(url).encode()
