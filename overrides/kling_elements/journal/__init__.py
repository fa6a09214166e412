"""A journal of created tasks, so that a killed process loses nothing that was paid.

`Journal` is what a client writes to. Built in layers: `entry` decides what an entry becomes, purely;
`queries` says what each call reads and writes; `tables` keeps entries in SQLite, and `memory` in dictionaries
where there is no file; `database` owns the file; `fallback` turns to memory when that fails.
"""

from kling_elements.lazy import lazy_names

__all__, __getattr__ = lazy_names(__name__, __path__[0])  # pyright: ignore[reportUnsupportedDunderAll]
