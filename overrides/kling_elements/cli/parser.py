"""Parse arguments as argparse does, but raise what it would print, and suggest the right spelling."""

from __future__ import annotations

import argparse
import re
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
        if self.valued:
            values = _listed_values()
            for name, action in self.valued.items():
                action.metavar, action.choices = None, values[name]

    def parse(self, words: Sequence[str], known: argparse.Namespace) -> argparse.Namespace:
        """Parse words into what is known already; files and options may alternate."""
        if not {"-h", "--help"}.isdisjoint(words):
            self.fill_values()
        before, files = _split(words)
        # Intermixed: `generate a.jpg --prompt … b.jpg` is what people type.
        return self.parse_intermixed_args([*self._attach_values(before), *files], known)

    def takes_value(self, word: str) -> bool:
        """Whether a word is an option whose value is the next word."""
        action = self._option_string_actions.get(word)
        return action is not None and action.nargs is None

    def _attach_values(self, words: Iterable[str]) -> list[str]:
        """Attach a value such as `-x` to its option; argparse would take it for another option.

        Not `--x`, which is rather a misspelt option than a prompt that somebody wants to pay for.

        Raises:
            UsageError: If the last word is an option that lacks its value.
        """
        attached: list[str] = []
        rest = iter(words)
        for word in rest:
            if not self.takes_value(word):
                attached.append(word)
                continue
            value = next(rest, None)
            if value is None:  # a file after `--` is none
                spellings = self._option_string_actions[word].option_strings
                self.error(f"argument {'/'.join(spellings)}: expected one argument")
            if value.startswith("-") and value[1:2] not in {"", "-"} and not self._is_option(value):
                attached.append(f"{word}={value}" if word.startswith("--") else f"{word}{value}")
            else:
                attached += [word, value]
        return attached

    def _is_option(self, word: str) -> bool:
        """Whether a word is an option, maybe with its value (`-oFILE`), or several of a letter (`-qv`)."""
        known = self._option_string_actions
        return word.partition("=")[0] in known or (word[:2] in known and " " not in word)


def seconds(text: str) -> float:
    """Read a number of seconds; the client checks its range."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number of seconds is needed: got {text!r}") from None


def filled(text: str) -> str:
    """Read a value that must not be empty, as that of a variable that was not set is.

    An empty path would be the current folder, and the first characters of every id are none at all.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(f"a value is needed: got {text!r}")
    return text


def _listed_values() -> dict[str, Sequence[str]]:
    """Return the values that the document lists for each field; those of "model" are in operations' ids."""
    from kling_elements.document import load_document  # noqa: PLC0415 - see `fill_values`

    document = load_document()
    body = document.operation("createKlingElementsStdTask")["requestBody"]["content"]["application/json"]
    fields = document.resolve(body["schema"])["properties"]
    values = {name: document.resolve(field).get("enum", ()) for name, field in fields.items()}
    found = (re.fullmatch(r"createKlingElements(\w+)Task", name) for name in document.operations)
    return {**values, "model": [create[1].lower() for create in found if create]}


def _split(words: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """Split words at `--`, which intermixed parsing does not support: what follows it are files."""
    if "--" not in words:
        return words, []
    place = list(words).index("--")
    return words[:place], [f"./{word}" if word.startswith("-") else word for word in words[place + 1 :]]
