"""A careful client for Kling Elements, Freepik's (Magnific's) image-to-video model.

    from kling_elements import KlingElements

    with KlingElements() as client:
        task = client.generate(["a.jpg", "https://…/b.png"], prompt="…", duration="5")
        task.download("out.mp4")

Names are imported when they are first used, so that importing the package costs next to nothing. The stub
beside this file, which type checkers and editors read, lists them.
"""

from importlib import import_module

__version__ = "0.1.0"

_STUB = __spec__.loader.get_data(f"{__path__[0]}/__init__.pyi").decode()
# Lines of the stub: from MODULE import NAME as NAME
_MODULE_OF = {
    words[3]: words[1] for line in _STUB.splitlines() if (words := line.split()) and words[0] == "from"
}

__all__ = sorted([*_MODULE_OF, "__version__"])  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
