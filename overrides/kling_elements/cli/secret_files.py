"""A secret that a file or stdin holds: the API key, or a webhook's secret."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kling_elements.errors import ValidationError
from kling_elements.files import os_error_reason

if TYPE_CHECKING:
    import os

_MAX_LENGTH = 64 * 1024  # characters; a device may have no end


def read_secret(file: str | os.PathLike[str]) -> str:
    """Read a secret, without the white space around it; `-` is stdin.

    Raises:
        ValidationError: There is none. The problem follows the file's name in a sentence.
    """
    try:
        if file == "-":
            text = sys.stdin.read(_MAX_LENGTH)
        else:
            with Path(file).open(encoding="utf-8-sig") as opened:
                text = opened.read(_MAX_LENGTH)
    except UnicodeDecodeError:
        problem = "is not text"
    except AttributeError:  # there is no `sys.stdin`
        problem = "is stdin, which is closed"
    except (OSError, ValueError) as error:
        problem = f"can't be read: {os_error_reason(error)}"
    else:
        if len(text) < _MAX_LENGTH and text.strip():
            return text.strip()
        problem = "is too long to be one" if text.strip() else "is empty"
    raise ValidationError([problem]) from None
