"""Check a caller's values and build the request. Bad input ends here, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from kling_elements.api.endpoints import json_request
from kling_elements.errors import ValidationError
from kling_elements.images.sources import ImageProblem, UrlSource, classify, is_single
from kling_elements.validation import request_validator, unknown_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kling_elements.api.endpoints import Endpoints
    from kling_elements.images.sources import ImageSource
    from kling_elements.operations.arguments import Images
    from kling_elements.types import Request
    from kling_elements.validation import Validator

T = TypeVar("T")
ImageT = TypeVar("ImageT")


class Draft(NamedTuple):
    """A request whose fields are checked, and whose images are known by kind but not read yet.

    Attributes:
        model: The service's model.
        fields: All fields but the images.
        images: The images in the caller's order.
        urls: For each image the URL that is checked already; empty for another.
    """

    model: Endpoints
    fields: Mapping[str, Any]
    images: tuple[ImageSource, ...]
    urls: list[str]


def draft_request(
    model: Endpoints, images: Images, fields: Mapping[str, object], options: tuple[str, ...] = ()
) -> Draft:
    """Check everything that can be checked without reading an image.

    Args:
        model: The service's model.
        images: One image or several: URLs, paths, bytes, open binary files, Pillow images, or base64 text.
        fields: The other fields; None means that a field is left out.
        options: Names of the call's options that are no fields, to suggest for a misspelled name.

    Raises:
        ValidationError: With a sentence for each problem.
    """
    validator = body_validator(model)
    names = validator.names
    # In the document's order: the same request is the same bytes, whatever the order of its arguments.
    given = {name: _plain(fields[name]) for name in names if fields.get(name) is not None}
    listed = _listed(images)
    problems = unknown_names(list(fields), (*names, *options))
    sources, image_problems = each_image(listed, classify)
    urls = [source.url if isinstance(source, UrlSource) else "" for source in sources]
    # The schema can only say of an image that it is a string, so empty ones stand for those that are no URLs.
    shown = ["" for _ in listed] if image_problems else urls
    problems += validator.problems({**given, "images": shown}) + image_problems
    problems += _webhook_problems(given)
    if problems:
        raise ValidationError(problems)
    return Draft(model, given, tuple(sources), urls)


def build_request(draft: Draft, images: Sequence[str]) -> Request:
    """Build the request.

    Args:
        draft: The draft.
        images: For each of its images the URL, or base64.

    Raises:
        ValidationError: If an image that was no URL doesn't fit the document.
    """
    body = {"images": images, **draft.fields}
    if images is not draft.urls and (problems := body_validator(draft.model).problems(body)):
        raise ValidationError(problems)
    return json_request(draft.model.create, body)


def each_image(images: Iterable[ImageT], use: Callable[[ImageT], T]) -> tuple[list[T], list[str]]:
    """Use each of a request's images; return what came of it, and a sentence for each that is unusable."""
    found: list[T] = []
    problems: list[str] = []
    for place, image in enumerate(images):
        try:
            found.append(use(image))
        except ImageProblem as problem:
            problems.append(image_problem(place, problem.label, problem.problems))
    return found, problems


def image_problem(place: int, label: str, problems: Iterable[str]) -> str:
    """Return the sentence about one image of the request."""
    return f"images[{place}]: {label} {'; '.join(problems)}"


def body_validator(model: Endpoints) -> Validator:
    """Return what checks the body of a model's create."""
    return request_validator(model.create)


def _listed(images: object) -> list[object]:
    if type(images) is list:  # a class of the caller's may be one image
        return list(images)
    if is_single(images):
        return [images]
    if isinstance(images, Iterable) and not isinstance(images, dict):
        return list(images)
    raise ValidationError([f"images must be one image or a list of them: got {type(images).__name__}"])


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _webhook_problems(fields: Mapping[str, object]) -> list[str]:
    """Check what the schema's `format: uri` can't say: that the service can call the URL."""
    url = fields.get("webhook_url")
    if not isinstance(url, str):
        return []
    try:
        parts = urlsplit(url)
    except ValueError:
        return []  # the schema reports that it is no URL
    try:
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return []
    except ValueError:  # a port above 65535
        pass
    return [
        f"webhook_url must be an http or https URL with a host, and no port but 1 to 65535: got {url[:60]!r}"
    ]
