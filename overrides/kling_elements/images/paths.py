"""What is wrong with an image's path, and which one was probably meant."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

from kling_elements.files import os_error_reason
from kling_elements.printable import printable

_MAX_NAMES = 5000  # names in a folder looked at for a suggestion
_HEAD_SHOWN = 100  # characters at either end of a long path


def lookup(path: str) -> OSError | None:
    """Why there is nothing at a path; None when there is something, be it a broken link."""
    try:
        os.lstat(path)
    except OSError as error:
        return error
    except ValueError as error:  # a null character, or half a surrogate pair
        return OSError(os_error_reason(error))
    return None


def os_problem(path: Path, error: OSError) -> str:
    """Say why a path can't be read, as the end of a sentence that begins with the path."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return _missing(path)
    return f"can't be read: {os_error_reason(error)}"


def shown_path(text: str) -> str:
    """A path for a message: not too long, and without what could confuse a terminal."""
    text = text if len(text) <= 2 * _HEAD_SHOWN else f"{text[:_HEAD_SHOWN]}…{text[-_HEAD_SHOWN:]}"
    return printable(text)


def _missing(path: Path) -> str:
    if path.is_symlink():
        return f"is a link to nothing: {shown_path(str(path.readlink()))} does not exist"
    text = str(path)
    home = os.path.expanduser(text)  # noqa: PTH111  Path.expanduser raises for an unknown user
    if home != text and os.path.lexists(home):
        return f"does not exist: ~ is for shells; did you mean {shown_path(home)}?"
    if not path.parent.is_dir():
        hint = "; a URL begins with https://" if re.match(r"(?:\w[\w-]*\.)+[a-z]{2,}/", text) else ""
        return f"does not exist, and neither does the folder {shown_path(str(path.parent))}{hint}"
    nearest = _nearest(path)
    if nearest is None:
        return "does not exist" if path.suffix else "is no URL, no base64, and no file that exists"
    return f"does not exist: did you mean {shown_path(str(path.with_name(nearest)))}?"


def _nearest(path: Path) -> str | None:
    """The name in the same folder that is most like a missing one's."""
    import difflib

    try:
        with os.scandir(path.parent) as entries:
            names = {entry.name.lower(): entry.name for entry in islice(entries, _MAX_NAMES)}
    except OSError:
        return None
    wanted = path.name.lower()
    same_stem = [name for name in sorted(names) if Path(name).stem == wanted]
    close = same_stem or difflib.get_close_matches(wanted, names, cutoff=0.7)
    return names[close[0]] if close else None
