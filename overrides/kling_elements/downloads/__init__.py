"""Fetch a video to a file: stream it beside its target, resume, check, and only then give it its name."""

from kling_elements.lazy import lazy_names

__all__, __getattr__ = lazy_names(__name__, __path__[0])  # pyright: ignore[reportUnsupportedDunderAll]
