"""Addresses of images: what is wrong with one, whether others can reach it, and how it is shown."""

from __future__ import annotations

import pytest

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
    """Each fault of an address is a sentence; one at either limit has none."""
    assert url_problems(url) == tuple(problems)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("localhost.", True),
        ("printer.home.arpa", True),
        ("a.lan.", True),
        ("lan.example.com.", False),
        ("[::ffff:224.0.0.1]", True),
        ("[::ffff:192.168.0.1]", True),
        ("[::ffff:1.1.1.1]", False),
        ("[ff02::1]", True),
        ("[ff0e::1]", True),
        ("[2606:4700::1111]", False),
        ("0177.1", True),
        ("1.1", False),
        ("1e.example", False),
        ("127.0.0.1 x", False),
        ("fade.cafe", False),
        ("", False),
    ],
)
def test_whether_only_this_network_could_fetch_it(host: str, private: bool) -> None:  # noqa: FBT001  a parameter of the table
    """A host is known as private by its name or address, in any of its spellings."""
    assert is_private_url(f"https://{host}/a.png") is private


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
        ("https://[broken", "the URL"),
    ],
)
def test_how_an_address_is_shown(url: str, shown: str) -> None:
    """What may be secret is left out, what can't be printed is replaced, and 80 characters are shown."""
    assert shown_url(url) == shown
