"""What the options of a request and of a wait become."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.cli.conftest import parsed, session_of
from contract_tests.support.answers import ID, png
from contract_tests.support.clients import FakeTime
from contract_tests.support.loopback import Asked, serving
from kling_elements import Task
from kling_elements.cli.progress import Progress
from kling_elements.cli.request_options import request_options, wait_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended
    from contract_tests.support.loopback import Answer
    from kling_elements_mock import ServedMock

    Run = Callable[..., Ended]
    Serve = Callable[..., ServedMock]
    Draw = Callable[..., str]

TEXTS = {
    "prompt": "a p",
    "negative_prompt": "an n",
    "duration": "10",
    "aspect_ratio": "square_1_1",
    "webhook_url": "https://hooks.example/x",
}
WORDS = [word for name, text in TEXTS.items() for word in (f"--{name.replace('_', '-')}", text)]
PATH = "/v1/ai/image-to-video/kling-elements"


def create_or_image(asked: Asked) -> Answer:
    if asked.method == "GET":
        return 200, {"content-type": "image/png"}, png()
    body = {"data": {"task_id": ID, "status": "CREATED", "generated": []}}
    return 200, {"content-type": "application/json"}, json.dumps(body).encode()


@pytest.mark.parametrize(
    ("words", "asked", "sent"),
    [
        ([], [f"POST {PATH}-std"], {}),
        ([*WORDS, "--model", "pro"], [f"POST {PATH}-pro"], TEXTS),
        (["--check-images"], ["GET /a.png", f"POST {PATH}-std"], {}),
    ],
    ids=["none", "all", "looked-at"],
)
def test_every_option_of_a_request_reaches_the_service(
    run: Run, words: list[str], asked: list[str], sent: dict[str, str]
) -> None:
    """The service is sent what was asked for, under its names, and nothing else."""
    with serving(create_or_image) as service:
        ended = run("create", f"{service.url}/a.png", "--base-url", service.url, *words)
    assert (ended.code, ended.out) == (0, f"{ID}\n")
    assert [f"{each.method} {each.path}" for each in service.asked] == asked
    assert json.loads(service.asked[-1].body) == {"images": [f"{service.url}/a.png"], **sent}


@pytest.mark.parametrize(
    ("words", "operations"),
    [
        ([], ["createKlingElementsStdTask"]),
        (["--local-files", "base64"], ["createKlingElementsStdTask"]),
        (["--local-files", "upload"], ["requestUploadUrls", "createKlingElementsStdTask"]),
    ],
)
def test_local_files_go_the_way_that_is_asked_for(
    run: Run, serve_mock: Serve, image: Draw, words: list[str], operations: list[str]
) -> None:
    """Local images are sent within the request, or put to the store first."""
    served = serve_mock()
    assert run("create", image("a.png"), *words).code == 0
    assert [each.operation for each in served.mock.requests if each.operation] == operations


def test_what_is_not_given_is_left_to_the_client() -> None:
    """The model and the way of local files are the client's to choose, if nobody else does."""
    nothing = dict.fromkeys(TEXTS) | {"check_images": False}
    assert request_options(parsed("create", "a")) == nothing
    words = ("create", "a", "--model", "m", "--local-files", "l", "--check-images", *WORDS)
    assert request_options(parsed(*words)) == {
        **TEXTS,
        "check_images": True,
        "model": "m",
        "local_files": "l",
    }


@pytest.mark.parametrize(
    ("is_new", "told"), [(True, "task t-1\nCREATED after 0:00\n"), (False, "CREATED after 0:00\n")]
)
def test_an_update_makes_the_task_known(told: str, *, is_new: bool) -> None:
    """The first update tells the run its task, and the person too if that is news; then how it goes."""
    session, _, err = session_of()
    time = FakeTime()
    progress = Progress(session.console, is_quiet=False, clock=time.clock, sleep=time.sleep)
    args = parsed("wait", "t-1", "--timeout", "9", "--poll-interval", "2")
    options: Any = wait_options(args, session, progress, is_new=is_new)
    options["on_update"](Task("t-1", "CREATED"))
    assert (session.task_id, err.getvalue()) == ("t-1", told)
    assert (options["timeout"], options["poll_interval"]) == (9.0, 2.0)
    options["sleep"](3)
    assert time.sleeps == [3]


def test_only_a_new_task_s_id_is_told(run: Run, serve_mock: Serve, image: Draw) -> None:
    """`generate` tells the id of the task that it made; `wait` was given it."""
    served = serve_mock()
    made = run("generate", image("a.png"), "-o", "a.mp4", "--poll-interval", "0")
    task_id = served.mock.tasks[0].id
    assert made.err.splitlines()[0] == f"task {task_id}"
    waited = run("wait", task_id, "-o", "b.mp4", "--poll-interval", "0")
    assert (waited.code, waited.out) == (0, "b.mp4\n")
    assert re.fullmatch(r"COMPLETED after \d+:\d\d\n", waited.err)
    assert Path("b.mp4").is_file()
