"""Names that a page leaves out, made from its method and path alone."""

from __future__ import annotations

import re


def _words(text: str) -> list[str]:
    return [word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text)]


def derived_operation_id(method: str, path: str) -> str:
    """Make an operation id: ``post`` and ``/v1/a-b/{id}`` give ``postV1ABById``."""
    parts = [method.lower()]
    for segment in path.strip("/").split("/"):
        parts.extend(["By", *_words(segment)] if segment.startswith("{") else _words(segment))
    return "".join(parts)


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


def component_name(text: str) -> str:
    """Make a name that OpenAPI takes for a component: ``api key`` gives ``api-key``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-") or "unnamed"
