"""Images as callers pass them (URLs, paths, bytes, base64): recognise, read, check, without the network."""

from __future__ import annotations

from kling_elements.images.constraints import ImageConstraints, ImageInfo, problems
from kling_elements.images.inspection import inspect
from kling_elements.images.sources import (
    BytesSource,
    FileSource,
    ImageProblem,
    ImageSource,
    LoadedImage,
    UrlSource,
    classify,
    load_image,
)
from kling_elements.images.urls import is_private_url, shown_url, url_problems

__all__ = [
    "BytesSource",
    "FileSource",
    "ImageConstraints",
    "ImageInfo",
    "ImageProblem",
    "ImageSource",
    "LoadedImage",
    "UrlSource",
    "classify",
    "inspect",
    "is_private_url",
    "load_image",
    "problems",
    "shown_url",
    "url_problems",
]
