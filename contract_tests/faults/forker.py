"""A process that has run the command once, and forks for each run: a start takes milliseconds."""

import os
import resource
import time
from contextlib import redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path

from kling_elements.__main__ import main


def fork_runs(pipe: Connection, first: list[str]) -> None:
    """Give the pid of each run that is asked for, and then its status."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        assert main(first) == 0
    pipe.send("ready")
    while True:
        asked = pipe.recv()
        pid = os.fork()
        if pid == 0:
            os._exit(_run(*asked))
        pipe.send(pid)
        pipe.send(os.waitpid(pid, 0)[1])


def _run(words: list[str], said: str, largest_file: int, ahead: float) -> int:
    """Run the command, on a disk that may be full and by a clock that may be wrong."""
    os.setsid()
    out = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, -1))
    right = time.time
    time.time = lambda: right() + ahead
    return main(words)
