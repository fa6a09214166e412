"""Parse arguments as argparse does, but raise what it would print, and suggest the right spelling."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from kling_elements.cli.exit_codes import UsageError
from kling_elements.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class HelpWanted(Exception):  # noqa: N818 - not an error
    """`--help` was given; the text is what to show."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of printing.

    Attributes:
        valued: Options whose values the document lists, by the request's fields (and "model").
    """

    def __init__(
        self, prog: str, description: str, epilog: str | None = None, usage: str | None = None
    ) -> None:
        super().__init__(
            prog,
            usage,
            description,
            epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # an abbreviation breaks when an option is added
        )
        self.valued: dict[str, argparse.Action] = {}

    def print_help(self, file: Any = None) -> NoReturn:  # noqa: ARG002 - argparse's signature
        """Raise the help; argparse calls this for `--help`."""
        raise HelpWanted(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Raise a usage error; argparse calls this for invalid arguments."""
        hint = ""
        if message.startswith("unrecognized arguments: -"):
            unknown = message.split()[2].partition("=")[0]
            hint = did_you_mean(unknown, self._option_string_actions, str)
        elif message.startswith("argument -") and message.endswith("expected one argument"):
            option = message.split()[1].rstrip(":").rpartition("/")[2]
            hint = f" (a value that begins with a dash is written {option}=VALUE)"
        raise UsageError(f"{message}{hint}. See: {self.prog} --help")

    def fill_values(self) -> None:
        """Fill in the values that the document lists; for help and completion, as it takes 40 ms."""
        if not self.valued:
            return
        from kling_elements.cli.field_values import field_values  # noqa: PLC0415 - see above

        for name, action in self.valued.items():
            action.metavar, action.choices = None, field_values(name)

    def parse(self, words: Sequence[str], known: argparse.Namespace) -> argparse.Namespace:
        """Parse words into what is known already; files and options may alternate."""
        if not {"-h", "--help"}.isdisjoint(words):
            self.fill_values()
        # Intermixed: `generate a.jpg --prompt … b.jpg` is what people type.
        return self.parse_intermixed_args(self._attach_values(_without_separator(words)), known)

    def _attach_values(self, words: Iterable[str]) -> list[str]:
        """Attach a value such as `-x` to its option; argparse would take it for another option.

        Not `--x`, which is rather a misspelt option than a prompt that somebody wants to pay for.
        """
        attached: list[str] = []
        rest = iter(words)
        for word in rest:
            action = self._option_string_actions.get(word)
            if action is None or action.nargs is not None:
                attached.append(word)
                continue
            value = next(rest, None)
            if value is None:
                attached.append(word)
            elif value.startswith("-") and value[1:2] not in {"", "-"} and not self._is_option(value):
                attached.append(f"{word}={value}" if word.startswith("--") else f"{word}{value}")
            else:
                attached += [word, value]
        return attached

    def _is_option(self, word: str) -> bool:
        return word.partition("=")[0] in self._option_string_actions


def seconds(text: str) -> float:
    """Read a number of seconds; the client checks its range."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number of seconds is needed: got {text!r}") from None


def _without_separator(words: Sequence[str]) -> list[str]:
    """Remove `--`, which intermixed parsing does not support: what follows it are files."""
    if "--" not in words:
        return list(words)
    place = list(words).index("--")
    files = [f"./{word}" if word.startswith("-") else word for word in words[place + 1 :]]
    return [*words[:place], *files]
