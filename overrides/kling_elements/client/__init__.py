"""The two clients over one base."""

from kling_elements.lazy import lazy_names

__all__, __getattr__ = lazy_names(__name__, __path__[0])  # pyright: ignore[reportUnsupportedDunderAll]
