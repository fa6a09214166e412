# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
"""Optional fields of request bodies, and the values that they may have, from the document.

Made by spec/tools/option_types.py.
"""

from typing import Any, Literal, TypeAlias, TypedDict

KlingElementsRequestPath: TypeAlias = Literal["std", "pro"]

KlingElementsRequestDuration: TypeAlias = Literal["5", "10"]

KlingElementsRequestAspectRatio: TypeAlias = Literal["widescreen_16_9", "social_story_9_16", "square_1_1"]


class KlingElementsRequestOptions(TypedDict, total=False):
    """Optional fields of KlingElementsRequest; None leaves one out."""

    prompt: str | None
    """Positive text prompt. At most 2500 characters."""

    negative_prompt: str | None
    """Negative text prompt. At most 2500 characters."""

    duration: KlingElementsRequestDuration | None
    """Duration of the generated video in seconds."""

    aspect_ratio: KlingElementsRequestAspectRatio | None
    """Aspect ratio for the generated video. The service's default is 'widescreen_16_9'."""

    webhook_url: str | None
    """Optional callback URL that will receive asynchronous notifications whenever the task changes
    status. The payload sent to this URL is the same as the corresponding GET endpoint response, but
    without the data field."""
