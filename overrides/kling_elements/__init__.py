"""A careful client for Kling Elements, Freepik's (Magnific's) image-to-video model.

    from kling_elements import KlingElements

    with KlingElements() as client:
        task = client.generate(["a.jpg", "https://…/b.png"], prompt="…", duration="5")
        task.download("out.mp4")

Names are imported when they are first used, so that importing the package costs next to nothing. The stub
beside this file lists them.
"""

from kling_elements.lazy import lazy_names

__version__ = "0.1.0"

_names, __getattr__ = lazy_names(__name__, __path__[0])
__all__ = sorted([*_names, "__version__"])  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]


def __dir__() -> list[str]:
    return __all__
