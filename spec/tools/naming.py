"""Names that a page leaves out, made from its method and path alone; others for those that are taken."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def camel(text: str) -> str:
    """Join the words of a text: ``a-b c`` gives ``ABC``."""
    return "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))


def derived_operation_id(method: str, path: str) -> str:
    """Make an operation id: ``post`` and ``/v1/a-b/{id}`` give ``postV1ABById``."""
    segments = path.strip("/").split("/")
    return method.lower() + "".join("By" * one.startswith("{") + camel(one) for one in segments)


def derived_tag(path: str) -> str:
    """Make the tag that groups an operation with its kin: the segment above the last fixed one.

    ``/v1/ai/image-to-video/kling/{task-id}`` gives ``image-to-video``. A version and parameters don't count.
    """
    fixed = [
        segment
        for segment in path.strip("/").split("/")
        if segment and "{" not in segment and not re.fullmatch(r"v\d+(\.\d+)*", segment)
    ]
    return fixed[-2] if len(fixed) > 1 else (fixed[0] if fixed else "default")


def numbered(name: str, joint: str = "_") -> Iterator[str]:
    """Give a name, then the ones to take where it is taken: ``a``, ``a_2``, ``a_3``."""
    yield name
    yield from (f"{name}{joint}{number}" for number in count(2))
