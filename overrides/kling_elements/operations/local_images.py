"""What becomes of local images: they are read, checked, and sent in the request, or stored before it.

All of it happens before a task is created, and costs nothing.
"""

from __future__ import annotations

import inspect
from functools import cache, partial
from typing import TYPE_CHECKING, cast

from kling_elements.errors import UploadError, ValidationError
from kling_elements.images.constraints import ImageConstraints
from kling_elements.images.loading import load_image
from kling_elements.images.sources import ImageProblem, UrlSource
from kling_elements.images.urls import url_problems
from kling_elements.operations.arguments import BASE64
from kling_elements.operations.create_request import body_validator, build_request, each_image, image_problem
from kling_elements.operations.uploads import NOTHING_CREATED

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kling_elements.api.endpoints import Endpoints
    from kling_elements.api.io import IO
    from kling_elements.images.loading import LoadedImage
    from kling_elements.operations.arguments import Image, Store
    from kling_elements.operations.create_request import Draft
    from kling_elements.operations.uploads import Uploader
    from kling_elements.types import Request


def finish_request(draft: Draft) -> Request:
    """Read and check the local images, and build the request.

    Images in files and bytes are sent as base64 in `images`.

    Raises:
        ValidationError: If an image can't be read or sent.
    """
    loaded = load_images(draft)
    images = [
        source.url if isinstance(source, UrlSource) else loaded[place].base64
        for place, source in enumerate(draft.images)
    ]
    return build_request(draft, images)


async def finish_stored(draft: Draft, store: str | Store, uploader: Uploader) -> Request:
    """Build the request, with the local images where they are to be.

    Args:
        draft: The draft.
        store: Where local images go; see `check_local_files`.
        uploader: Uploads them to the service's store.

    Raises:
        ValidationError: If an image can't be used, or the caller's function returns no URL.
        KlingError: If the service's store can't be used.
        BaseException: If the caller's function raises it.
    """
    if store == BASE64:
        return await uploader.sender.io.run(lambda: finish_request(draft))
    return finish_request(await _place_images(draft, store, uploader))


def load_images(draft: Draft) -> dict[int, LoadedImage]:
    """Read and check the local images; return them by their positions.

    Raises:
        ValidationError: If one can't be read or sent.
    """
    rules = image_rules(draft.model)
    loaded, problems = each_image(
        draft.images, lambda source: None if isinstance(source, UrlSource) else load_image(source, rules)
    )
    if problems:
        raise ValidationError(problems)
    return {place: image for place, image in enumerate(loaded) if image is not None}


def load_one(image: Image, model: Endpoints) -> LoadedImage:
    """Read and check one local image.

    Raises:
        ValidationError: If it can't be read or sent.
    """
    try:
        return load_image(image, image_rules(model))
    except ImageProblem as problem:
        raise ValidationError([str(problem)]) from None


@cache
def image_rules(model: Endpoints) -> ImageConstraints:
    """Return the limits of an image, from the document."""
    images = body_validator(model).schema["properties"]["images"]
    return ImageConstraints.from_document(images["items"]["x-image-constraints"])


async def _place_images(draft: Draft, store: str | Store, uploader: Uploader) -> Draft:
    """Replace a draft's local images by URLs."""
    loaded = await uploader.sender.io.run(lambda: load_images(draft))
    try:
        if callable(store):
            urls: list[str] = []
            for place, image in loaded.items():
                urls.append(await _store(uploader.sender.io, store, place, image))
        else:
            urls = await uploader.upload(list(loaded.values()))
    except BaseException as error:
        if not isinstance(error, (UploadError, ValidationError)):
            error.add_note(f"{NOTHING_CREATED}: a local image was being stored")
        raise
    images = list(draft.images)
    for place, url in zip(loaded, urls, strict=True):
        images[place] = UrlSource(url)
    return draft._replace(images=tuple(images))


async def _store(io: IO, store: Store, place: int, image: LoadedImage) -> str:
    """Pass an image to the caller's function, and await the result if it is awaitable."""
    work = partial(store, image.data, image.content_type)
    # It may take long, and must not hold up an event loop. Wrapped, as trio refuses a thread that returns a
    # coroutine.
    (result,) = await io.run(lambda: (work(),))
    if inspect.isawaitable(result):
        waiting = result
        result = cast("str | Awaitable[str]", await io.call(lambda _: waiting, None))
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise ValidationError(["local_files must not be asynchronous here: use AsyncKlingElements for that"])
    if isinstance(result, str):
        faults = [f"the URL that local_files returned {problem}" for problem in url_problems(result)]
    else:
        faults = [f"local_files returned {_article(result)}, not a URL"]
    if faults:
        raise ValidationError(
            [image_problem(place, image.label, [f"was stored, but {fault}" for fault in faults])]
        )
    return str(result)


def _article(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
