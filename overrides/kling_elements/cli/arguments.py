"""The commands and their arguments. What does a command's work is imported once its arguments are parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kling_elements.cli.console import PROGRAM
from kling_elements.cli.parser import Parser, seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

VALUED = ("--base-url", "--auth-header", "--api-key-file", "--request-timeout")  # before the command's name
WORKERS = 3


def add_common(parser: Parser) -> None:
    """Add the options that may stand before or after the command's name.

    argparse sets a default only where there is no value, so those after the name don't reset those before.
    """
    group = parser.add_argument_group("for every command")
    group.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    group.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="log to stderr, with the traceback of an unexpected error (-vv: more, and of any error)",
    )
    group.add_argument(
        "--base-url",
        metavar="URL",
        help="the service's origin (default: KLING_ELEMENTS_BASE_URL, else the document's first server)",
    )
    group.add_argument(
        "--auth-header",
        metavar="NAME",
        help="the header that carries the key (default: the document's for that origin)",
    )
    group.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="read the API key from a file, - for stdin (default: from the environment)",
    )
    group.add_argument(
        "--request-timeout",
        type=seconds,
        metavar="SECONDS",
        default=60.0,
        help="how long one request may take (default: %(default)g)",
    )


def _add_request(parser: Parser) -> None:
    """Add the images and the request's fields; `--help` takes the possible values from the document."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a file, or a URL that the service can fetch"
    )
    group = parser.add_argument_group("the request", "All values are checked before anything is sent.")
    group.add_argument("--prompt", metavar="TEXT", help="what should happen")
    group.add_argument("--negative-prompt", metavar="TEXT", help="what should not be seen")
    duration = group.add_argument("--duration", metavar="SECONDS", help="the length of the video")
    ratio = group.add_argument("--aspect-ratio", metavar="NAME", help="the shape of the video")
    group.add_argument("--webhook-url", metavar="URL", help="URL to notify of every status change")
    _add_model(group)
    group.add_argument(
        "--check-images", action="store_true", help="check images behind URLs first, by their first kilobytes"
    )
    group.add_argument(
        "--local-files",
        metavar="{base64,upload}",
        help="base64: send files in the request (default); upload: put them into the service's store first",
    )

    def show_values() -> None:
        # `generate --help` alone pays 40 ms for the document; parsing and running don't need it here.
        from kling_elements.document import load_document  # noqa: PLC0415

        document = load_document()
        body = document.operation("createKlingElementsStdTask")["requestBody"]["content"]["application/json"]
        fields = document.resolve(body["schema"])["properties"]
        for name, action in (("duration", duration), ("aspect_ratio", ratio)):
            action.metavar = f"{{{','.join(document.resolve(fields[name])['enum'])}}}"

    parser.before_help = show_values


def _add_model(parser: argparse._ActionsContainer, purpose: str = "the model") -> None:
    parser.add_argument("--model", metavar="{std,pro}", help=f"{purpose} (default: std)")


def _add_id(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="the task's id")


def _add_workers(parser: Parser, note: str = "") -> None:
    parser.add_argument(
        "--workers",
        type=int,
        default=WORKERS,
        metavar="N",
        help=f"tasks at once (default: %(default)s{note})",
    )


def _add_wait(parser: Parser) -> None:
    group = parser.add_argument_group("the wait")
    group.add_argument(
        "--timeout",
        type=seconds,
        default=1800.0,
        metavar="SECONDS",
        help="how long to wait; the task runs on afterwards (default: %(default)g)",
    )
    group.add_argument(
        "--poll-interval",
        type=seconds,
        metavar="SECONDS",
        help="seconds between polls (default: often at first, then less often)",
    )


def _add_output(parser: Parser, default: str = "the task's id and .mp4, in the current folder") -> None:
    group = parser.add_argument_group("the file")
    group.add_argument("-o", "--output", metavar="FILE", help=f"where the video goes (default: {default})")
    group.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    group.add_argument(
        "--redirects",
        metavar="WHICH",
        help="redirects to follow: same-host (default), any-host (but none to plain http), any",
    )


def _generate(parser: Parser) -> None:
    _add_request(parser)
    _add_wait(parser)
    _add_output(parser)


def _batch(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOBS", help="a file with one JSON object a line; - for stdin")
    parser.add_argument(
        "-d",
        "--directory",
        metavar="DIR",
        required=True,
        help="where the videos go; created if it is missing",
    )
    _add_workers(parser, ", the vendor's limit for one user")
    parser.add_argument(
        "--batch-id",
        metavar="TEXT",
        help="what identifies the batch when it is run again (default: the paths of JOBS and DIR)",
    )
    group = parser.add_argument_group("what may be paid twice")
    group.add_argument(
        "--retry-unknown",
        action="store_true",
        help="create again what was sent before without an answer, though a task may exist",
    )
    group.add_argument(
        "--retry-failed", action="store_true", help="create again what failed, or whose video expired"
    )
    _add_wait(parser)


def _resume(parser: Parser) -> None:
    parser.add_argument(
        "-d",
        "--directory",
        metavar="DIR",
        help="where videos go that have no file noted (default: they are not fetched)",
    )
    _add_workers(parser)
    group = parser.add_argument_group("creates whose outcome is unknown")
    group.add_argument("--adopt", metavar="TASK", help="add a task to the journal, and finish it too")
    group.add_argument("--entry", metavar="ENTRY", help="the entry that --adopt is for, as resume shows it")
    group.add_argument("-o", "--output", metavar="FILE", help="where the video of --adopt goes")
    group.add_argument(
        "--abandon",
        metavar="ENTRY",
        action="append",
        default=[],
        help="forget an entry; a batch may then create its job again",
    )
    _add_wait(parser)


def _wait(parser: Parser) -> None:
    _add_id(parser)
    _add_wait(parser)
    _add_output(parser, "none; the task is shown")


def _download(parser: Parser) -> None:
    _add_id(parser)
    _add_output(parser)


def _check(parser: Parser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a file or a URL")
    _add_model(parser, "the model whose limits apply")


def _webhooks(parser: Parser) -> None:
    parser.add_argument("action", choices=("listen",), metavar="listen", help="serve until Ctrl-C")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", default="8765", metavar="N", help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--secret-file",
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


def _nothing(parser: Parser) -> None:
    del parser


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
    add_arguments: Callable[[Parser], None] = _nothing
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
            "make many videos from a file of jobs; after a crash, run it again (costs money)",
            "JOBS has one JSON object a line, with the request's fields, such as\n"
            '{"images": ["a.jpg"], "prompt": "...", "id": "cat", "output": "cat.mp4"}.\n'
            "Only images are needed. Relative paths of images begin at the folder of JOBS.\n"
            "Videos go to DIR, their paths to stdout as they come. An invalid line fails alone.\n\n"
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
            _add_request,
        ),
        Command(
            "status",
            "show a task",
            "The URLs of its video are shown in full: anyone who has one can fetch it.",
            _add_id,
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
            "One task a line: id and status. Only the tasks of the key's account are visible.",
            _add_model,
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
    )
}
