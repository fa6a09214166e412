"""Fetching from another host, step by step: which addresses are asked, and which redirects are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract_tests.support.driving import drive
from kling_elements.decisions import Fault
from kling_elements.effects import Head, Stream
from kling_elements.fetching import REDIRECT_RULES, NotFollowed, fetch

if TYPE_CHECKING:
    from kling_elements.effects import Send, Sink

URL = "https://a.example/x/a.mp4?sig=1"
CUT = Fault("cut", was_sent=True)
HEADERS = {"Range": "bytes=5-"}


def head(status: int, **headers: str) -> Head:
    return Head(status, headers, URL)


def fetched(
    *answers: Head | Fault, url: str = URL, rule: str = "same-host"
) -> tuple[Head | Fault, list[str], list[Head]]:
    """What a fetch gives, which addresses it asked, and of which answers it read the body."""
    asked: list[str] = []
    read: list[Head] = []

    def open_sink(head: Head) -> Sink | None:
        read.append(head)
        return None

    flow = fetch(url, HEADERS, open_sink, timeout=7.0, may_follow=REDIRECT_RULES[rule])
    left = list(answers)

    def answer(stream: Send | Stream) -> Head | Fault:
        assert isinstance(stream, Stream)
        assert (stream.headers, stream.timeout, stream.method) == (HEADERS, 7.0, "GET")
        asked.append(stream.url)
        assert left, "more was asked for"
        given = left.pop(0)
        if isinstance(given, Head):
            stream.open_sink(given)
        return given

    found = drive(flow, answer)
    assert left == []
    return found, asked, read


@pytest.mark.parametrize("answer", [head(200), head(206), head(403, location="/b"), head(304, location="/b")])
def test_an_answer_is_given_as_it_is(answer: Head) -> None:
    """What is no redirect is the answer, and its body is read."""
    assert fetched(answer) == (answer, [URL], [answer])
    plain = "http://a.example/a.mp4"
    assert fetched(answer, url=plain) == (answer, [plain], [answer])


def test_a_fault_is_given_as_it_is() -> None:
    """So is what broke a request off, after a redirect too."""
    assert fetched(CUT) == (CUT, [URL], [])
    assert fetched(head(302, location="b"), CUT) == (CUT, [URL, "https://a.example/x/b"], [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int) -> None:
    """A redirect is followed from where it was given, with the same headers; its own body is not read."""
    moves = [head(status, location="/b?sig=2"), head(status, location="c/d")]
    asked = [URL, "https://a.example/b?sig=2", "https://a.example/c/d"]
    assert fetched(*moves, head(200)) == (head(200), asked, [head(200)])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "file:///etc/passwd",
        "x.mp4",
        "//a.example/x",
        "https://",
        "https:///x",
        "http://[",
        "",
    ],
)
def test_what_is_no_web_address_is_not_asked(url: str) -> None:
    """Only http and https are asked, of a host that is named; nothing was sent to anything else."""
    fault = NotFollowed("the address is no http or https URL", was_sent=False)
    assert fetched(url=url) == (fault, [], [])


@pytest.mark.parametrize("location", ["ftp://a.example/x", "file:///etc/passwd"])
def test_no_redirect_leads_out_of_the_web(location: str) -> None:
    """Nor is anything else asked because a host says so, whatever redirects are allowed."""
    fault = NotFollowed("the address is no http or https URL", was_sent=False)
    assert fetched(head(302, location=location), rule="any") == (fault, [URL], [])


@pytest.mark.parametrize(
    ("headers", "where"),
    [
        ({"location": "https://b.example/b.mp4?sig=2#x"}, "https://b.example/b.mp4?…"),
        ({"location": "http://a.example/a.mp4"}, "http://a.example/a.mp4"),
        ({"location": ""}, "nowhere"),
        ({"location": "http://["}, "nowhere"),
        ({}, "nowhere"),
    ],
)
def test_where_it_is_not_sent(headers: dict[str, str], where: str) -> None:
    """A redirect that is not followed is told without its signature."""
    fault = NotFollowed(f"a redirect to {where} is not followed", was_sent=True)
    assert fetched(head(302, **headers)) == (fault, [URL], [])


def test_a_circle_ends() -> None:
    """Five redirects are followed, and no more."""
    again = head(302, location=URL)
    assert fetched(*[again] * 5, head(200)) == (head(200), [URL] * 6, [head(200)])
    fault = NotFollowed("too many redirects", was_sent=True)
    assert fetched(*[again] * 6) == (fault, [URL] * 6, [])


@pytest.mark.parametrize(
    ("before", "after", "allowing"),
    [
        ("https://a.example/1", "https://a.example/2", {"same-host", "any-host", "any"}),
        ("http://a.example/1", "http://a.example/2", {"same-host", "any-host", "any"}),
        ("http://a.example/1", "https://a.example/1", {"same-host", "any-host", "any"}),
        ("https://a.example/1", "http://a.example/1", {"any"}),
        ("https://a.example/1", "https://b.example/1", {"any-host", "any"}),
        ("https://a.example/1", "https://a.example:8443/1", {"any-host", "any"}),
        ("https://a.example/1", "https://me@a.example/1", {"any-host", "any"}),
        ("http://a.example/1", "http://b.example/1", {"any-host", "any"}),
        ("http://a.example/1", "https://b.example/1", {"any-host", "any"}),
        ("https://a.example/1", "http://b.example/1", {"any"}),
        ("https://a.example/1", "ftp://a.example/1", {"any"}),
    ],
)
def test_the_rules(before: str, after: str, allowing: set[str]) -> None:
    """By default a redirect stays on the host; only what is asked for leaves it, or falls back to http."""
    assert {name for name, may_follow in REDIRECT_RULES.items() if may_follow(before, after)} == allowing
