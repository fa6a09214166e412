"""The options of a request and of a wait, for the commands that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.parser import seconds
from kling_elements.operations.wait import WAIT_TIMEOUT

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements import Look, Task
    from kling_elements.cli.context import Context
    from kling_elements.cli.progress import Progress
    from kling_elements.options import CreateOptions, WaitOptions


def add_request(parser: ArgumentParser) -> None:
    """Add the images and the fields of the request. Their limits are the document's, and told in errors."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a file, or a URL that the service can fetch"
    )
    group = parser.add_argument_group(
        "the request",
        "Values are checked before anything is sent; a wrong one is answered with those that are possible.",
    )
    group.add_argument("--prompt", metavar="TEXT", help="what should happen")
    group.add_argument("--negative-prompt", metavar="TEXT", help="what should not be seen")
    group.add_argument("--duration", metavar="SECONDS", help="how long the video is")
    group.add_argument("--aspect-ratio", metavar="NAME", help="its shape")
    group.add_argument("--webhook-url", metavar="URL", help="is told about every change of the task")
    group.add_argument("--model", metavar="NAME", help="the model (default: std)")
    group.add_argument(
        "--check-images", action="store_true", help="look at images behind URLs first: the first kilobytes"
    )
    group.add_argument(
        "--local-files",
        metavar="HOW",
        help="base64: files are sent within the request (default); upload: they are put to the service's "
        "store first",
    )


def request_options(args: Namespace) -> CreateOptions:
    """The options of the client's `create`."""
    options: CreateOptions = {
        "prompt": args.prompt,
        "negative_prompt": args.negative_prompt,
        "duration": args.duration,
        "aspect_ratio": args.aspect_ratio,
        "webhook_url": args.webhook_url,
        "check_images": args.check_images,
    }
    if args.model is not None:
        options["model"] = args.model
    if args.local_files is not None:
        options["local_files"] = args.local_files  # the client says what it can be
    return options


def add_wait(parser: ArgumentParser) -> None:
    """Add the options of a wait."""
    group = parser.add_argument_group("the wait")
    group.add_argument(
        "--timeout",
        type=seconds,
        default=WAIT_TIMEOUT,
        metavar="SECONDS",
        help="how long to wait; the task runs on afterwards (default: %(default)g)",
    )
    group.add_argument(
        "--poll-interval",
        type=seconds,
        metavar="SECONDS",
        help="seconds between looks (default: often at first, seldom later)",
    )


def wait_options(args: Namespace, session: Context, progress: Progress, *, is_new: bool) -> WaitOptions:
    """The options of the client's `wait`, with progress shown and the id told.

    Args:
        args: The command's options.
        session: This run.
        progress: Where the wait is shown.
        is_new: Whether the task is created by this command, so that its id is news.
    """

    def on_update(task: Task) -> None:
        session.know(task, is_new=is_new)
        progress.see(task)

    def on_look(look: Look) -> None:
        progress.look(look)

    return {
        "timeout": args.timeout,
        "poll_interval": args.poll_interval,
        "on_update": on_update,
        "on_look": on_look,
        "sleep": progress.sleep,
    }
