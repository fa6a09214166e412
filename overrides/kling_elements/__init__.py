"""A careful client for Kling Elements, Freepik's (Magnific's) image-to-video model.

    from kling_elements import KlingElements

    with KlingElements() as client:
        task = client.generate(["a.jpg", "https://…/b.png"], prompt="…", duration="5")
        task.download("out.mp4")

Names are imported when they are first used, so that importing the package costs next to nothing. The stub
beside this file, which type checkers and editors read, lists them.
"""

import logging
import re
from importlib import import_module

# A library is quiet until its user sets up logging; without a handler, warnings would go to stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_STUB = __spec__.loader.get_data(f"{__path__[0]}/__init__.pyi").decode()
_MODULE_OF = {
    name: module for module, name in re.findall(r"^from (\S+) import (\w+) as", _STUB, re.MULTILINE)
}

__all__ = sorted([*_MODULE_OF, "__version__"])  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - it is slow, and rarely asked for

        return version("kling-elements")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
