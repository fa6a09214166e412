"""Signals: as one exception, and with patience while a create is in flight."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from contract_tests.client.cli.conftest import names
from contract_tests.support.loopback import Answer, Asked, serving
from kling_elements.cli import signals
from kling_elements.cli.signals import Interrupted, Interruptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract_tests.client.cli.conftest import Cli

TASK = b'{"data": {"task_id": "abc-1", "status": "CREATED", "generated": []}}'


@pytest.fixture(autouse=True)
def _handlers_come_back() -> Iterator[None]:
    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in handled]
    yield
    assert [signal.getsignal(number) for number in handled] == before


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143), (signal.SIGHUP, "SIGHUP", 129)],
)
def test_each_signal_has_its_name_and_code(number: signal.Signals, name: str, code: int) -> None:
    """It is raised as what people call it, with the code that a shell expects; at once after a create too."""
    held: list[float] = []
    with Interruptions(held.append) as interruptions:
        interruptions.hold()
        interruptions.release()
        with pytest.raises(Interrupted) as caught:
            signal.raise_signal(number)
    error = caught.value
    assert (error.signal_number, error.name, error.exit_code, held) == (number, name, code, [])


def test_a_patient_create_ends_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal during a create that nobody answers gets through when the grace is over."""
    monkeypatch.setattr(signals, "GRACE", 0.01)
    held: list[float] = []
    with Interruptions(held.append) as interruptions:
        interruptions.hold()
        signal.raise_signal(signal.SIGTERM)
        assert held == [0.01]
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


def test_a_second_signal_does_not_wait() -> None:
    """The second signal during a create leaves at once, as the first one; later ones do nothing."""
    held: list[float] = []
    with Interruptions(held.append) as interruptions:
        interruptions.hold()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted) as caught:
            signal.raise_signal(signal.SIGINT)
        interruptions.release()
        signal.raise_signal(signal.SIGINT)
    assert (caught.value.signal_number, held) == (signal.SIGTERM, [signals.GRACE])


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_signal_during_a_create(cli: Cli, *, is_answered: bool) -> None:
    """As a process: a create that was sent is paid: a signal waits for its answer, a second one does not."""
    begun, go = threading.Event(), threading.Event()

    def answer(_: Asked) -> Answer:
        begun.set()
        go.wait(30)
        return 200, {"content-type": "application/json"}, TASK

    with serving(answer) as service:
        process = cli.start("--base-url", service.url, "generate", "https://h/a.png", "-o", "x.mp4")
        assert process.stderr
        assert begun.wait(30)
        os.killpg(process.pid, signal.SIGINT)
        assert "a create is being sent" in process.stderr.readline()
        if is_answered:
            go.set()
        else:
            os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        go.set()
    command = f"kling-elements --base-url {service.url}"
    assert (process.returncode, out, names()) == (130, "", [])  # the first signal counts
    assert "Traceback" not in err
    assert f"Next: {command} {'wait abc-1 -o x.mp4' if is_answered else 'list'}\n" in err
    assert ("Task abc-1" in err) is is_answered


def test_a_signal_during_the_wait_shows_how_to_resume(cli: Cli) -> None:
    """As a process: a signal to the group ends the wait at once, with the command that resumes."""
    cli.next("never-finish", times=1000)
    process = cli.start("generate", "https://h/a.png", "-o", "my out.mp4")
    assert process.stderr
    first = process.stderr.readline()  # the id, as soon as it is known
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    task_id = cli.ids[0]
    assert (first, process.returncode, out, names()) == (f"task {task_id}\n", 143, "", [])
    assert f"Task {task_id}" in err
    assert f"Next: kling-elements wait {task_id} -o 'my out.mp4'\n" in err
    assert "Traceback" not in err
