"""The commands. The module that does a command's work is imported once its arguments are parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kling_elements.cli.arguments import (
    add_common,
    add_fields,
    add_id,
    add_model,
    add_output,
    add_request,
    add_wait,
    add_workers,
)
from kling_elements.cli.console import PROGRAM
from kling_elements.cli.parser import Parser, filled

if TYPE_CHECKING:
    from collections.abc import Callable


def _generate(parser: Parser) -> None:
    add_request(parser)
    add_wait(parser)
    add_output(parser)


def _batch(parser: Parser) -> None:
    parser.add_argument(
        "jobs",
        nargs="+",
        type=filled,
        metavar="JOBS",
        help="a folder, images or a pattern; or a file of JSON lines or CSV; - for JSON lines from stdin",
    )
    parser.add_argument(
        "-d",
        "--directory",
        type=filled,
        metavar="DIR",
        required=True,
        help="where the videos go; created if it is missing",
    )
    add_workers(parser, ", the vendor's limit for one user")
    parser.add_argument(
        "--batch-id",
        type=filled,
        metavar="TEXT",
        help="what identifies the batch when it is run again (default: the paths of a file of jobs, and DIR)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be made and what is there; send nothing"
    )
    parser.add_argument(
        "--report", action="store_true", help="make DIR/report.html too: each video beside its image"
    )
    group = parser.add_argument_group("the request", "For every job that doesn't say otherwise itself.")
    add_fields(parser, group)
    group = parser.add_argument_group("what may be paid twice")
    group.add_argument(
        "--retry-unknown",
        action="store_true",
        help="create again what was sent before without an answer, though a task may exist",
    )
    group.add_argument(
        "--retry-failed", action="store_true", help="create again what failed, or whose video expired"
    )
    add_wait(parser)


def _resume(parser: Parser) -> None:
    parser.add_argument(
        "-d",
        "--directory",
        type=filled,
        metavar="DIR",
        help="where videos go that have no file noted (default: they are not fetched)",
    )
    add_workers(parser)
    group = parser.add_argument_group("creates whose outcome is unknown")
    group.add_argument(
        "--adopt", type=filled, metavar="TASK", help="add a task to the journal, and finish it too"
    )
    group.add_argument(
        "--entry", type=filled, metavar="ENTRY", help="the entry that --adopt is for, as resume shows it"
    )
    group.add_argument("-o", "--output", type=filled, metavar="FILE", help="where the video of --adopt goes")
    group.add_argument(
        "--abandon",
        type=filled,
        metavar="ENTRY",
        action="append",
        default=[],
        help="forget an entry; a batch may then create its job again",
    )
    add_wait(parser)


def _wait(parser: Parser) -> None:
    add_id(parser)
    add_wait(parser)
    add_output(parser, "none; the task is shown")


def _download(parser: Parser) -> None:
    add_id(parser)
    add_output(parser)


def _list(parser: Parser) -> None:
    parser.valued["model"] = add_model(parser)


def _history(parser: Parser) -> None:
    parser.add_argument(
        "-n", type=int, default=20, metavar="N", help="how many (default: %(default)s; 0: all)"
    )
    parser.add_argument(
        "--status", type=filled, metavar="STATUS", help="only those, e.g. COMPLETED, FAILED or unknown"
    )
    parser.add_argument(
        "--batch", type=filled, metavar="ID", help="only those of a batch, by the first characters of its id"
    )


def _completion(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def _check(parser: Parser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a file or a URL")
    parser.valued["model"] = add_model(parser, purpose="the model whose limits apply")


def _webhooks(parser: Parser) -> None:
    parser.add_argument("action", choices=("listen",), metavar="listen", help="serve until Ctrl-C")
    parser.add_argument(
        "--host",
        type=filled,  # an empty one would be every address of this machine
        default="127.0.0.1",
        help="the address to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--port", default="8765", metavar="N", help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--secret-file",
        type=filled,
        action="append",
        default=[],
        metavar="FILE",
        help="holds the webhook's secret; repeat it while one secret replaces another",
    )
    parser.add_argument(
        "--encoding",
        choices=("utf-8", "base64", "hex"),
        default="utf-8",
        help="how the secret's text is encoded (default: %(default)s)",
    )


class Command(NamedTuple):  # dataclasses would cost `--help` 10 ms
    """A command; the module of its name in `kling_elements.cli.commands` does its work.

    Attributes:
        name: What is typed.
        help: Its line in `--help`.
        details: What its own `--help` adds.
        add_arguments: Declares its arguments.
        is_raw: Whether it parses its arguments itself, `--help` included.
    """

    name: str
    help: str
    details: str = ""
    add_arguments: Callable[[Parser], None] = lambda _: None
    is_raw: bool = False

    def parser(self) -> Parser:
        """Return the parser of what follows the command's name."""
        description = f"{self.help[0].upper()}{self.help[1:]}.\n\n{self.details}".rstrip()
        parser = Parser(f"{PROGRAM} {self.name}", description)
        self.add_arguments(parser)
        add_common(parser)
        return parser


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "generate",
            "make a video from images: create a task, wait, fetch the file (costs money)",
            "The path of the file goes to stdout. The task's id is shown on stderr as soon as\n"
            "it is known. If the command ends early, the task continues and is billed; the\n"
            "command that resumes is printed.",
            _generate,
        ),
        Command(
            "batch",
            "make many videos from a folder of images or a file of jobs (costs money)",
            "JOBS is a folder, a pattern such as 'photos/*.jpg', or images: one job each. Or it is\n"
            "a file of jobs: one JSON object a line, with the request's fields, such as\n"
            '{"images": ["a.jpg"], "prompt": "...", "id": "cat", "output": "cat.mp4"},\n'
            "or a CSV file whose first line names such fields. Only images are needed. Relative\n"
            "paths begin at the folder of the file. An invalid line fails alone. Videos go to DIR,\n"
            "their paths to stdout as they come.\n\n"
            "After Ctrl-C, a crash or a power cut, type the same command again: what was created\n"
            "is not created, and not paid, again. DIR/report.jsonl has the outcome of each job.",
            _batch,
        ),
        Command(
            "resume",
            "finish what was begun: wait for tasks, and fetch their videos",
            "Videos go where they were meant to go. Creates whose outcome is unknown are shown,\n"
            "with the tasks that they may have made: take one with --adopt, or forget an entry\n"
            "with --abandon. It is free, and safe to run twice, and twice at once.",
            _resume,
        ),
        Command(
            "create",
            "create a task and don't wait for it (costs money)",
            "The task's id goes to stdout.",
            add_request,
        ),
        Command(
            "status",
            "show a task",
            "The URLs of its video are shown in full: anyone who has one can fetch it.",
            add_id,
        ),
        Command(
            "wait",
            "wait for a task, and fetch its video with -o",
            "Without -o the task itself is shown, with the URLs of its video. Waiting is free.",
            _wait,
        ),
        Command(
            "list",
            "list the account's tasks",
            "One task a line: id and status, and what the journal knows: when it was created, and\n"
            "the file. Only the tasks of the key's account are visible.",
            _list,
        ),
        Command(
            "history",
            "show what the journal knows of the tasks created here",
            "One task a line, the newest last. Needs neither a key nor the service.",
            _history,
        ),
        Command(
            "download",
            "fetch the video of a task that is done",
            "URLs of videos last an hour after the task was completed. The path of the file goes\nto stdout.",
            _download,
        ),
        Command(
            "check",
            "check images without spending, and without a key",
            "Files are read whole; of an image behind a URL the first kilobytes are fetched,\n"
            "from this machine. The exit code is 2 if one can't be used.",
            _check,
        ),
        Command("mock", "serve a stand-in of the service on this machine", is_raw=True),
        Command(
            "webhooks",
            "listen for webhooks: verify and show each delivery, without spending",
            "The secret is read from KLING_ELEMENTS_WEBHOOK_SECRET (several: separated by commas)\n"
            "or from files. There is no option for the secret itself, because it would stand in\n"
            "the shell's history. No API key is needed. With --json, each line is an object, with\n"
            "the URLs of the video.",
            _webhooks,
        ),
        Command(
            "doctor",
            "check key, origin, clock and connection without spending",
            "Each line begins with ok, warn or fail. The exit code is that of the first failure,\n"
            "or 0. The journal and the current folder are checked too.",
        ),
        Command(
            "completion",
            "print a completion script for bash, zsh or fish",
            "It needs the extra `terminal`. For bash, type once:\n"
            f"  {PROGRAM} completion bash > ~/.local/share/bash-completion/completions/{PROGRAM}",
            _completion,
        ),
    )
}
