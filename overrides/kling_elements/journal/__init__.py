"""A journal of created tasks, so that a killed process loses nothing that was paid.

`Journal` is what a client writes to. Built in layers: `entry` decides what an entry becomes, purely;
`operations` says what each call reads and writes; `books` keep entries (in SQLite, or in memory); `store`
owns the file; `keeper` turns to memory when that fails; `journal` is the face of it all.
"""

from kling_elements.lazy import lazy_names

__all__, __getattr__ = lazy_names(__name__, __path__[0])  # pyright: ignore[reportUnsupportedDunderAll]
