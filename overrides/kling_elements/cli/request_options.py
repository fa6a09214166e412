"""The options of a request and of a wait, as the client takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements import Look, Task
    from kling_elements.cli.claims import TaskClaim
    from kling_elements.cli.context import Context
    from kling_elements.cli.progress import Progress
    from kling_elements.options import CreateOptions, WaitOptions


def request_options(args: Namespace) -> CreateOptions:
    """Return the options of the client's `create`."""
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


def wait_options(
    args: Namespace, context: Context, progress: Progress, claim: TaskClaim, *, is_new: bool
) -> WaitOptions:
    """Return the options of the client's `wait`: it shows how it goes, and claims the task.

    With `is_new` this command creates the task, and shows its id.
    """

    def on_update(task: Task) -> None:
        claim.take(task.id)
        context.know(task, is_new=is_new)
        progress.update(task)

    def on_look(look: Look) -> None:
        claim.prolong(look)
        progress.look(look)

    return {
        "timeout": args.timeout,
        "poll_interval": args.poll_interval,
        "on_update": on_update,
        "on_look": on_look,
        "sleep": progress.sleep,
    }
