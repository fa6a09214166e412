"""The tree of errors, their pickles, and the public names."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

import kling_elements
from contract_tests.support.answers import ID, RESULT, reply
from contract_tests.support.clients import Script
from kling_elements import (
    ApiError,
    AsyncTask,
    DeadlineExceeded,
    DownloadError,
    InvalidParam,
    KlingError,
    OutcomeUnknown,
    ResponseFormatError,
    ResultMissing,
    Task,
    TaskFailed,
    ValidationError,
    errors,
)
from kling_elements.errors import next_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.support.clients import Driver


PUBLIC_ERRORS = [
    getattr(kling_elements, name)
    for name in dir(kling_elements)
    if isinstance(getattr(kling_elements, name), type)
    and issubclass(getattr(kling_elements, name), Exception)
]
TASK = Task(ID, "COMPLETED", (RESULT,), {"x": [1]}, "req")
API = {"status_code": 418, "message": "m", "invalid_params": [InvalidParam("n", "r")], "request_id": "q",
       "retry_after": 1.5, "body": "b"}  # fmt: skip
DEADLINE = {"last_status": "CREATED", "elapsed": 1.5, "timeout": 2.5}
MORE: dict[type[KlingError], dict[str, Any]] = {
    OutcomeUnknown: {"status_code": 500, "request_id": "q", "body": "b"},
    ResponseFormatError: {"status_code": 200, "content_type": "c", "request_id": "q", "body": "b"},
    DeadlineExceeded: DEADLINE,
    DownloadError: {"status_code": 403, "expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
}


def sample(kind: type[KlingError]) -> KlingError:
    """An error with every attribute set."""
    made = cast("Callable[..., KlingError]", kind)
    if issubclass(kind, ValidationError):
        error = made(["a", "b"])
        error.task_id = ID
        return error
    if kind in {TaskFailed, ResultMissing}:
        return made("text", task=TASK)
    return made("text", task_id=ID, **(API if issubclass(kind, ApiError) else MORE.get(kind, {})))


@pytest.mark.parametrize("kind", [*PUBLIC_ERRORS, Task, AsyncTask])
def test_errors_and_tasks_survive_a_pickle(kind: type[Any]) -> None:
    """Each comes out of a pickle or a copy with its kind, its text and the value of every attribute."""
    value: Any
    if issubclass(kind, KlingError):
        value = sample(kind)
        value.add_note("a note")
    else:
        value = kind(ID, "COMPLETED", (RESULT,), {"x": [1]}, "req", downloader=lambda *_, **__: None)
    for twin in (pickle.loads(pickle.dumps(value)), pickle.loads(pickle.dumps(value, 2)), copy.copy(value)):  # noqa: S301 - our own bytes
        assert type(twin) is kind
        if issubclass(kind, KlingError):
            assert (str(twin), twin.args, vars(twin)) == (str(value), value.args, vars(value))
            assert twin.task_id == ID
        else:
            assert (twin, twin.raw, twin.request_id) == (value, value.raw, "req")


def test_the_docstring_draws_the_tree() -> None:
    """The tree in the module's docstring has every error, below the bases that it has."""
    drawn: dict[str, tuple[str, str | None]] = {}
    parents = ["Exception"]
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ([│├└─ ]*)(\w+)(?: \((\w+)\))?(?:\s.*)?", line)
        if found and (drawn or found[2] == "KlingError"):
            depth = len(found[1]) // 4 + 1
            del parents[depth:]
            drawn[found[2]] = (parents[-1], found[3])
            parents.append(found[2])
    real: dict[str, tuple[str, str | None]] = {}
    for kind in PUBLIC_ERRORS:
        first, *others = [base.__name__.replace("_TaskError", "KlingError") for base in kind.__bases__]
        real[kind.__name__] = (first, others[0] if others else None)
    assert drawn == real


def test_public_names() -> None:
    """The public names are sorted, all there, and those of `import *`; every error is one of them."""
    names = dir(kling_elements)
    assert {"KlingElements", "AsyncTask", "Limits", "verify_webhook", "__version__"} < set(names)
    assert names == sorted(names) == vars(kling_elements)["__all__"]
    assert all(getattr(kling_elements, name) is not None for name in names)
    assert not hasattr(kling_elements, "nonsense")
    defined = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, KlingError) and not name.startswith("_")
    ]
    assert sorted(defined) == sorted(kind.__name__ for kind in PUBLIC_ERRORS)


def test_importing_costs_little() -> None:
    """Importing the package imports neither httpx nor the schema validator, Pillow, or the mock."""
    code = (
        "import sys, kling_elements; kling_elements.__version__; costly = 'httpx attrs logging re'; "
        "print([m for m in [*costly.split(), 'kling_elements_mock'] if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_the_hint_is_data_and_ends_the_text() -> None:
    """The next command is an attribute, and the last words of the text; it survives copying."""
    command = next_command("wait", "a b")
    error = copy.copy(OutcomeUnknown("It was sent.", task_id="a b", hint=command))
    assert error.hint == "kling-elements wait 'a b'"
    assert str(error) == "It was sent. Next: `kling-elements wait 'a b'`"
    assert error.args == ("It was sent.",)


@pytest.mark.parametrize("char", ["\x1b", "\x07", "\0", "\r", "\n", "\x9b", "\u202e", "\u2028"])
def test_an_error_shows_no_control_character(driver: Driver, char: str) -> None:
    """What the service sends can't move a cursor or begin a line of a log; `message` keeps it."""
    with pytest.raises(ApiError) as caught:
        driver.open(Script.of(reply(400, body={"message": f"a{char}b"}))).get(ID)
    assert str(caught.value).isprintable()
    assert ascii(char)[1:-1] in str(caught.value)
    assert caught.value.message == f"a{char}b"
