"""Arguments that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_elements.cli.parser import Parser, filled, seconds

if TYPE_CHECKING:
    import argparse

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
        type=filled,
        metavar="URL",
        help="the service's origin (default: KLING_ELEMENTS_BASE_URL, else the document's first server)",
    )
    group.add_argument(
        "--auth-header",
        type=filled,
        metavar="NAME",
        help="the header that carries the key (default: the document's for that origin)",
    )
    group.add_argument(
        "--api-key-file",
        type=filled,
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


def add_request(parser: Parser) -> None:
    """Add the images and the request's fields."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a file, or a URL that the service can fetch"
    )
    group = parser.add_argument_group("the request", "All values are checked before anything is sent.")
    add_fields(parser, group)
    group.add_argument(
        "--check-images", action="store_true", help="check images behind URLs first, by their first kilobytes"
    )
    group.add_argument(
        "--local-files",
        metavar="{base64,upload}",
        help="base64: send files in the request (default); upload: put them into the service's store first",
    )


def add_fields(parser: Parser, group: argparse._ArgumentGroup) -> None:
    """Add the request's fields; `--help` and completion take the possible values from the document."""
    group.add_argument("--prompt", metavar="TEXT", help="what should happen")
    group.add_argument("--negative-prompt", metavar="TEXT", help="what should not be seen")
    duration = group.add_argument("--duration", metavar="SECONDS", help="the length of the video")
    ratio = group.add_argument("--aspect-ratio", metavar="NAME", help="the shape of the video")
    group.add_argument("--webhook-url", metavar="URL", help="URL to notify of every status change")
    parser.valued |= {"duration": duration, "aspect_ratio": ratio, "model": add_model(group)}


def add_model(parser: argparse._ActionsContainer, purpose: str = "the model") -> argparse.Action:
    """Add the option for the model."""
    return parser.add_argument("--model", metavar="{std,pro}", help=f"{purpose} (default: std)")


def add_id(parser: Parser) -> None:
    """Add the id of a task."""
    parser.add_argument(
        "id", type=filled, metavar="ID", help="the task's id, or its first characters, three or more"
    )


def add_workers(parser: Parser, note: str = "") -> None:
    """Add the number of tasks at once."""
    parser.add_argument(
        "--workers",
        type=int,
        default=WORKERS,
        metavar="N",
        help=f"tasks at once (default: %(default)s{note})",
    )


def add_wait(parser: Parser) -> None:
    """Add the options of a wait."""
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


def add_output(parser: Parser, default: str = "the task's id and .mp4, in the current folder") -> None:
    """Add the file that the video goes to."""
    group = parser.add_argument_group("the file")
    group.add_argument(
        "-o", "--output", type=filled, metavar="FILE", help=f"where the video goes (default: {default})"
    )
    group.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    group.add_argument("--open", action="store_true", help="open the video when it is there")
    group.add_argument(
        "--redirects",
        metavar="WHICH",
        help="redirects to follow: same-host (default), any-host (but none to plain http), any",
    )
