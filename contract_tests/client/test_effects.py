"""What flows ask their shell for, one effect at a time."""

from __future__ import annotations

import pytest

from kling_elements.effects import (
    Call,
    Compute,
    Head,
    Request,
    Send,
    Stream,
    call,
    compute,
    put,
    send,
    stream,
)

REQUEST = Request("GET", "/v1/x")
HEAD = Head(200, {}, "https://a.example/x")


def read_none(head: Head) -> None:
    """Want nothing of a body."""


def test_each_effect_is_what_was_asked_for() -> None:
    """Each flow asks once, for exactly that."""
    assert list(send(REQUEST, 5.0)) == [Send(REQUEST, 5.0)]
    assert list(stream("u", {"a": "b"}, read_none, 5.0)) == [Stream("u", {"a": "b"}, read_none, 5.0)]
    assert list(compute(dict)) == [Compute(dict)]
    assert list(call(print, "a")) == [Call(print, "a")]


def test_what_is_put_is_not_answered() -> None:
    """Bytes are put with their headers and their time, and nothing of the answer's body is read."""
    [asked] = put("u", {"a": "b"}, b"bytes", 5.0)
    assert isinstance(asked, Stream)
    assert asked == Stream("u", {"a": "b"}, asked.open_sink, 5.0, "PUT", b"bytes")
    assert asked.open_sink(HEAD) is None


@pytest.mark.parametrize(("content", "shown"), [(None, "None"), (b"12345", "<5 bytes>")])
def test_what_is_sent_is_shown_by_its_size(content: bytes | None, shown: str) -> None:
    """Images and signed addresses stay out of what is printed of an effect."""
    assert repr(Request("POST", "/v1", {}, content)).endswith(f"content={shown}, task_id=None)")
    text = repr(Stream("https://a.example/?hmac=1", {}, read_none, 5.0, "PUT", content))
    assert text.endswith(f"timeout=5.0, method='PUT', content={shown})")
    assert "a.example" not in f"{text} {HEAD}"
