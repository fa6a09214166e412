"""A job of a batch, and what identifies it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from kling_elements.errors import ValidationError
from kling_elements.images.loading import bytes_of
from kling_elements.images.open_files import pixel_digest
from kling_elements.images.sources import ImageProblem, OpenSource, PillowSource, classify
from kling_elements.operations.arguments import Image
from kling_elements.operations.create_request import each_image
from kling_elements.printable import shown_value
from kling_elements.validation import unknown_names
from kling_elements_api.request_options import KlingElementsRequestOptions

_APART = ("images", "id", "output")  # that are no options of a job's
_REUSABLE = (str, bytes, bytearray, memoryview, os.PathLike)
JOB_OPTIONS = (*KlingElementsRequestOptions.__annotations__, "model")
"""What a job's options can be: the request's own fields but its images, and the model."""
JOB_FIELDS = ("images", *JOB_OPTIONS, "id", "output")
"""What a job can have: its options, and what the batch needs."""


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
        """Return a job, checked: a `BatchJob`, or a mapping with all its fields, a line of a file, say.

        Raises:
            ValidationError: If a field is unknown, or id, output or images can't be used. The request's other
                fields are checked when it is its turn.
        """
        if isinstance(given, BatchJob):
            job, faults = given, _option_faults(given.options)
        elif isinstance(given, Mapping):
            faults = unknown_names(list(map(str, given)), JOB_FIELDS, "a field of a job")
            images = given.get("images")
            if images is None:
                faults.append("images is missing")
            listed: tuple[Any, ...] = tuple(images) if isinstance(images, (list, tuple)) else (images,)
            options = {name: value for name, value in given.items() if name not in _APART}
            job = cls(listed, options, given.get("id"), given.get("output"))
        else:
            raise ValidationError([f"a job must be a BatchJob or a mapping: got {type(given).__name__}"])
        kinds: dict[str, tuple[type, ...]] = {"id": (str,), "output": (str, os.PathLike)}
        for name, kind in kinds.items():
            value = getattr(job, name)
            if value is not None and not (isinstance(value, kind) and _text(value).strip()):
                faults.append(f"{name} must be text: got {shown_value(value)}")
        if faults:
            raise ValidationError(faults)
        return job

    def read(self) -> BatchJob:
        """Return the job with the bytes of its open files, which can be read only once, in their place.

        Raises:
            ValidationError: If an image can't be read, or is none.
        """
        images: Any = self.images
        if isinstance(images, _REUSABLE):
            return self  # one image, without a tuple around it
        listed = images if isinstance(images, (list, tuple)) else (images,)
        found, problems = each_image(listed, _reusable)
        if problems:
            raise ValidationError(problems)
        is_same = all(one is other for one, other in zip(found, listed, strict=True))
        return self if is_same else evolve(self, images=tuple(found))

    def digest(self) -> str:
        """Return what identifies the job's content: SHA-256 in hexadecimal.

        Raises:
            ValidationError: If that can't be known again in another process.
        """
        images: Any = self.images
        try:
            known = [*map(_identity, images)] if isinstance(images, (list, tuple)) else _identity(images)
            content = {"images": known, **{k: v for k, v in self.options.items() if v is not None}}
            text = json.dumps(content, sort_keys=True, default=_plain)
        except (TypeError, ValueError, RecursionError) as error:
            why = str(error) or type(error).__name__
            raise ValidationError([f"the job can't be known by its content: {why}. Give it an id"]) from error
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


def _text(value: Any) -> str:
    """Return the text of an id or a path; none of an object that gives no path."""
    try:
        return os.fsdecode(value)
    except Exception:  # noqa: BLE001 - the value's own method may raise anything
        return ""


def _option_faults(options: object) -> list[str]:
    if not isinstance(options, Mapping):
        return [f"options must map fields to values: got {type(options).__name__}"]
    if odd := [name for name in options if not isinstance(name, str) or name in _APART]:
        return [f"options can't have {shown_value(name)}" for name in odd]
    return unknown_names(list(options), JOB_OPTIONS, "an option of a job")


def _reusable(image: Any) -> Any:
    """Return the bytes of an open file, and any other image as it is."""
    source = None if isinstance(image, _REUSABLE) else classify(image)
    return bytes_of(source) if isinstance(source, OpenSource) else image


def _identity(image: object) -> str:
    """Return what stands for an image, the same in every process."""
    if isinstance(image, str):
        return image
    if isinstance(image, (bytes, bytearray, memoryview)):
        return hashlib.sha256(bytes(image)).hexdigest()
    if isinstance(image, os.PathLike):
        return os.fsdecode(image)
    source = classify(image)
    if isinstance(source, PillowSource):
        try:
            return pixel_digest(source.image)
        except ValueError as error:
            raise ImageProblem(source.label, (str(error),)) from error
    raise TypeError(f"a value of type {type(image).__name__} is read only once")


def _plain(value: object) -> str:
    """Return what stands for an option's value that JSON doesn't have; only that of an enum can be sent."""
    return str(value.value) if isinstance(value, Enum) else repr(value)
