"""Signals: as one exception, and with patience while a create is under way."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from kling_elements.cli import signals as interruption
from kling_elements.cli.signals import Interrupted, Interruptions

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _handlers_come_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in HANDLED]
    yield
    assert [signal.getsignal(number) for number in HANDLED] == before


def test_a_patient_create_ends_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal during a create that nobody answers gets through when the grace is over."""
    monkeypatch.setattr(interruption, "GRACE", 0.01)
    told: list[float] = []
    with Interruptions(told.append) as interruptions:
        interruptions.hold()
        signal.raise_signal(signal.SIGTERM)
        assert told == [0.01]
        with pytest.raises(Interrupted) as caught:
            threading.Event().wait(30)
        signal.raise_signal(signal.SIGTERM)  # cleaning up is not interrupted
    assert caught.value.exit_code == 143


def test_an_ignored_signal_stays_ignored() -> None:
    """What nohup or a shell's background job ignores is ignored by the command too."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruptions(print):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143), (signal.SIGHUP, "SIGHUP", 129)],
)
def test_each_signal_has_its_name_and_code(number: signal.Signals, name: str, code: int) -> None:
    """A signal is raised as what people call it, with the exit code that a shell expects."""
    with Interruptions(print), pytest.raises(Interrupted) as caught:
        signal.raise_signal(number)
    error = caught.value
    assert (error.args, error.signal_number, error.name, error.exit_code) == ((number,), number, name, code)


def test_a_signal_after_a_create_comes_through_at_once() -> None:
    """Once a create is answered, signals are no longer held."""
    told: list[float] = []
    with Interruptions(told.append) as interruptions:
        interruptions.hold()
        interruptions.release()
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)
    assert told == []


def test_a_second_signal_does_not_wait() -> None:
    """The second signal during a create leaves at once, as the first one, and later ones do nothing."""
    told: list[float] = []
    with Interruptions(told.append) as interruptions:
        interruptions.hold()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted) as caught:
            signal.raise_signal(signal.SIGINT)
        interruptions.release()
        signal.raise_signal(signal.SIGINT)
    assert (caught.value.signal_number, told) == (signal.SIGTERM, [interruption.GRACE])
