"""A job of a batch, and what identifies it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from attrs import field, frozen

from kling_elements.errors import ValidationError
from kling_elements.operations.arguments import Image
from kling_elements.task import Task
from kling_elements.validation import unknown_names
from kling_elements_api.request_options import KlingElementsRequestOptions

TaskT = TypeVar("TaskT", bound=Task)

_OWN_FIELDS = ("id", "output", "model")
JOB_FIELDS = ("images", *KlingElementsRequestOptions.__annotations__, *_OWN_FIELDS)
"""What a job can have: the request's own fields, and what the batch needs."""


@frozen
class BatchJob:
    """One video to be made.

    Attributes:
        images: As for `create`.
        options: The request's fields, and `model`.
        id: What identifies the job within its batch: it is created once, however often the batch is run.
            None: its content does, and among equal jobs its place.
        output: The file for its video, below the batch's folder; by default it is named after the id.
    """

    images: tuple[Image, ...]
    options: Mapping[str, Any] = field(factory=dict)
    id: str | None = None
    output: str | os.PathLike[str] | None = None

    @classmethod
    def of(cls, given: object) -> BatchJob:
        """A job from a mapping with all its fields: a line of a file, say.

        Raises:
            ValidationError: If a field is unknown, or id, output or images can't be used. The request's other
                fields are checked when it is its turn.
        """
        if not isinstance(given, Mapping):
            raise ValidationError([f"a job must be a BatchJob or a mapping: got {type(given).__name__}"])
        faults = unknown_names(list(map(str, given)), JOB_FIELDS, "a field of a job")
        for name in ("id", "output"):
            value = given.get(name)
            kinds = str if name == "id" else (str, os.PathLike)
            if value is not None and not (isinstance(value, kinds) and str(value).strip()):
                faults.append(f"{name} must be text: got {_shown(value)}")
        images = given.get("images")
        if images is None:
            faults.append("images is missing")
        listed: tuple[Any, ...] = tuple(images) if isinstance(images, (list, tuple)) else (images,)
        if faults:
            raise ValidationError(faults)
        options = {name: value for name, value in given.items() if name not in {"images", "id", "output"}}
        return cls(listed, options, given.get("id"), given.get("output"))

    def digest(self) -> str:
        """What identifies the job's content: SHA-256 in hexadecimal."""
        content = {"images": self.images, **{k: v for k, v in self.options.items() if v is not None}}
        text = json.dumps(content, sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()  # JSON is ASCII


@frozen
class Order:
    """A job that is ready to be done.

    Attributes:
        number: Its line, or its place among the jobs, from 1.
        key: What identifies it within the batch.
        job: The job.
        target: The file for its video; None if it is not to be fetched.
    """

    number: int
    key: str
    job: BatchJob
    target: Path | None


def _shown(value: object) -> str:
    return repr(value)[:60]


def _plain(value: object) -> str:
    """What stands for a value that JSON doesn't have."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    return str(value.value) if isinstance(value, Enum) else repr(value)
