"""One run of the command: parse, do, report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kling_elements.cli.console import PROGRAM, Console
from kling_elements.cli.context import Context
from kling_elements.cli.error_report import report
from kling_elements.cli.exit_codes import ExitCode, UsageError
from kling_elements.cli.parser import HelpWanted, find_command, parse_command, split, top_parser
from kling_elements.cli.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(argv: Sequence[str] | None) -> int:
    """Run the command line; see `kling_elements.__main__.main`."""
    given = list(sys.argv[1:] if argv is None else argv)
    console = Console.of_process()
    session = Context(console, is_json="--json" in given)
    try:
        code = _run(given, session)
    except HelpWanted as wanted:
        console.result(str(wanted).rstrip())
        code = int(ExitCode.DONE)
    except KeyboardInterrupt as error:
        code = report(error if isinstance(error, Interrupted) else Interrupted(2), session)
    except Exception as error:  # noqa: BLE001 - one entry's fault is not another's; it is in the result
        code = report(error, session)
    console.finish()
    if console.failure and code == ExitCode.DONE:
        console.note(f"{PROGRAM}: the result could not be written to stdout: {console.failure}")
        code = int(ExitCode.OTHER)
    return code


def _run(argv: Sequence[str], session: Context) -> int:
    before, name, rest = split(argv)
    parser = top_parser()
    args = parser.parse_args(before)
    if args.version:
        session.console.result(f"{PROGRAM} {version()}")
        return ExitCode.DONE
    if name is None:
        raise UsageError(f"a command is needed. See: {PROGRAM} --help")
    command = find_command(name)
    if command.takes_all:
        args.rest = rest
        return command.load().run(args, session)
    args = parse_command(command, rest, args)
    session.configure(args)
    from kling_elements.cli.log_output import logged  # noqa: PLC0415

    with session.interruptions, logged(session, args.verbose, is_quiet=args.quiet):
        return command.load().run(args, session)


def version() -> str:
    """The version of the distribution that is installed."""
    from importlib.metadata import PackageNotFoundError  # noqa: PLC0415 - `--help` need not pay for it

    import kling_elements  # noqa: PLC0415 - as above

    try:
        return kling_elements.__version__
    except PackageNotFoundError:
        return "(not installed: run from its sources)"
