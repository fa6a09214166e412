"""URLs of images: what is wrong with one, whether others can reach it, and how it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_elements.images import is_private_url, shown_url, url_problems

FIT = "https://example.com/".ljust(8192, "a")


@pytest.mark.parametrize(
    ("url", "problems"),
    [
        (FIT, []),
        (FIT + "a", ["is 8,193 characters long: at most 8,192 are taken in a URL"]),
        ("https://a/\x9f", [r"has the character '\x9f' at position 11: remove it"]),
        ("https://a/\x7f", [r"has the character '\x7f' at position 11: remove it"]),
        ("https://a/\x1f", [r"has the character '\x1f' at position 11: remove it"]),
        ("https://a/\u3000", [r"has the character '\u3000' at position 11: remove it"]),
        ("https://a/ b", ["has a space at position 11: write it as %20"]),
        ("https://a/b ", ["has a space at position 12: remove it"]),
        ("https://a/~\xa1", []),
        ("ftp://a/b", ["has the scheme 'ftp': http or https is needed"]),
        ("https://[a", ["is not a URL: its host can't be read"]),
        ("https:/example.com/a.png", ["names no host: https://HOST/PATH is needed"]),
        ("https://a:port/b", ["has a port that is no number from 0 to 65535"]),
        (
            "https://me@:70000",
            [
                "names no host: https://HOST/PATH is needed",
                "has a port that is no number from 0 to 65535",
                "holds a user name or password: anybody who sees the request could read it; remove it",
            ],
        ),
    ],
)
def test_what_is_wrong_with_an_address(url: str, problems: list[str]) -> None:
    """Each fault of a URL is a sentence; one at either limit has none."""
    assert url_problems(url) == tuple(problems)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://localhost:8000/a.png", True),
        ("http://LOCALHOST./a.png", True),
        ("http://127.0.0.1/a.png", True),
        ("http://127.1/a.png", True),
        ("http://2130706433/a.png", True),
        ("http://0x7f.1/a.png", True),
        ("http://[::1]/a.png", True),
        ("http://[::ffff:10.0.0.1]/a.png", True),
        ("http://10.1.2.3/a.png", True),
        ("http://192.168.1.1/a.png", True),
        ("http://169.254.169.254/a.png", True),
        ("http://100.64.0.1/a.png", True),
        ("http://224.0.0.1/a.png", True),
        ("http://nas/a.png", True),
        ("http://nas.local/a.png", True),
        ("https://example.com/a.png", False),
        ("https://local.example.com/a.png", False),
        ("https://mylocal/a.png", True),
        ("https://thelocal.com/a.png", False),
        ("https://8.8.8.8/a.png", False),
        ("https://[2606:4700::1111]/a.png", False),
        ("https://[::ffff:8.8.8.8]/a.png", False),
        ("https://[broken", False),
        ("not a URL", False),
    ],
)
def test_private_urls(url: str, private: bool) -> None:  # noqa: FBT001  a parameter of the table
    """A URL that only this network could fetch is known by its host, without resolving it."""
    assert is_private_url(url) is private


LONG = "https://example.com/".ljust(80, "a")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a.png", "https://example.com/a.png"),
        ("https://me:secret@example.com:8443/a?b=secret#c", "https://example.com:8443/a?…"),
        ("https://example.com/a?", "https://example.com/a"),
        ("https://example.com/\u200b\x1b[2J", "https://example.com/��[2J"),
        (LONG, LONG),
        (LONG + "a", LONG[:79] + "…"),
        ("https://[broken", "[not a URL]"),
    ],
)
def test_how_an_address_is_shown(url: str, shown: str) -> None:
    """What may be secret is left out, what can't be printed is replaced, and 80 characters are shown."""
    assert shown_url(url) == shown


@given(st.text() | st.text().map(lambda tail: "https://" + tail))
def test_no_url_raises(url: str) -> None:
    """Whatever the text is, looking at a URL raises nothing, and what is shown can be printed."""
    url_problems(url)
    is_private_url(url)
    shown_url(url).encode()
